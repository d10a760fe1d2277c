// The operator's view of the open chat: what Parley thinks of it, and taking it over.

import { api } from "./api.js";
import { attempt, byId, h } from "./dom.js";
import { duration, time } from "./time.js";

const PATIENCE = 1200; // milliseconds between what happens in the chat and the look at Parley
const STATUS = { bot: "the assistant answers", human: "a human answers", closed: "over until the person writes" };

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
    const chat = this.opened;
    if (!chat) return;
    try {
      const view = await api.desk(chat);
      if (chat === this.opened) this.draw(view);
    } catch (error) {
      if (chat !== this.opened) return;
      this.element.hidden = false;
      this.state.replaceChildren(h("p", { class: "says" }, error.message));
      this.buttons.replaceChildren();
      this.form.hidden = true;
    }
  }

  draw({ available, conversation, uncertain, quotas }) {
    this.element.hidden = !available;
    if (!available) return;
    this.form.hidden = !conversation;
    if (!conversation) {
      this.state.replaceChildren(h("p", { class: "says" }, "No conversation in Parley yet."));
      this.buttons.replaceChildren();
      return;
    }
    const { status, handoff } = conversation;
    const tone = status === "bot" ? "" : handoff?.waiting_since ? "bad" : "waiting";
    this.state.replaceChildren(
      h("p", {}, h("span", { class: `pill ${tone}` }, status), ` ${STATUS[status] ?? ""}`),
      ...this.facts(conversation, uncertain, quotas).map((fact) => h("p", { class: "says" }, fact)),
    );
    this.buttons.replaceChildren(
      ...[
        status === "human" ? null : ["Take over", "takeover"],
        status === "human" ? ["Hand back", "release"] : null,
        status === "closed" ? null : ["Close", "close"],
      ].filter(Boolean).map(([label, action]) =>
        h("button", { class: "chip", type: "button", onclick: () => this.act(action) }, label)),
    );
  }

  facts({ handoff, limited_by: limit, limited_until: until }, uncertain, quotas) {
    const facts = [];
    if (handoff) {
      const { operator, waiting_since: waiting, since, reason, returns_at: returns } = handoff;
      const long = duration((Date.now() - Date.parse(waiting ?? since)) / 1000);
      facts.push(`${waiting ? "Waiting" : `With ${operator ?? "a human"}`} for ${long} (${named(reason)})`);
      if (returns) facts.push(`The assistant returns at ${time(Date.parse(returns) / 1000)} if nobody writes.`);
    }
    if (uncertain.length) facts.push(`${uncertain.length} uncertain: ${uncertain.map(({ text, type }) => text ?? type).join("; ").slice(0, 120)}`);
    if (limit) facts.push(`Not answered: ${named(limit)}${until ? ` until ${time(Date.parse(until) / 1000)}` : ""}`);
    for (const { quota, used, hard, soft } of quotas) {
      const most = hard ?? soft;
      if (used !== null && most !== null) facts.push(`${named(quota)}: ${used.toLocaleString()} of ${most.toLocaleString()}`);
    }
    return facts;
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

const named = (name) => name.replaceAll("_", " ");
