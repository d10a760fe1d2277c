// The raw traffic of the chosen chat: webhooks with their attempts, sends with their answers.

import { byId, h } from "./dom.js";
import { duration, now, preciseTime } from "./time.js";

const MOST_SHOWN = 100;
const HINTS = {
  deliveries: "No webhook for this chat yet.",
  sends: "The business has sent nothing yet.",
};

/** One list of records, newest first; those that did not change stay the elements they are. */
export class Traffic {
  constructor(name) {
    this.name = name;
    this.list = byId(name);
    this.records = new Map();
    // The time until the next attempt runs down.
    if (name === "deliveries") setInterval(() => this.redrawWaiting(), 1000);
  }

  /** Show the records of another chat. */
  show(records) {
    this.records = new Map(records.map((record) => [record.id, record]));
    this.list.replaceChildren();
    this.draw();
  }

  /** Add or change one record. */
  update(record) {
    this.records.set(record.id, record);
    this.draw([record.id]);
  }

  redrawWaiting() {
    if (this.list.hidden) return;
    const waiting = [...this.records.values()].filter(({ state }) => state === "pending");
    if (waiting.length) this.draw(waiting.map(({ id }) => id));
  }

  draw(changed = []) {
    const make = this.name === "deliveries" ? deliveryElement : sendElement;
    const newest = [...this.records.values()].sort((one, other) => other.id - one.id).slice(0, MOST_SHOWN);
    const known = new Map([...this.list.querySelectorAll(".record")].map((item) => [item.dataset.record, item]));
    const elements = newest.map((record) => {
      const there = known.get(String(record.id));
      if (there && !changed.includes(record.id)) return there;
      const element = make(record);
      element.dataset.record = record.id;
      element.open = there?.open ?? false;
      return element;
    });
    this.list.replaceChildren(...(elements.length ? elements : [h("p", { class: "hint" }, HINTS[this.name])]));
  }
}

function deliveryElement(delivery) {
  const tone = delivery.state === "delivered" ? "" : delivery.last_status === null && !delivery.attempts ? "waiting" : "bad";
  return record(
    { pill: delivery.last_status ?? (delivery.attempts ? "no answer" : "waiting"), tone, what: deliveryTitle(delivery), at: delivery.created_at },
    {
      "X-Hub-Signature-256": delivery.signature ?? "not sent yet",
      Attempts: attempts(delivery),
      Answer: delivery.last_answer || "empty",
    },
    [["Body", delivery.body]],
  );
}

function attempts({ attempts: count, state, due_at: dueAt }) {
  if (state !== "pending") return `${count}, ${state}`;
  const left = dueAt - now();
  return `${count}, next ${left > 0.5 ? `in ${duration(left)}` : "now"}`;
}

function deliveryTitle({ kind, body, attempts: count }) {
  const { entry } = JSON.parse(body);
  const { field, value } = entry[0].changes[0];
  const again = count > 1 ? ` (attempt ${count})` : "";
  if (kind === "batch") return `batch of ${entry.length}${again}`;
  if (value.statuses) return `status: ${value.statuses[0].status}${again}`;
  if (field === "messages" && value.messages) return `message: ${value.messages[0].type}${again}`;
  return `${field}${again}`;
}

function sendElement(send) {
  const parts = [["Body", send.body]];
  if (send.answer) parts.push(["Answer", send.answer]);
  const details = { Number: send.phone_number_id };
  if (send.message_id) details.Message = send.message_id;
  if (send.fault) details.Fault = send.fault;
  const tone = send.status_code === 200 ? "" : "bad";
  const head = { pill: send.status_code ?? "no answer", tone, what: sendTitle(send.body), at: send.at };
  return record(head, details, parts);
}

function sendTitle(body) {
  try {
    const parsed = JSON.parse(body);
    if (parsed.status === "read") return parsed.typing_indicator ? "read, typing" : "read";
    return parsed.type ?? "text";
  } catch {
    return "not JSON";
  }
}

function record({ pill, tone, what, at }, details, bodies) {
  const list = Object.entries(details).flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]);
  return h(
    "details",
    { class: "record" },
    h(
      "summary",
      {},
      h("span", { class: `pill ${tone}` }, String(pill)),
      h("span", { class: "what" }, what),
      h("span", { class: "when" }, preciseTime(at)),
    ),
    h("dl", {}, ...list),
    ...bodies.flatMap(([title, text]) => [h("h3", {}, title), h("pre", { tabIndex: 0 }, pretty(text))]),
  );
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
