// One message as a bubble: quote, content, time and ticks, what can be tapped, reactions, failure.

import { actions, onLongPress } from "./actions.js";
import { answersOf } from "./answers.js";
import { contentOf } from "./content.js";
import { h, icon } from "./dom.js";
import { preview, ticks } from "./preview.js";
import { time } from "./time.js";

export const isMine = (message) => message.direction === "inbound";

/** The element of a message. `reactions` are `{ mine, theirs }`; `chat` finds, writes and quotes. */
export function bubble(message, { first, reactions = {}, chat }) {
  if (message.type === "system") return h("div", { class: "happening", "data-id": message.id }, preview(message));
  const mine = isMine(message);
  const classes = ["message", mine ? "mine" : "theirs"];
  if (first) classes.push("first");
  if (message.status === "failed") classes.push("failed");
  if (message.edited) classes.push("edited");
  const inside = h(
    "div",
    { class: "bubble" },
    mark(message),
    referral(message),
    quoteOf(message, chat),
    ...contentOf(message),
    stamp(message),
    actions(message, { chat, mine, reaction: reactions.mine }),
  );
  const element = h(
    "div",
    { class: classes.join(" "), "data-id": message.id },
    inside,
    mine ? null : answersOf(message, chat),
    reaction(message, reactions, chat),
    message.status === "failed" ? failure(message) : null,
  );
  onLongPress(inside, () => element.classList.add("acting"));
  element.addEventListener("pointerleave", () => element.classList.remove("acting"));
  if (!mine) tellPlaying(inside, message, chat);
  return element;
}

/** Time and ticks. On the business's messages the ticks show what the business has been told. */
export function stamp(message) {
  const { name, label, read } = ticks(message.status);
  const parts = [h("span", {}, `${message.edited ? "Edited " : ""}${time(message.at)}`)];
  if (message.status !== "failed") {
    const classes = ["tick", name === "ticks" ? "" : "single", read ? "read" : ""].filter(Boolean);
    const sign = icon(name, classes.join(" "));
    sign.setAttribute("role", "img");
    sign.removeAttribute("aria-hidden");
    sign.setAttribute("aria-label", label);
    parts.push(sign);
  }
  return h("span", { class: "stamp" }, ...parts);
}

function mark({ context, extra }) {
  const often = context?.frequently_forwarded;
  if (often || context?.forwarded) {
    return h("span", { class: "mark" }, icon("forward"), often ? "Forwarded many times" : "Forwarded");
  }
  if (extra?.siblings?.group_id) return h("span", { class: "mark" }, icon("group"), "In a group");
  return extra?.from_app ? h("span", { class: "mark" }, icon("contact"), "From the Business app") : null;
}

function referral({ extra, context }) {
  const ad = extra?.siblings?.referral;
  const product = context?.referred_product;
  if (ad) return h("div", { class: "quote" }, h("strong", {}, ad.headline), h("span", {}, ad.body));
  return product ? h("div", { class: "quote" }, h("strong", {}, "Product"), h("span", {}, product.product_retailer_id)) : null;
}

function reaction(message, { mine, theirs }, chat) {
  if (!mine && !theirs) return null;
  const label = `Reaction ${[mine, theirs].filter(Boolean).join(" and ")}`;
  const text = mine === theirs ? `${mine} 2` : [mine, theirs].filter(Boolean).join("");
  if (!mine) return h("span", { class: "reaction", "aria-label": label }, text);
  const takeBack = () => chat.write({ type: "reaction", reaction: { message_id: message.id, emoji: "" } });
  return h("button", { class: "reaction", type: "button", "aria-label": label, title: "Tap to take yours back", onclick: takeBack }, text);
}

function failure(message) {
  const error = message.error ?? {};
  const reason = error.code ? `${error.code} ${error.title}` : "unknown reason";
  const details = error.error_data?.details;
  return h(
    "p",
    { class: "failure" },
    icon("warning"),
    h("span", {}, `Not delivered: ${reason}`, details && details !== error.title ? h("small", {}, details) : null),
  );
}

function quoteOf(message, chat) {
  const id = message.context?.id ?? message.context?.message_id;
  const quoted = id && chat.find(id);
  if (!quoted) return null;
  const show = () =>
    document.querySelector(`[data-id="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "center" });
  return h("button", { class: "quote", type: "button", onclick: show }, ...quoteText(quoted, chat));
}

/** Author and first words of a quoted message. */
export function quoteText(message, chat) {
  const author = isMine(message) ? "You" : chat.names.business;
  return [h("strong", {}, author), h("span", {}, preview(message))];
}

/** The first time a voice message of the business is played, the business is told. */
function tellPlaying(inside, message, chat) {
  if (message.type !== "audio" || message.extra?.from_app || message.status === "played") return;
  inside.querySelector("audio")?.addEventListener("play", () => chat.played(message), { once: true });
}
