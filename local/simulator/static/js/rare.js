// "As Meta": what seldom comes from a phone, and what only Meta sends.

import { api } from "./api.js";
import { ask } from "./dialog.js";
import { attempt, byId, h, toast } from "./dom.js";

const GROUP = "Y2FwaV9ncm91cDoxNTU1MDEyMzQ1NjpzaW11bGF0ZWQ";

const AD = {
  source_url: "https://fb.me/3cr4Wqqkv", source_id: "120226305854810726", source_type: "ad",
  headline: "Chat with us", body: "Everything for spring is here!", media_type: "image",
  image_url: "https://example.com/spring.jpg", ctwa_clid: "Aff-n8ZTODiE79d22KtAwQKj9e",
};
const ORDER = {
  catalog_id: "194836987003835", text: "Please wrap it as a present.",
  product_items: [
    { product_retailer_id: "CITY-BIKE", quantity: 1, item_price: 549, currency: "EUR" },
    { product_retailer_id: "HELMET-M", quantity: 2, item_price: 39.5, currency: "EUR" },
  ],
};
const PRODUCT = { catalog_id: "194836987003835", product_retailer_id: "CITY-BIKE" };

/** Webhooks that no person causes, to begin from. */
const WEBHOOKS = {
  "Account restricted": {
    field: "account_update", scope: "account",
    value: {
      event: "ACCOUNT_RESTRICTION",
      restriction_info: [{ restriction_type: "RESTRICTED_BIZ_INITIATED_MESSAGING", expiration: 1893456000 }],
    },
  },
  "Account violation": {
    field: "account_update", scope: "account",
    value: { event: "ACCOUNT_VIOLATION", violation_info: { violation_type: "SPAM" } },
  },
  "Account disabled": {
    field: "account_update", scope: "account",
    value: { event: "DISABLED_UPDATE", ban_info: { waba_ban_state: "DISABLE", waba_ban_date: "April 17, 2027" } },
  },
  "Throughput raised": {
    field: "phone_number_quality_update", scope: "account",
    value: { event: "THROUGHPUT_UPGRADE", max_daily_conversations_per_business: "TIER_2K" },
  },
  "Click on a marketing link": {
    field: "messages", scope: "number",
    value: { user_actions: [{ action_type: "marketing_messages_link_click" }] },
  },
  "Number flagged": {
    field: "phone_number_quality_update", scope: "account",
    value: { event: "FLAGGED", max_daily_conversations_per_business: "TIER_250" },
  },
};

/** Draws the tab. `chat` writes as the person and knows the chosen chat. */
export class Rare {
  constructor(chat) {
    this.chat = chat;
    byId("rare").replaceChildren(
      h("p", { class: "hint" }, "What a person seldom does, and what only Meta sends. Each goes out as a real, signed webhook."),
      section("As the person", [
        ["Come from an ad", () => chat.write({ type: "text", text: "I saw your ad. Is it still valid?", referral: AD })],
        ["Ask about a product", () => chat.write({ type: "text", text: "Is this still available?", context: { referred_product: PRODUCT } })],
        ["Order from the catalogue", () => chat.write({ type: "order", order: ORDER })],
        ["Open the chat for the first time", () => chat.write({ type: "request_welcome" })],
        ["Send a poll", () => chat.write({ type: "unsupported", unsupported: { type: "poll" } })],
        ["Send a file above 100 MB", () => chat.write({ type: "unsupported", error_code: 131052 })],
        ["Write in a group…", () => this.writeInGroup()],
        ["Call", () => this.chat.call()],
      ]),
      section("Who the person is", [
        ["Stop promotions", () => this.act("preferences", { value: "stop" })],
        ["Resume promotions", () => this.act("preferences", { value: "resume" })],
        ["Change the phone number", () => this.act("number-change", null)],
        ["Change the user id", () => this.act("user-id-change", null)],
      ]),
      section("As the business, in its app", [["Reply in the Business app…", () => this.echo()]]),
      section("As Meta", [
        ...Object.entries(WEBHOOKS).map(([label, webhook]) => [label, () => this.send(webhook, label)]),
        ["Any webhook…", () => this.sendAny()],
        ["Any message…", () => this.writeRaw()],
      ]),
    );
  }

  async act(path, body) {
    await attempt(async () => {
      const { numberId } = this.chat.chosen();
      await api.act(this.chat.chosen(), path, body === null ? {} : { phone_number_id: numberId, ...body });
    });
  }

  async writeInGroup() {
    const values = await ask({
      title: "Write in a group", fields: [{ name: "text", label: "Message", kind: "lines", value: "Hi everyone!", required: true }],
    });
    if (values) this.chat.write({ type: "text", text: values.text, group_id: GROUP });
  }

  async echo() {
    const values = await ask({
      title: "Reply in the Business app",
      text: "Somebody at the business answers on their own phone. Parley learns of it from an echo.",
      fields: [{ name: "text", label: "Message", kind: "lines", value: "Hello, this is Bo from the shop.", required: true }],
    });
    if (values) await this.act("echoes", { text: values.text });
  }

  async send(webhook, label) {
    await attempt(async () => {
      await api.webhook(this.chat.chosen().numberId, webhook);
      toast(`Sent: ${label}`);
    });
  }

  async sendAny() {
    const values = await ask({
      title: "Any webhook",
      fields: [
        { name: "field", label: "Field", value: "account_alerts", required: true },
        { name: "scope", label: "About", kind: "select", options: [["number", "the number"], ["account", "the account"]] },
        { name: "copies", label: "How often", kind: "number", value: 1 },
        { name: "value", label: "Value, as JSON", kind: "lines", value: "{}", required: true },
      ],
    });
    if (!values) return;
    await attempt(async () => this.send({ ...values, value: parsed(values.value) }, values.field));
  }

  async writeRaw() {
    const values = await ask({
      title: "Any message",
      text: "These keys go into the message as they are: for shapes that have no form here.",
      fields: [{ name: "raw", label: "Message, as JSON", kind: "lines", value: '{"type": "hologram", "hologram": {"x": 1}}', required: true }],
    });
    if (values) await attempt(async () => this.chat.write({ type: "raw", raw: parsed(values.raw) }));
  }
}

function section(title, buttons) {
  const taps = buttons.map(([label, onclick]) => h("button", { class: "chip", type: "button", onclick }, label));
  return h("section", { class: "block" }, h("h3", {}, title), h("div", { class: "chips" }, ...taps));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This is not JSON.");
  }
}
