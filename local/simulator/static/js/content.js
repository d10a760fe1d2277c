// What is inside a bubble, by type of message.

import { h, icon } from "./dom.js";
import { formatted } from "./format.js";
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
  video: (content) => [video(content), caption(content)],
  audio: (content) => [h("audio", { controls: true, src: source(content) }), body()],
  sticker: (content) => [h("img", { class: "media sticker", src: source(content), alt: "Sticker" })],
  document: (content) => [document_(content), caption(content)],
  location: (content) => [location_(content), body()],
  contacts: (content) => [...content.map(contact), body()],
  interactive: (content) => interactive(content),
  button: (content) => [body(String(content.text ?? ""))],
  template: (content, message) => template(content, message.extra?.rendered),
  order: (content) => [order(content), body(String(content.text ?? ""))],
  call: (content) => [card("call", "Call", content.event === "connect" ? "Ringing…" : "Nobody answered"), body()],
  deleted: () => [aside("This message was deleted")],
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

function video(media) {
  return h("video", { class: "media", controls: true, src: source(media) });
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

/** A line with an icon, a title and a smaller line below it; with an address it is a link. */
function card(name, title, detail, address = null) {
  const inside = [icon(name), h("span", {}, h("strong", {}, title), detail ? h("small", {}, detail) : null)];
  if (!address) return h("div", { class: "card" }, ...inside);
  return h("a", { class: "card", href: address, target: "_blank", rel: "noopener noreferrer" }, ...inside);
}

function location_(place) {
  const at = `${place.latitude}, ${place.longitude}`;
  const map = `https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}`;
  return card("pin", place.name || "Location", place.address || at, map);
}

function contact(person) {
  const phones = (person.phones ?? []).map((phone) => phone.phone ?? phone.wa_id).join(", ");
  return card("contact", person.name?.formatted_name ?? "Contact", phones);
}

function order({ product_items: items }) {
  const lines = items.map(({ quantity, product_retailer_id: id, item_price: price, currency }) =>
    `${quantity} × ${id}, ${price} ${currency}`);
  return card("cart", `Order of ${items.length} ${items.length === 1 ? "item" : "items"}`, lines.join("\n"));
}

function interactive(content) {
  const answer = answered(content);
  if (answer) return [answer];
  const footer = content.footer ? h("span", { class: "footer" }, content.footer.text) : null;
  const text = String(content.body?.text ?? preview({ type: "interactive", content }));
  return [...header(content.header ?? {}), body(formatted(text), footer)];
}

/** What a person chose or filled in. */
function answered({ button_reply: button, list_reply: row, nfm_reply: form, call_permission_reply: call }) {
  const reply = button ?? row;
  if (reply) {
    const description = reply.description ? h("span", { class: "footer" }, reply.description) : null;
    return body(String(reply.title ?? reply.id), description);
  }
  if (form) {
    const { flow_token: _, ...values } = JSON.parse(form.response_json);
    const lines = Object.entries(values).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
    return body("Form sent", h("span", { class: "footer" }, lines.join("\n")));
  }
  return call ? body(call.response === "accept" ? "Calls allowed" : "Calls not allowed") : null;
}

function header(part) {
  const media = part[part.type];
  if (part.type === "text") return [h("span", { class: "caption-title" }, part.text)];
  if (!isObject(media)) return [];
  const renderer = { image: picture, video, document: document_, location: location_ }[part.type];
  return renderer ? [renderer(media)] : [];
}

/** A template as it reads filled in; one of an earlier version of the simulator is only named. */
function template(content, rendered) {
  if (!rendered) return [h("span", { class: "caption-title" }, `Template “${content.name}”`), body()];
  const footer = rendered.footer ? h("span", { class: "footer" }, rendered.footer) : null;
  return [...header(rendered.header ?? {}), body(formatted(rendered.body), footer)];
}
