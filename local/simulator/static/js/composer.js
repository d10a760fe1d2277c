// Where the person writes: text, files, quoted replies, suggested questions.

import { quoteText } from "./bubble.js";
import { byId, h, icon, toast } from "./dom.js";
import { api } from "./api.js";

const KINDS = [
  [/^image\/(jpeg|png)$/, "image"],
  [/^image\/webp$/, "sticker"],
  [/^audio\//, "audio"],
  [/^video\//, "video"],
];

const TALLEST = 132; // pixels: six lines, then it scrolls

export class Composer {
  constructor(chat) {
    this.chat = chat;
    this.form = byId("composer");
    this.field = byId("text");
    this.file = byId("file");
    this.quoting = byId("quoting");
    this.suggestions = byId("suggestions");
    this.quoted = null;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.field.addEventListener("input", () => this.fit());
    byId("attach").addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => this.attach());
  }

  /** Start afresh for the chat that was just chosen. */
  reset() {
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
    const text = this.field.value.trim();
    if (!text) return;
    const context = this.quoted ? { message_id: this.quoted.id } : undefined;
    this.reset();
    this.field.focus();
    const sent = await this.chat.write({ type: "text", text: { body: text }, context });
    if (!sent && !this.field.value) this.field.value = text;
  }

  async attach() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    const kind = KINDS.find(([pattern]) => pattern.test(file.type))?.[1] ?? "document";
    try {
      const { id } = await api.upload(file);
      const media = { media_id: id };
      if (kind === "document") media.filename = file.name;
      await this.chat.write({ type: kind, [kind]: media });
    } catch (error) {
      toast(error.message);
    }
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
