// What can be done with a bubble: react, reply, forward, and with one's own: edit and delete.

import { ask } from "./dialog.js";
import { h, icon } from "./dom.js";
import { openMenu } from "./menu.js";
import { preview } from "./preview.js";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const LONG_PRESS = 500; // milliseconds
const MEDIA = ["image", "video", "audio", "document", "sticker"];
const PLAIN = ["location", "contacts"];

/** The buttons beside a bubble. `reaction` is the person's own on this message. */
export function actions(message, { chat, reaction, mine }) {
  const bar = h("div", { class: "actions" });
  const react = (emoji) => {
    bar.querySelector(".emoji")?.remove();
    return chat.write({ type: "reaction", reaction: { message_id: message.id, emoji } });
  };
  const toggle = () => {
    const shown = bar.querySelector(".emoji");
    if (shown) return shown.remove();
    const choices = EMOJI.map((emoji) =>
      h("button", {
        type: "button", "aria-label": `React with ${emoji}`, "aria-pressed": String(emoji === reaction),
        onclick: () => react(emoji === reaction ? "" : emoji),
      }, emoji),
    );
    bar.append(h("div", { class: "emoji", role: "group", "aria-label": "Reactions" }, ...choices));
  };
  const more = h("button", {
    class: "icon-button", type: "button", "aria-label": "More", "aria-haspopup": "menu",
    onclick: () => {
      bar.querySelector(".emoji")?.remove();
      openMenu(more, choices(message, { chat, mine }), { label: "Message" });
    },
  }, icon("chevron"));
  bar.append(
    h("button", { class: "icon-button", type: "button", "aria-label": "React", onclick: toggle }, icon("smile")),
    h("button", { class: "icon-button", type: "button", "aria-label": "Reply", onclick: () => chat.quote(message) }, icon("reply")),
    more,
  );
  return bar;
}

/** A long press on a touch screen opens what hovering shows. */
export function onLongPress(element, show) {
  let timer;
  const cancel = () => clearTimeout(timer);
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") timer = setTimeout(show, LONG_PRESS);
  });
  for (const end of ["pointerup", "pointermove", "pointercancel"]) element.addEventListener(end, cancel);
}

function choices(message, { chat, mine }) {
  const items = [
    { label: "Reply", icon: "reply", action: () => chat.quote(message) },
    { label: "Forward…", icon: "forward", action: () => forward(message, chat) },
  ];
  if (!mine || message.type === "deleted") return items;
  if (editable(message)) items.push({ label: "Edit…", icon: "pencil", action: () => edit(message, chat) });
  const revoke = { original_message_id: message.id };
  items.push({ label: "Delete for everyone", icon: "trash", action: () => chat.write({ type: "revoke", revoke }) });
  return items;
}

const editable = ({ type }) => ["text", "image", "video", "document"].includes(type);

async function edit(message, chat) {
  const isText = message.type === "text";
  const values = await ask({
    title: isText ? "Edit the message" : "Edit the caption",
    submit: "Save",
    fields: [{
      name: "text", label: isText ? "Message" : "Caption", kind: "lines", required: true,
      value: (isText ? message.content.body : message.content.caption) ?? "",
    }],
  });
  if (!values) return;
  const content = isText ? { body: values.text } : { ...message.content, caption: values.text };
  const replacement = { context: { id: "M0" }, type: message.type, [message.type]: content };
  chat.write({ type: "edit", edit: { original_message_id: message.id, message: replacement } });
}

async function forward(message, chat) {
  const values = await ask({
    title: "Forward",
    submit: "Forward",
    fields: [
      { name: "to", label: "To", kind: "select", options: chat.businesses(), value: message.phone_number_id },
      { name: "often", label: "It was forwarded many times already", kind: "check" },
    ],
  });
  if (!values) return;
  const mark = values.often ? { frequently_forwarded: true } : { forwarded: true };
  chat.write({ ...copyOf(message), context: mark, phone_number_id: values.to });
}

/** What a person passes on of a message: the thing itself, or its words. */
function copyOf({ type, content, ...message }) {
  if (MEDIA.includes(type) && content.id) {
    const media = { media_id: content.id };
    if (content.caption) media.caption = content.caption;
    if (content.filename) media.filename = content.filename;
    return { type, [type]: media };
  }
  if (PLAIN.includes(type)) return { type, [type]: content };
  const text = type === "text" ? content.body : preview({ type, content, ...message });
  return { type: "text", text: { body: text } };
}
