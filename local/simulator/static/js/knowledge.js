// What the open chat's assistant answers from: documents are dropped here and seen becoming ready.

import { api } from "./api.js";
import { attempt, byId, h } from "./dom.js";
import { droppedFiles, isVisible } from "./dropped.js";

const INTERVAL = 1000; // milliseconds between looks while a document is on its way
const AT_ONCE = 3; // uploads
const TONES = { ready: "", failed: "bad" };

export class KnowledgeView {
  constructor() {
    this.list = byId("knowledge");
    this.numberId = null;
    this.refused = []; // uploads that Parley did not take, with its sentence
    setInterval(() => this.isWorking && !this.list.hidden && !document.hidden && attempt(() => this.look()), INTERVAL);
    byId("tab-knowledge").addEventListener("click", () => attempt(() => this.look()));
  }

  async open(numberId) {
    if (this.numberId !== numberId) this.refused = [];
    this.numberId = numberId;
    await this.look();
  }

  async look() {
    const asked = this.numberId;
    const view = await api.knowledge(asked);
    if (asked !== this.numberId) return;
    byId("tab-knowledge").hidden = !view.available;
    const bases = view.knowledge_bases ?? [];
    this.isWorking = bases.some(({ documents }) => documents.some(isOnItsWay));
    for (const section of this.list.querySelectorAll("section"))
      if (!bases.some(({ id }) => section.id === id)) section.remove();
    if (bases.length) bases.forEach((base) => this.draw(base));
    else this.list.replaceChildren(h("p", { class: "hint" }, "This number's assistant reads no knowledge base."));
  }

  /** The section of a knowledge base stays the element it is, with its focus and what is dropped on it. */
  draw(base) {
    const documents = h("div", { class: "documents", role: "status" }, ...this.rows(base));
    const known = byId(base.id);
    if (!known) {
      this.list.querySelector(".hint")?.remove();
      this.list.append(h("section", { class: "block", id: base.id }, h("h3", {}, base.name), this.dropZone(base), documents));
      return;
    }
    const shown = known.querySelector(".documents");
    if (shown.innerHTML !== documents.innerHTML) shown.replaceWith(documents);
  }

  dropZone({ id }) {
    const take = (files) => this.upload(id, [...files].filter(isVisible));
    const input = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Documents" });
    const folder = h("input", { type: "file", webkitdirectory: true, hidden: true, "aria-label": "Folder of documents" });
    for (const one of [input, folder]) one.addEventListener("change", () => take(one.files).finally(() => (one.value = "")));
    const button = (label, chosen) => h("button", { class: "quiet", type: "button", onclick: () => chosen.click() }, label);
    const zone = h("div", { class: "drop" }, h("p", {}, "Drop files or a folder here"),
      h("div", {}, button("Choose files", input), button("Choose a folder", folder)), input, folder);
    const lit = (on) => (event) => { event.preventDefault(); zone.classList.toggle("lit", on); };
    zone.addEventListener("dragover", lit(true));
    zone.addEventListener("dragleave", lit(false));
    zone.addEventListener("drop", (event) => {
      lit(false)(event);
      attempt(async () => take(await droppedFiles(event.dataTransfer)));
    });
    return zone;
  }

  /** Some at a time; one that is refused is shown with the reason and stops no other. */
  async upload(knowledgeBaseId, files) {
    const { numberId } = this;
    const waiting = [...files];
    const work = async () => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        try {
          await api.addDocument(numberId, knowledgeBaseId, file);
        } catch (error) {
          this.refused.push({ knowledgeBaseId, title: file.name, error: error.message });
        }
        await attempt(() => this.look());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  rows({ id, documents, has_more: hasMore }) {
    const refused = this.refused.filter(({ knowledgeBaseId }) => knowledgeBaseId === id);
    return [
      ...refused.map((one) => h("article", { class: "document" },
        h("header", {}, h("strong", {}, one.title), h("span", { class: "pill bad" }, "refused")),
        h("p", { class: "says trouble" }, one.error))),
      ...documents.map((document) => this.row(id, document)),
      hasMore ? h("p", { class: "says" }, "Older documents are not shown.") : null,
    ].filter(Boolean);
  }

  row(knowledgeBaseId, { id, title, status, stage, progress, error, warnings, chunk_count: passages }) {
    const remove = async () => {
      await attempt(() => api.removeDocument(this.numberId, knowledgeBaseId, id));
      await attempt(() => this.look());
    };
    const onItsWay = isOnItsWay({ status });
    return h("article", { class: "document" },
      h("header", {},
        h("a", { href: api.documentUrl(this.numberId, id), target: "_blank", rel: "noopener" }, title),
        h("span", { class: `pill ${TONES[status] ?? "waiting"}` }, onItsWay ? stage ?? status : status)),
      onItsWay ? h("progress", { value: progress, max: 1, "aria-label": `Progress of ${title}` }) : null,
      error ? h("p", { class: "says trouble" }, error) : null,
      ...(warnings ?? []).map((warning) => h("p", { class: "says" }, warning)),
      h("footer", {}, h("small", {}, status === "ready" ? `${passages} passages` : ""),
        h("button", { class: "quiet", type: "button", "aria-label": `Remove ${title}`, onclick: remove }, "Remove")));
  }
}

const isOnItsWay = ({ status }) => status === "pending" || status === "processing";
