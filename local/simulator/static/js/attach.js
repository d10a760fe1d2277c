// Files on their way: chosen or dropped, shown above the composer, sent with a caption.

import { api } from "./api.js";
import { byId, h, icon, toast } from "./dom.js";
import { openMenu } from "./menu.js";
import { askForContact, askForLocation } from "./places.js";
import { canRecord, record } from "./recorder.js";

const KINDS = [
  [/^image\/(jpeg|png)$/, "image"],
  [/^image\/webp$/, "sticker"],
  [/^audio\//, "audio"],
  [/^video\//, "video"],
];
const CAPTIONED = ["image", "video", "document"];

const kindOf = (file) => KINDS.find(([pattern]) => pattern.test(file.type))?.[1] ?? "document";

export class Attachments {
  /** `write` sends a message; `showRare` opens what this menu has no room for. */
  constructor({ write, showRare }) {
    this.write = write;
    this.pending = null;
    this.input = byId("file");
    this.shelf = byId("attachment");
    byId("attach").addEventListener("click", () => this.menu(showRare));
    byId("record").addEventListener("click", () => this.voice());
    this.input.addEventListener("change", () => {
      const [file] = this.input.files;
      this.input.value = "";
      if (file) this.take(file);
    });
    this.acceptDrops(byId("device"));
  }

  menu(showRare) {
    const ask = async (question) => {
      const message = await question();
      if (message) await this.write(message);
    };
    openMenu(byId("attach"), [
      { label: "Photo or video", icon: "image", action: () => this.choose("image/*,video/*") },
      { label: "Document", icon: "file", action: () => this.choose("", "document") },
      { label: "Voice note", icon: "mic", action: () => this.voice() },
      { label: "Audio file", icon: "note", action: () => this.choose("audio/*", "audio") },
      { label: "Sticker", icon: "sticker", action: () => this.choose("image/webp", "sticker") },
      { label: "Location", icon: "pin", action: () => ask(askForLocation) },
      { label: "Contact", icon: "contact", action: () => ask(askForContact) },
      { label: "Rarer ones…", icon: "more", action: showRare },
    ], { label: "Attach" });
  }

  choose(accept, kind = null) {
    this.input.accept = accept;
    this.kind = kind;
    this.input.click();
  }

  take(file) {
    const kind = this.kind ?? kindOf(file);
    this.kind = null;
    this.pending = { file, kind };
    const picture = kind === "image" || kind === "sticker";
    const address = picture ? URL.createObjectURL(file) : null;
    const thumbnail = picture
      ? h("img", { src: address, alt: "", onload: () => URL.revokeObjectURL(address) })
      : icon(kind === "audio" ? "note" : "file");
    const close = h("button", {
      class: "icon-button", type: "button", "aria-label": "Take the file away", onclick: () => this.drop(),
    }, icon("close"));
    const size = `${kind}, ${Math.max(1, Math.round(file.size / 1024)).toLocaleString()} KB`;
    this.shelf.replaceChildren(
      h("span", { class: "thumbnail" }, thumbnail),
      h("span", { class: "file-name" }, h("strong", {}, file.name), h("small", {}, size)),
      close,
    );
    this.shelf.hidden = false;
    byId("text").placeholder = CAPTIONED.includes(kind) ? "Add a caption" : "Message";
    byId("text").focus();
  }

  drop() {
    this.pending = null;
    this.shelf.hidden = true;
    byId("text").placeholder = "Message";
  }

  /** Send what is waiting, with a caption where its kind has one. Gives the text that is left over. */
  async send({ caption, context }) {
    const { file, kind } = this.pending;
    this.drop();
    const media = {};
    if (kind === "document") media.filename = file.name;
    if (kind === "audio") media.voice = false;
    const captioned = CAPTIONED.includes(kind) && caption;
    if (captioned) media.caption = caption;
    await this.upload(file, kind, media, context);
    return captioned ? "" : caption;
  }

  async voice() {
    if (!canRecord()) {
      toast("This browser cannot record: choose an audio file.");
      this.choose("audio/*", "audio");
      return;
    }
    const file = await record();
    if (file) await this.upload(file, "audio", { voice: true });
  }

  async upload(file, kind, media, context) {
    try {
      const { id } = await api.upload(file);
      await this.write({ type: kind, [kind]: { media_id: id, ...media }, context });
    } catch (error) {
      toast(error.message);
    }
  }

  acceptDrops(target) {
    const carriesFile = (event) => !byId("composer").hidden && event.dataTransfer?.types.includes("Files");
    target.addEventListener("dragover", (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      target.classList.add("dropping");
    });
    target.addEventListener("dragleave", (event) => {
      if (!target.contains(event.relatedTarget)) target.classList.remove("dropping");
    });
    target.addEventListener("drop", (event) => {
      target.classList.remove("dropping");
      if (!carriesFile(event)) return;
      event.preventDefault();
      this.take(event.dataTransfer.files[0]);
    });
  }
}
