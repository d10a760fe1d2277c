// The templates of the chosen business's account, and what Meta may decide about each.

import { api } from "./api.js";
import { attempt, byId, h } from "./dom.js";
import { select } from "./faults.js";

const EVENTS = [
  ["", "Meta decides…"], ["APPROVED", "approve"], ["PAUSED", "pause"], ["DISABLED", "disable"],
  ["REJECTED", "reject"], ["REINSTATED", "reinstate"], ["FLAGGED", "flag"], ["PENDING", "review again"],
];
const TONES = { APPROVED: "", PENDING: "waiting" };

export class TemplateList {
  constructor() {
    this.list = byId("templates");
    this.wabaId = null;
    this.templates = [];
  }

  /** Show the templates of an account. */
  async show(wabaId) {
    this.wabaId = wabaId;
    const templates = await api.templates(wabaId);
    if (this.wabaId !== wabaId) return;
    this.templates = templates;
    this.draw();
  }

  update({ waba_id: wabaId, template }) {
    if (wabaId !== this.wabaId) return;
    const others = this.templates.filter(({ id }) => id !== template.id);
    this.templates = [...others, template].sort((one, other) =>
      `${one.name} ${one.language}`.localeCompare(`${other.name} ${other.language}`));
    this.draw();
  }

  draw() {
    this.list.replaceChildren(
      h("p", { class: "hint" }, "Approved templates can be sent at any time. A decision of Meta's is told by a webhook."),
      ...this.templates.map((template) => this.entry(template)),
    );
  }

  entry(template) {
    const { name, language, status, category, components } = template;
    const decide = select(`What Meta decides about ${name} in ${language}`, EVENTS);
    decide.addEventListener("change", () => decide.value && attempt(() => api.templateEvent(this.wabaId, template, decide.value)));
    const text = components.find(({ type }) => type === "BODY")?.text ?? "";
    return h(
      "article",
      { class: "template" },
      h("header", {}, h("strong", {}, name), h("span", { class: `pill ${TONES[status] ?? "bad"}` }, status.toLowerCase())),
      h("small", {}, `${language} · ${category.toLowerCase()}`),
      h("p", { dir: "auto" }, text),
      decide,
    );
  }
}
