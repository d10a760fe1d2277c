// Where the person writes: text, files with captions, quoted replies, suggested questions.

import { Attachments } from "./attach.js";
import { quoteText } from "./bubble.js";
import { byId, h, icon } from "./dom.js";

const TALLEST = 132; // pixels: six lines, then it scrolls

export class Composer {
  constructor(chat, { showRare }) {
    this.chat = chat;
    this.form = byId("composer");
    this.field = byId("text");
    this.quoting = byId("quoting");
    this.suggestions = byId("suggestions");
    this.attachments = new Attachments({ write: chat.write, showRare });
    this.quoted = null;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.field.addEventListener("input", () => this.fit());
  }

  /** Start afresh for the chat that was just chosen. */
  reset() {
    this.attachments.drop();
    this.clear();
  }

  clear() {
    this.quote(null);
    this.field.value = "";
    this.fit();
  }

  onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.quoted) this.quote(null);
  }

  async send() {
    let text = this.field.value.trim();
    if (!text && !this.attachments.pending) return;
    const context = this.quoted ? { message_id: this.quoted.id } : undefined;
    this.clear();
    this.field.focus();
    if (this.attachments.pending) text = await this.attachments.send({ caption: text, context });
    if (!text) return;
    const sent = await this.chat.write({ type: "text", text: { body: text }, context });
    if (!sent && !this.field.value) this.field.value = text;
  }

  /** Answer a message, or none. */
  quote(message) {
    this.quoted = message;
    this.quoting.hidden = !message;
    if (!message) return;
    const cancel = h("button", {
      class: "icon-button", type: "button", "aria-label": "Cancel the reply", onclick: () => this.quote(null),
    }, icon("close"));
    this.quoting.replaceChildren(h("div", { class: "quote" }, ...quoteText(message, this.chat)), cancel);
    this.field.focus();
  }

  /** Questions that one tap asks, shown while the chat is empty. */
  suggest(questions) {
    this.suggestions.hidden = questions.length === 0;
    this.suggestions.replaceChildren(
      ...questions.map((question) => {
        const ask = () => this.chat.write({ type: "text", text: { body: question } });
        return h("button", { type: "button", onclick: ask }, question);
      }),
    );
  }

  fit() {
    this.field.style.height = "auto";
    const { scrollHeight } = this.field;
    if (scrollHeight) this.field.style.height = `${Math.min(scrollHeight, TALLEST)}px`;
  }
}
