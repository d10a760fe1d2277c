// The panel: raw webhooks and sends of the chosen chat, and the way to its workflow.

import { byId, h } from "./dom.js";
import { preciseTime } from "./time.js";

const MOST_SHOWN = 100;

export class Panel {
  constructor() {
    this.tabs = ["deliveries", "sends"].map((name) => ({
      name, tab: byId(`tab-${name}`), list: byId(name), records: new Map(),
    }));
    for (const { name, tab } of this.tabs) tab.addEventListener("click", () => this.select(name));
    this.tabs[0].tab.parentElement.addEventListener("keydown", (event) => this.onKey(event));
    byId("show-panel").addEventListener("click", () => this.open(true));
    byId("hide-panel").addEventListener("click", () => this.open(false));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
  }

  open(shown) {
    if (document.body.classList.contains("panel-open") === shown) return;
    document.body.classList.toggle("panel-open", shown);
    byId("show-panel").setAttribute("aria-expanded", String(shown));
    byId(shown ? "hide-panel" : "show-panel").focus();
  }

  select(name) {
    for (const { name: own, tab, list } of this.tabs) {
      tab.setAttribute("aria-selected", String(own === name));
      tab.tabIndex = own === name ? 0 : -1;
      list.hidden = own !== name;
    }
  }

  onKey(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = this.tabs.find(({ list }) => list.hidden);
    this.select(other.name);
    other.tab.focus();
  }

  /** Show the records of another chat, newest first. */
  show({ deliveries, sends }) {
    for (const [name, records] of [["deliveries", deliveries], ["sends", sends]]) {
      const tab = this.tabs.find((item) => item.name === name);
      tab.records = new Map(records.map((record) => [record.id, record]));
      tab.list.replaceChildren();
      this.draw(tab);
    }
  }

  /** Add or change one record. */
  update(name, record) {
    const tab = this.tabs.find((item) => item.name === name);
    tab.records.set(record.id, record);
    this.draw(tab, record.id);
  }

  /** Where the newest workflow of the chat is, if any message told. */
  link(url) {
    const anchor = byId("workflow");
    anchor.hidden = !url;
    if (url) anchor.href = url;
  }

  draw({ name, list, records }, changed = null) {
    const make = name === "deliveries" ? deliveryElement : sendElement;
    const newest = [...records.values()].sort((one, other) => other.id - one.id).slice(0, MOST_SHOWN);
    const known = new Map([...list.querySelectorAll(".record")].map((item) => [item.dataset.record, item]));
    const elements = newest.map((record) => {
      const there = known.get(String(record.id));
      if (there && record.id !== changed) return there;
      const element = make(record);
      element.dataset.record = record.id;
      element.open = there?.open ?? false;
      return element;
    });
    const hint = name === "deliveries" ? "No webhook for this chat yet." : "The business has sent nothing yet.";
    list.replaceChildren(...(elements.length ? elements : [h("p", { class: "hint" }, hint)]));
  }
}

function deliveryElement(delivery) {
  const value = JSON.parse(delivery.body).entry[0].changes[0].value;
  const what = delivery.kind === "status" ? `status: ${value.statuses[0].status}` : `message: ${value.messages[0].type}`;
  const tone = delivery.state === "delivered" ? "" : delivery.last_status === null && !delivery.attempts ? "waiting" : "bad";
  return record(
    { pill: delivery.last_status ?? (delivery.attempts ? "no answer" : "waiting"), tone, what, at: delivery.created_at },
    {
      "X-Hub-Signature-256": delivery.signature ?? "not sent yet",
      Attempts: `${delivery.attempts}, ${delivery.state}`,
      Answer: delivery.last_answer || "empty",
    },
    [["Body", delivery.body]],
  );
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
