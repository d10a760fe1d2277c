// What is inside a bubble, by type of message.

import { h, icon } from "./dom.js";
import { formatted, link } from "./format.js";
import { preview } from "./preview.js";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const body = (...children) => h("div", { class: "body", dir: "auto" }, ...children);
const aside = (text) => body(h("span", { class: "aside" }, text));

/** Nodes of a message's content. A shape nobody knows becomes a line that says so. */
export function contentOf(message) {
  const renderer = RENDERERS[message.type];
  try {
    if (renderer) return renderer(message.content ?? {}, message);
  } catch {
    // The content is not what its type promises: raw messages may be anything.
  }
  return [aside(preview(message))];
}

const RENDERERS = {
  text: (content) => [body(formatted(String(content.body ?? "")))],
  image: (content) => [picture(content), caption(content)],
  video: (content) => [h("video", { class: "media", controls: true, src: source(content) }), caption(content)],
  audio: (content) => [h("audio", { controls: true, src: source(content) }), body()],
  sticker: (content) => [h("img", { class: "media sticker", src: source(content), alt: "Sticker" })],
  document: (content) => [document_(content), caption(content)],
  location: (content) => [location_(content), body()],
  contacts: (content) => [...content.map(contact), body()],
  interactive: (content) => interactive(content),
  button: (content) => [body(String(content.text ?? ""))],
  template: (content) => template(content),
  raw: (content) => [h("pre", { class: "body" }, JSON.stringify(content, null, 1))],
};

/** Address of a media object: its file here, or the link the business gave. */
function source(media) {
  if (media.id) return `/simulator/media/${encodeURIComponent(media.id)}`;
  return /^https?:\/\//i.test(media.link ?? "") ? media.link : "";
}

function picture(media) {
  return h("img", { class: "media", src: source(media), alt: media.caption || "Photo" });
}

function caption(media) {
  return body(formatted(String(media.caption ?? "")));
}

function document_(media) {
  const name = media.filename || "Document";
  return h(
    "a",
    { class: "card", href: source(media), download: name, target: "_blank", rel: "noopener" },
    icon("file"),
    h("strong", {}, name),
  );
}

function location_(place) {
  const at = `${place.latitude}, ${place.longitude}`;
  const map = `https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}`;
  return h(
    "a",
    { class: "card", href: map, target: "_blank", rel: "noopener noreferrer" },
    icon("pin"),
    h("span", {}, h("strong", {}, place.name || "Location"), h("small", {}, place.address || at)),
  );
}

function contact(person) {
  const name = person.name?.formatted_name ?? "Contact";
  const phones = (person.phones ?? []).map((phone) => phone.phone ?? phone.wa_id).join(", ");
  return h(
    "div",
    { class: "card" },
    icon("contact"),
    h("span", {}, h("strong", {}, name), h("small", {}, phones)),
  );
}

function interactive(content) {
  const reply = content.button_reply ?? content.list_reply;
  if (reply) {
    const description = reply.description ? h("span", { class: "footer" }, reply.description) : null;
    return [body(String(reply.title ?? reply.id), description)];
  }
  const parts = [];
  const header = content.header ?? {};
  if (header.type === "text") parts.push(h("span", { class: "caption-title" }, header.text));
  const media = header[header.type];
  if (header.type === "image" && isObject(media)) parts.push(picture(media));
  else if (header.type === "document" && isObject(media)) parts.push(document_(media));
  const footer = content.footer ? h("span", { class: "footer" }, content.footer.text) : null;
  parts.push(body(formatted(String(content.body?.text ?? preview({ type: "interactive", content }))), footer));
  return parts;
}

function template(content) {
  const parameters = (content.components ?? [])
    .flatMap((component) => component.parameters ?? [])
    .map((parameter) => parameter.text ?? parameter.payload ?? parameter.type);
  return [
    h("span", { class: "caption-title" }, `Template “${content.name}”`),
    body(parameters.length ? parameters.join(" · ") : content.language?.code ?? ""),
  ];
}

/** Buttons under an interactive message. `reply` takes the message that a tap writes. */
export function choicesOf(message, reply) {
  const content = message.content ?? {};
  if (message.type !== "interactive" || !isObject(content.action)) return null;
  const { buttons, sections, parameters } = content.action;
  const answer = (kind, value) =>
    reply({
      type: "interactive",
      interactive: { type: kind, [kind]: value },
      context: { message_id: message.id },
    });
  if (content.type === "button" && Array.isArray(buttons)) {
    const taps = buttons.map((button) =>
      h("button", { class: "choice", type: "button", onclick: () => answer("button_reply", button.reply) },
        icon("reply"), button.reply.title),
    );
    return h("div", { class: "choices" }, ...taps);
  }
  if (content.type === "list" && Array.isArray(sections)) {
    const open = () => showList(content.action, (row) => answer("list_reply", row));
    const tap = h("button", { class: "choice", type: "button", onclick: open }, icon("list"), content.action.button);
    return h("div", { class: "choices" }, tap);
  }
  if (content.type === "cta_url") {
    const anchor = link(String(parameters?.url), parameters?.display_text);
    if (anchor instanceof HTMLElement) anchor.className = "choice";
    return h("div", { class: "choices" }, anchor);
  }
  return null;
}

function showList(action, choose) {
  const dialog = document.getElementById("list-dialog");
  const rows = action.sections.flatMap((section) => [
    section.title ? h("h3", {}, section.title) : null,
    ...section.rows.map((row) => {
      const pick = () => {
        dialog.close();
        choose(row);
      };
      const description = row.description ? h("small", {}, row.description) : null;
      return h("button", { class: "option", type: "button", onclick: pick }, row.title, description);
    }),
  ]);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    h("h2", {}, action.button),
    ...rows.filter(Boolean),
    h("div", { class: "dialog-buttons" }, close),
  );
  dialog.showModal();
}
