// The list of chats: every person with every business, newest message and unread count beside each.

import { byId, h, icon, paintAvatar } from "./dom.js";
import { preview, ticks } from "./preview.js";
import { shortDay, windowLabel } from "./time.js";

/** Draw the list. `state` has `people`, `numbers`, `chats`, `typing` and the `chosen` chat's key. */
export function drawChats(state, choose) {
  const list = byId("chat-list");
  const focused = document.activeElement?.dataset?.chat;
  if (!state.numbers.size || !state.people.size) {
    const missing = state.numbers.size ? "Add a person to start." : "No business number yet.";
    list.replaceChildren(h("p", { class: "hint" }, missing));
    return;
  }
  list.replaceChildren(
    ...[...state.people.values()].map((person) =>
      h(
        "section",
        { "aria-label": person.name },
        h(
          "h2",
          { class: "person-name" },
          person.name,
          h("span", { class: "number" }, person.wa_id ? `+${person.wa_id}` : person.user_id),
        ),
        ...[...state.numbers.values()].map((number) => row(state, person, number, choose)),
      ),
    ),
  );
  if (focused) list.querySelector(`[data-chat="${CSS.escape(focused)}"]`)?.focus();
}

function row(state, person, number, choose) {
  const key = `${person.id}/${number.phone_number_id}`;
  const { last, unread = 0, window } = state.chats.get(key) ?? {};
  const isTyping = state.typing.has(key);
  const label = `${person.name} with ${number.name}${unread ? `, ${unread} unread` : ""}`;
  return h(
    "button",
    {
      class: `chat-row${unread ? " has-unread" : ""}`,
      type: "button",
      "aria-label": label,
      "aria-current": state.chosen === key ? "true" : "false",
      "data-chat": key,
      onclick: () => choose(person.id, number.phone_number_id),
    },
    paintAvatar(h("span", { class: "avatar", "aria-hidden": "true" }), number.name),
    h(
      "span",
      { class: "middle" },
      h("span", { class: "name" }, number.name),
      lastLine(last, isTyping),
      last ? h("span", { class: "window" }, windowLabel(window)) : null,
    ),
    h(
      "span",
      { class: "side" },
      h("span", { class: "when" }, last ? shortDay(last.at) : ""),
      unread ? h("span", { class: "badge" }, String(unread)) : h("span", { class: "no-badge" }),
    ),
  );
}

function lastLine(last, isTyping) {
  if (isTyping) return h("span", { class: "preview typing" }, h("span", {}, "typing…"));
  if (!last) return h("span", { class: "preview" }, h("span", {}, "No messages yet"));
  const mine = last.direction === "inbound";
  const { name, read } = ticks(last.status);
  const sign = mine ? icon(name, `tick${name === "ticks" ? "" : " single"}${read ? " read" : ""}`) : null;
  return h("span", { class: "preview" }, sign, h("span", {}, preview(last)));
}
