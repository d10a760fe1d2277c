// What hangs under a message of the business and can be tapped: buttons, lists, forms, requests.

import { ask } from "./dialog.js";
import { byId, h, icon } from "./dom.js";
import { link } from "./format.js";
import { askForLocation, ownContact } from "./places.js";
import { now } from "./time.js";

const WEEK = 7 * 86_400;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The element with everything that can be tapped, or null. */
export function answersOf(message, chat) {
  const taps = message.type === "template" ? ofTemplate(message, chat) : ofInteractive(message, chat);
  return taps?.length ? h("div", { class: "choices" }, ...taps) : null;
}

const tap = (name, label, onclick) =>
  h("button", { class: "choice", type: "button", onclick }, icon(name), label);

function ofTemplate(message, chat) {
  return (message.extra?.rendered?.buttons ?? []).map((button) => {
    if (button.type === "URL") return anchor(button.url, button.text);
    if (button.type === "PHONE_NUMBER") return tap("call", button.text, () => chat.call());
    const reply = { payload: button.payload ?? button.text, text: button.text };
    return tap("reply", button.text, () =>
      chat.write({ type: "button", button: reply, context: { message_id: message.id } }));
  });
}

function ofInteractive(message, chat) {
  const content = message.content ?? {};
  if (message.type !== "interactive" || !isObject(content.action)) return null;
  return KINDS[content.type]?.(content.action, answering(message, chat)) ?? null;
}

/** Ways to answer this message. */
function answering(message, chat) {
  const context = { message_id: message.id };
  return {
    chat,
    write: (answer) => chat.write({ ...answer, context }),
    interactive: (kind, value) =>
      chat.write({ type: "interactive", interactive: { type: kind, [kind]: value }, context }),
  };
}

const KINDS = {
  button: ({ buttons = [] }, answer) =>
    buttons.map(({ reply }) => tap("reply", reply.title, () => answer.interactive("button_reply", reply))),
  list: (action, answer) =>
    [tap("list", action.button, () => showList(action, (row) => answer.interactive("list_reply", row)))],
  cta_url: ({ parameters }) => [anchor(String(parameters?.url), parameters?.display_text)],
  flow: ({ parameters }, answer) => [
    tap("form", parameters?.flow_cta ?? "Open the form", () => fillForm(parameters ?? {}, answer)),
  ],
  location_request_message: (_, answer) => [
    tap("pin", "Send location", async () => {
      const place = await askForLocation();
      if (place) answer.write(place);
    }),
  ],
  request_contact_info: (_, answer) => [
    tap("contact", "Share phone number", () => {
      const person = answer.chat.person();
      if (person.wa_id) answer.write(ownContact(person));
    }),
  ],
  call_permission_request: (_, answer) => {
    const reply = (response, more) =>
      answer.interactive("call_permission_reply", { response, ...more, response_source: "user_action" });
    return [
      tap("call", "Allow calls for a week", () =>
        reply("accept", { expiration_timestamp: Math.floor(now()) + WEEK, is_permanent: false })),
      tap("close", "Don't allow", () => reply("reject", {})),
    ];
  },
  address_message: (_, answer) => [
    tap("pin", "Provide address", async () => {
      const values = await ask({
        title: "Your address",
        fields: [
          { name: "name", label: "Name", required: true },
          { name: "address", label: "Address", required: true },
          { name: "city", label: "City", required: true },
        ],
      });
      if (!values) return;
      const response = JSON.stringify({ values });
      answer.interactive("nfm_reply", { name: "address_message", body: "Sent", response_json: response });
    }),
  ],
};

function anchor(url, label) {
  const element = link(url, label);
  if (element instanceof HTMLElement) element.className = "choice";
  return element;
}

/** The form's own screens live at Meta; what it would answer is written here by hand. */
async function fillForm({ flow_token: token }, answer) {
  const values = await ask({
    title: "Fill in the form",
    text: "The form itself is kept by Meta. Write what it would answer, one field a line: name = value.",
    fields: [{ name: "lines", label: "Answers", kind: "lines", value: "name = Grace\nday = Monday" }],
  });
  if (!values) return;
  const fields = values.lines.split("\n").map((line) => line.split("=").map((part) => part.trim()));
  const filled = Object.fromEntries(fields.filter(([name]) => name).map(([name, value = ""]) => [name, value]));
  const response = JSON.stringify({ ...filled, flow_token: token ?? "unused" });
  answer.interactive("nfm_reply", { name: "flow", body: "Sent", response_json: response });
}

function showList(action, choose) {
  const dialog = byId("list-dialog");
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
