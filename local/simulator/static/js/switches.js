// How Meta behaves: its clock, held webhooks, limits, and the shape of its webhooks.

import { api } from "./api.js";
import { attempt, byId, h, toast } from "./dom.js";
import { select } from "./faults.js";
import { fullTime, now, setSkipped, duration, windowLabel } from "./time.js";

const HOUR = 3600;
const JUMPS = [
  ["+1 h", HOUR], ["+23 h 59 m", 24 * HOUR - 60], ["+24 h", 24 * HOUR], ["+7 d", 7 * 24 * HOUR],
];

export class Switches {
  /** `onClock` is called when Meta's time was moved. */
  constructor(chat, { onClock }) {
    this.chat = chat;
    this.onClock = onClock;
    this.time = h("p", { class: "clock-time", role: "status" });
    this.window = h("p", { class: "says" });
    const jumps = JUMPS.map(([label, seconds]) =>
      h("button", { class: "chip", type: "button", onclick: () => attempt(async () => this.clock(await api.skip(seconds))) }, label));
    byId("clock-block").replaceChildren(
      h("h3", {}, "Meta's clock"), this.time, h("div", { class: "chips" }, ...jumps), this.window,
      h("p", { class: "says" }, "Moves Meta's side only: timestamps, windows, retries, links. Parley keeps the machine's time."),
    );
    this.queue = h("div", { class: "chips" });
    byId("queue-block").replaceChildren(
      h("h3", {}, "Webhooks"), this.queue,
      h("p", { class: "says" }, "Hold them, let things happen, and let them go in another order. Refused ones come again after 1, 2, 4, … seconds, for 7 days."),
    );
    this.limits = h("div", { class: "settings" });
    byId("limits-block").replaceChildren(h("h3", {}, "Limits and shapes"), this.limits);
    setInterval(() => this.tick(), 1000);
  }

  async load() {
    const [clock, held, behaviour] = await Promise.all([api.clock(), api.isHeld(), api.behaviour()]);
    this.clock(clock);
    this.drawQueue(held);
    this.drawLimits(behaviour);
  }

  clock({ skipped_seconds: skipped }) {
    this.skipped = skipped;
    setSkipped(skipped);
    this.tick();
    this.onClock();
  }

  tick() {
    const ahead = this.skipped ? `, ${duration(this.skipped)} ahead` : "";
    this.time.textContent = `${fullTime(now())}${ahead}`;
    this.window.textContent = `This chat: ${windowLabel(this.chat.windowClosesAt())}.`;
  }

  drawQueue(held) {
    const tap = (label, action) =>
      h("button", { class: "chip", type: "button", onclick: () => attempt(action) }, label);
    const release = (label, order) => tap(label, async () => {
      const { posts } = await api.release(order);
      toast(posts === 1 ? "One webhook goes out." : `${posts} webhooks go out.`);
      this.drawQueue(false);
    });
    const hold = tap("Hold webhooks", async () => {
      await api.hold();
      this.drawQueue(true);
    });
    this.queue.replaceChildren(
      ...(held
        ? [h("span", { class: "pill bad" }, "held"), release("In order", "kept"), release("Newest first", "reversed"), release("As one batch", "batched")]
        : [hold]),
    );
  }

  drawLimits(behaviour) {
    const change = (name, value) => attempt(async () => this.drawLimits(await api.switchBehaviour({ [name]: value })));
    const number = (name, label, nothing) => row(label, h("input", {
      type: "number", min: 0, step: "any", value: behaviour[name] ?? "", placeholder: nothing, "aria-label": label,
      onchange: (event) => change(name, event.target.value ? Number(event.target.value) : null),
    }));
    const choice = (name, label, options, parse = String) => {
      const element = select(label, options);
      element.value = String(behaviour[name]);
      element.addEventListener("change", () => change(name, parse(element.value)));
      return row(label, element);
    };
    this.limits.replaceChildren(
      number("messages_per_second", "Messages a second for a number", "no limit"),
      number("pair_burst", "Messages at once to one person", "no limit"),
      choice("service_window", "Outside 24 hours", [["async", "fails later"], ["sync", "refused at once"], ["off", "no rule"]]),
      choice("webhook_version", "Shape of statuses", [["24", "v24 and later"], ["23", "v23: conversation"]], Number),
      number("media_url_seconds", "Seconds a media link lives", "300"),
      h("button", {
        class: "quiet", type: "button",
        onclick: () => attempt(async () => this.drawLimits(await api.resetBehaviour())),
      }, "As configured"),
    );
  }
}

function row(label, element) {
  return h("label", { class: "setting" }, h("span", {}, label), element);
}
