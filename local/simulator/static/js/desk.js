// The operator's view of the open chat: what Parley thinks of it, and taking it over.

import { api } from "./api.js";
import { attempt, byId, h } from "./dom.js";
import { fullTime, time } from "./time.js";

const PATIENCE = 1200; // milliseconds between what happens in the chat and the look at Parley
const INTERVAL = 5000; // and between looks when nothing does: a send that stays uncertain makes no event
const STATUS = {
  bot: "the assistant answers",
  human: "a human answers; the assistant is silent",
  waiting: "waits for a human; the assistant is silent",
  limited: "the assistant is silent: a quota is used up",
  closed: "over until the person writes",
};
const REASONS = {
  person: "the person asked for a human",
  model: "the assistant asked for a human",
  operator: "taken over by an operator",
  failures: "no reply could be written, several times",
  unanswered: "the assistant did not know, several times",
  upset: "the person is upset",
  echo: "answered in the Business app",
};

export class Desk {
  constructor(chat) {
    this.chat = chat;
    this.element = byId("desk");
    this.opened = null;
    this.text = h("textarea", { rows: 1, "aria-label": "Message as the operator", placeholder: "Write as the operator", maxLength: 4096 });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.say();
    });
    this.state = h("div", { class: "desk-state", role: "status" });
    this.buttons = h("div", { class: "chips" });
    const send = h("button", { class: "primary", type: "submit" }, "Send");
    this.form = h("form", { class: "desk-form", onsubmit: (event) => { event.preventDefault(); this.say(); } }, this.text, send);
    this.element.replaceChildren(h("h2", {}, "Operator's view"), this.state, this.buttons, this.form);
    setInterval(() => this.element.hidden || document.hidden || this.look(), INTERVAL);
  }

  /** Look at the chat that was just opened; without a desk for its business the view stays hidden. */
  async open(chat) {
    this.opened = chat;
    this.element.hidden = true;
    await this.look();
  }

  /** Something happened in the chat: look again a little later. */
  soon() {
    if (this.element.hidden) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), PATIENCE);
  }

  async look() {
    clearTimeout(this.timer);
    const chat = this.opened;
    if (!chat) return;
    try {
      const view = await api.desk(chat);
      if (chat === this.opened) this.draw(view);
    } catch (error) {
      if (chat !== this.opened) return;
      this.element.hidden = false;
      this.show(h("p", { class: "says" }, error.message));
      this.offer();
      this.form.hidden = true;
    }
  }

  draw(view) {
    const { available, conversation } = view;
    this.element.hidden = !available;
    if (!available) return;
    this.form.hidden = !conversation;
    if (!conversation) {
      this.show(h("p", { class: "says" }, "No conversation in Parley yet."));
      this.offer();
      return;
    }
    const { status, handoff } = conversation;
    const waits = Boolean(handoff?.waiting_since);
    const shown = waits ? "waiting" : status === "bot" && conversation.limited_by ? "limited" : status;
    const tone = status === "bot" ? "" : waits ? "bad" : "waiting";
    this.show(
      h("p", {}, h("span", { class: `pill ${tone}` }, status), ` ${STATUS[shown] ?? ""}`),
      ...troubles(view).map((fact) => h("p", { class: "says trouble" }, fact)),
      ...facts(view).map((fact) => h("p", { class: "says" }, fact)),
      ...sources(view, this.opened.numberId),
    );
    this.offer(
      status === "human" ? ["Hand back", "release"] : ["Take over", "takeover"],
      ...(status === "closed" ? [] : [["Close", "close"]]),
    );
  }

  /** What stays as it was is left alone: it is read aloud when it changes. */
  show(...lines) {
    const drawn = h("div", {}, ...lines);
    if (drawn.innerHTML !== this.state.innerHTML) this.state.replaceChildren(...lines);
  }

  /** Buttons that stay the same stay the elements they are, and keep the focus. */
  offer(...actions) {
    const labels = actions.map(([label]) => label).join();
    if (this.offered === labels) return;
    this.offered = labels;
    this.buttons.replaceChildren(
      ...actions.map(([label, action]) =>
        h("button", { class: "chip", type: "button", onclick: () => this.act(action) }, label)),
    );
  }

  async act(action) {
    await attempt(() => api.deskAction(this.opened, action));
    await this.look();
  }

  async say() {
    const text = this.text.value.trim();
    if (!text) return;
    if (await attempt(() => api.deskAction(this.opened, "messages", { text }))) this.text.value = "";
    await this.look();
  }
}

/** What needs somebody's eye, and what comes of it. */
function troubles({ conversation, uncertain, failed }) {
  const { limited_by: limit, limited_until: until, service_window: serviceWindow } = conversation;
  const said = [];
  if (uncertain.length) {
    said.push(`${uncertain.length} uncertain: ${beginnings(uncertain)}. Meta has not said whether the person has it. `
      + "A status settles it; without one, it is sent once more or left, as the organisation's policy says.");
  }
  for (const message of failed) {
    const { code, detail } = message.error ?? {};
    said.push(`Not delivered: ${beginnings([message])} (${[code, detail].filter(Boolean).join(": ") || "no reason given"})`);
  }
  if (serviceWindow?.open === false) said.push("The service window is closed: only a template goes out until the person writes.");
  if (limit) said.push(`The quota of ${named(limit)} is used up: what comes is recorded and not answered until ${at(until)}, or until it is raised.`);
  return said;
}

function facts({ conversation: { handoff }, quotas }) {
  const said = [];
  if (handoff) {
    const { operator, waiting_since: waiting, since, reason, returns_at: returns } = handoff;
    said.push(`${waiting ? "Waiting" : `With ${operator ?? "a human"}`} since ${at(waiting ?? since)} (${REASONS[reason] ?? named(reason)})`);
    if (returns) said.push(`The assistant returns at ${at(returns)} if no human writes, or when it is handed back.`);
  }
  for (const { quota, used, hard, soft } of quotas) {
    const most = hard ?? soft;
    if (used !== null && most !== null) said.push(`${named(quota)}: ${used.toLocaleString()} of ${most.toLocaleString()}`);
  }
  return said;
}

/** What the newest answer was taken from, each with the way to the page it stands on. */
function sources({ citations }, numberId) {
  if (!citations?.length) return [];
  const links = citations.flatMap(({ document_id: id, title, page, section, url }) => {
    const place = [page ? `p. ${page}` : null, section].filter(Boolean).join(", ");
    const link = h("a", { href: url ?? api.documentUrl(numberId, id, page), target: "_blank", rel: "noopener" }, title);
    return [" · ", link, place ? ` (${place})` : ""];
  });
  return [h("p", { class: "says" }, "Answered from: ", ...links.slice(1))];
}

const LONGEST = 60;
const beginnings = (messages) =>
  messages.map(({ text, type }) => text ?? type).map((text) => `“${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}”`).join(", ");
/** The machine's time, which is Parley's; with its day unless that is today. */
const at = (iso) => {
  const seconds = Date.parse(iso) / 1000;
  const isToday = new Date(iso).toDateString() === new Date().toDateString();
  return isToday ? time(seconds) : fullTime(seconds);
};
const named = (name) => name.replaceAll("_", " ");
