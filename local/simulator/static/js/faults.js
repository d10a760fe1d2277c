// Faults: what the next calls meet. A form adds a rule; the rules in force are listed below it.

import { api } from "./api.js";
import { attempt, byId, h } from "./dom.js";

const EFFECTS = {
  error: { label: "Refuse at once", says: "The send is answered with a code; nothing is sent.", code: true },
  error_async: { label: "Fail later", says: "The send is accepted, then a failed status comes.", code: true },
  http_500: { label: "Server error", says: "500, and nothing was sent." },
  http_500_sent: { label: "Server error, yet sent", says: "500, although the message went out.", effect: "http_500", accept: true },
  lost_answer: { label: "Lose the answer", says: "The message goes out; the caller never hears of it.", seconds: 10 },
  reset: { label: "Reset the connection", says: "Cut at once; nothing is sent." },
  status_before_response: { label: "Status first", says: "Statuses arrive before the send is answered." },
  delay_statuses: { label: "Delay statuses", says: "Statuses come this much later.", seconds: 30 },
  reorder_statuses: { label: "Reorder statuses", says: "Delivered comes before sent." },
  drop_statuses: { label: "Drop statuses", says: "No status comes.", statuses: true },
  duplicate_webhooks: { label: "Duplicate webhooks", says: "Messages and statuses come twice." },
  delay_messages: { label: "Delay a person's messages", says: "What they write next overtakes this one.", seconds: 15 },
  media_expired: { label: "Expire a media link", says: "A download is answered 404." },
  account_error: { label: "Refuse calls about the account", says: "Numbers, templates, subscriptions.", code: true },
  account_silence: { label: "No answer about the account", says: "Cut after so many seconds.", seconds: 10 },
};
const STATUSES = ["sent", "delivered", "read", "played", "failed"];

export class Faults {
  constructor(chat) {
    this.chat = chat;
    this.kinds = [];
    this.effect = select("What happens", Object.entries(EFFECTS).map(([key, { label }]) => [key, label]));
    this.code = h("select", { "aria-label": "Code" });
    this.seconds = h("input", { type: "number", min: 0, max: 86_400, step: "any", "aria-label": "Seconds" });
    this.statuses = select("Which", [["all", "all statuses"], ...STATUSES.map((status) => [status, `only ${status}`])]);
    this.count = select("How often", [["1", "once"], ["3", "three times"], ["", "until it is taken away"]]);
    this.who = select("Whom", [["person", "this person"], ["number", "this business"], ["", "everybody"]]);
    this.says = h("p", { class: "says", role: "status" });
    this.active = h("ul", { class: "rules" });
    this.effect.addEventListener("change", () => this.fit());
    this.code.addEventListener("change", () => this.explain());
    const add = h("button", { class: "primary", type: "submit" }, "Add");
    const form = h(
      "form",
      { class: "rule-form", onsubmit: (event) => { event.preventDefault(); this.add(); } },
      this.effect, this.code, this.seconds, this.statuses, this.says,
      h("div", { class: "pair" }, this.count, this.who), add,
    );
    byId("faults-block").replaceChildren(h("h3", {}, "Faults"), form, this.active);
    this.fit();
  }

  /** Fetch the codes and the rules that are in force. */
  async load() {
    const [rules, kinds] = await Promise.all([api.faults(), this.kinds.length ? this.kinds : api.errors()]);
    if (kinds !== this.kinds) this.offer(kinds);
    this.draw(rules);
  }

  offer(kinds) {
    this.kinds = kinds;
    this.code.replaceChildren(...kinds.map(({ code, title }) => h("option", { value: String(code) }, `${code} ${title}`)));
    this.code.value = "130429";
    this.explain();
  }

  fit() {
    const { code, seconds, statuses } = EFFECTS[this.effect.value];
    this.code.hidden = !code;
    this.statuses.hidden = !statuses;
    this.seconds.hidden = seconds === undefined;
    this.seconds.value = seconds ?? "";
    this.explain();
  }

  explain() {
    const { says, code } = EFFECTS[this.effect.value];
    const kind = code && this.kinds.find((item) => String(item.code) === this.code.value);
    this.says.textContent = kind ? `${says} ${kind.code}: ${kind.meaning} Meta sends it ${WHEN[kind.when]}.` : says;
  }

  async add() {
    const chosen = EFFECTS[this.effect.value];
    const { personId, numberId } = this.chat.chosen();
    const rule = { effect: chosen.effect ?? this.effect.value };
    if (chosen.accept) rule.accept = true;
    if (chosen.code) rule.code = Number(this.code.value);
    if (chosen.seconds !== undefined) rule.seconds = Number(this.seconds.value);
    if (chosen.statuses && this.statuses.value !== "all") rule.statuses = [this.statuses.value];
    if (this.count.value) rule.count = Number(this.count.value);
    if (this.who.value) rule.phone_number_id = numberId;
    // Calls about an account or a file are nobody's in particular.
    if (this.who.value === "person" && !/^(account|media)/.test(rule.effect)) rule.recipient = personId;
    await attempt(async () => this.draw(await api.putFaults([...(await api.faults()), rule])));
  }

  draw(rules) {
    const isSpent = ({ count, hits }) => count !== null && hits >= count;
    const entries = rules.map((rule, position) => {
      const remove = () => attempt(async () =>
        this.draw(await api.putFaults((await api.faults()).filter((_, index) => index !== position))));
      return h(
        "li",
        { class: isSpent(rule) ? "spent" : "" },
        h("span", {}, h("strong", {}, labelOf(rule)), h("small", {}, this.detail(rule))),
        h("button", { type: "button", class: "quiet", "aria-label": `Take away: ${labelOf(rule)}`, onclick: remove }, "Take away"),
      );
    });
    this.active.replaceChildren(...(entries.length ? entries : [h("li", { class: "none" }, "No faults: everything works.")]));
  }

  detail({ code, seconds, statuses, count, hits, recipient, phone_number_id: number }) {
    const whom = recipient ? this.chat.personName(recipient) : number ? this.chat.numberName(number) : "everybody";
    return [
      code === null ? null : `code ${code}`,
      seconds === null ? null : `${seconds} s`,
      statuses.length < STATUSES.length ? statuses.join(", ") : null,
      whom,
      count === null ? `met ${hits} times` : `${hits} of ${count}`,
    ].filter(Boolean).join(" · ");
  }
}

const WHEN = { "at once": "at once", later: "later, in a failed status", either: "at once or later" };

function labelOf({ effect, accept }) {
  return accept ? EFFECTS.http_500_sent.label : EFFECTS[effect].label;
}

/** A choice among `[value, label]`. */
export function select(label, options) {
  return h("select", { "aria-label": label }, ...options.map(([value, text]) => h("option", { value }, text)));
}
