// The log of the chosen chat: days, bubbles, the typing bubble, scrolling.

import { bubble, isMine, stamp } from "./bubble.js";
import { byId, h } from "./dom.js";
import { standing } from "./standing.js";
import { day } from "./time.js";

const NEAR_THE_END = 120;

/** Keeps the log equal to a list of messages; bubbles that did not change stay the elements they are. */
export class Log {
  constructor(chat) {
    this.chat = chat;
    this.element = byId("log");
    this.toNewest = byId("to-newest");
    this.drawn = new Map();
    this.toNewest.addEventListener("click", () => this.scrollToEnd());
    this.element.addEventListener("scroll", () => { this.followsEnd = this.isAtEnd(); });
    // A picture takes its room only once it has loaded; load events do not bubble.
    this.element.addEventListener("load", () => { if (this.followsEnd) this.scrollToEnd(); }, true);
    this.element.addEventListener("scroll", () => (this.toNewest.hidden = this.isAtEnd()));
  }

  clear() {
    this.drawn.clear();
    this.element.replaceChildren();
    this.toNewest.hidden = true;
  }

  /** Draw `messages`, oldest first, and the typing bubble below them. */
  draw(messages, { typing, older }) {
    const wasAtEnd = this.isAtEnd();
    const newest = messages.at(-1);
    const isNew = newest && !this.drawn.has(`m${newest.id}`);
    const { messages: shown, reactions } = standing(messages);
    const wanted = [];
    const onclick = () => this.keepingPlace(this.chat.loadOlder);
    if (older) wanted.push(this.element_("older", "", () => h("button", { class: "older", type: "button", onclick }, "Earlier messages")));
    let previous = null;
    for (const message of shown) {
      const label = day(message.at);
      const sameDay = previous && day(previous.at) === label;
      if (!sameDay) wanted.push(this.element_(`d${label}`, label, () => h("div", { class: "day" }, label)));
      const first = !sameDay || isMine(previous) !== isMine(message);
      const given = reactions.get(message.id);
      const state = JSON.stringify([message, first, given]);
      const make = () => bubble(message, { first, reactions: given, chat: this.chat });
      wanted.push(this.restamped(message) ?? this.element_(`m${message.id}`, state, make));
      previous = message;
    }
    if (typing) wanted.push(this.element_("typing", "", typingBubble));
    this.place(wanted);
    if (wasAtEnd || (isNew && isMine(newest))) this.scrollToEnd();
    else if (isNew) this.toNewest.hidden = false;
  }

  element_(key, state, make) {
    const known = this.drawn.get(key);
    if (known?.state === state) return known;
    const entry = { key, state, element: make() };
    this.drawn.set(key, entry);
    return entry;
  }

  /** The bubble of a message that is being played: it stays, or the sound would stop. */
  restamped(message) {
    const known = this.drawn.get(`m${message.id}`);
    const media = known?.element.querySelector("audio, video");
    if (!media || media.paused) return null;
    known.element.querySelector(".stamp").replaceWith(stamp(message));
    return known;
  }

  place(wanted) {
    const keep = new Set(wanted.map((entry) => entry.element));
    for (const child of [...this.element.children]) if (!keep.has(child)) child.remove();
    const keys = new Set(wanted.map((entry) => entry.key));
    for (const key of [...this.drawn.keys()]) if (!keys.has(key)) this.drawn.delete(key);
    wanted.forEach(({ element }, index) => {
      const there = this.element.children[index];
      if (there !== element) this.element.insertBefore(element, there ?? null);
    });
  }

  /** Let `change` add messages above without moving what is in view. */
  async keepingPlace(change) {
    const below = this.element.scrollHeight - this.element.scrollTop;
    await change();
    this.element.scrollTop = this.element.scrollHeight - below;
  }

  isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  scrollToEnd() {
    this.followsEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
    this.toNewest.hidden = true;
  }
}

function typingBubble() {
  const dots = [0, 1, 2].map(() => h("span", { class: "dot" }));
  const inside = h("div", { class: "bubble", role: "img", "aria-label": "typing" }, ...dots);
  return h("div", { class: "message theirs first typing-bubble" }, inside);
}
