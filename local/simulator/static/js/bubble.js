// One message as a bubble: quote, content, time and ticks, choices, reaction, failure.

import { choicesOf, contentOf } from "./content.js";
import { h, icon } from "./dom.js";
import { preview, ticks } from "./preview.js";
import { time } from "./time.js";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

export const isMine = (message) => message.direction === "inbound";

/** The element of a message. `chat` offers `find`, `write`, `quote` and `names`. */
export function bubble(message, { first, reaction, chat }) {
  const mine = isMine(message);
  const classes = ["message", mine ? "mine" : "theirs"];
  if (first) classes.push("first");
  if (message.status === "failed") classes.push("failed");
  const inside = h(
    "div",
    { class: "bubble" },
    quoteOf(message, chat),
    ...contentOf(message),
    stamp(message, mine),
    mine ? null : actions(message, chat),
  );
  return h(
    "div",
    { class: classes.join(" "), "data-id": message.id },
    inside,
    mine ? null : choicesOf(message, chat.write),
    reaction ? h("span", { class: "reaction", "aria-label": `Reaction ${reaction}` }, reaction) : null,
    message.status === "failed" ? failure(message) : null,
  );
}

function stamp(message, mine) {
  const parts = [h("span", {}, time(message.at))];
  if (mine) {
    const { name, label, read } = ticks(message.status);
    const classes = ["tick", name === "tick" ? "single" : "", read ? "read" : ""].filter(Boolean);
    const sign = icon(name, classes.join(" "));
    sign.setAttribute("role", "img");
    sign.removeAttribute("aria-hidden");
    sign.setAttribute("aria-label", label);
    parts.push(sign);
  }
  return h("span", { class: "stamp" }, ...parts);
}

function failure(message) {
  const error = message.error ?? {};
  const reason = error.code ? `${error.code} ${error.title}` : "unknown reason";
  return h("p", { class: "failure" }, icon("warning"), `Not delivered: ${reason}`);
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

function actions(message, chat) {
  const react = (emoji) =>
    chat.write({ type: "reaction", reaction: { message_id: message.id, emoji } });
  const bar = h("div", { class: "actions" });
  const toggle = () => {
    const shown = bar.querySelector(".emoji");
    if (shown) return shown.remove();
    const choices = EMOJI.map((emoji) =>
      h("button", { type: "button", "aria-label": `React with ${emoji}`, onclick: () => react(emoji) }, emoji),
    );
    bar.append(h("div", { class: "emoji", role: "group", "aria-label": "Reactions" }, ...choices));
  };
  bar.append(
    h("button", { class: "icon-button", type: "button", "aria-label": "React", onclick: toggle }, icon("smile")),
    h("button", { class: "icon-button", type: "button", "aria-label": "Reply", onclick: () => chat.quote(message) }, icon("reply")),
  );
  return bar;
}
