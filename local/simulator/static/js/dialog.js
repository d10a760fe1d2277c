// Questions with a few fields, in the one dialog of the page.

import { byId, h } from "./dom.js";

/**
 * Ask for some values; null when it was cancelled.
 *
 * A field is `{ name, label, kind, value, options, required, note, fills }`: its kind is text, number,
 * select, check or lines; the options of a select are `[value, label]`; `fills` gives the values of other
 * fields for a chosen option.
 */
export function ask({ title, text = "", fields, submit = "Send" }) {
  const dialog = byId("form-dialog");
  const inputs = new Map(fields.map((field) => [field.name, input(field)]));
  const set = (values) => {
    for (const [name, value] of Object.entries(values)) inputs.get(name).value = value;
  };
  for (const { name, fills } of fields) {
    const element = inputs.get(name);
    if (fills) element.addEventListener("change", () => set(fills(element.value) ?? {}));
  }
  return new Promise((resolve) => {
    let values = null;
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          values = Object.fromEntries(fields.map((field) => [field.name, valueOf(field, inputs.get(field.name))]));
          dialog.close();
        },
      },
      h("h2", {}, title),
      text ? h("p", { class: "dialog-text" }, text) : null,
      ...fields.map((field) => row(field, inputs.get(field.name))),
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, submit),
      ),
    );
    dialog.setAttribute("aria-label", title);
    dialog.replaceChildren(form);
    dialog.addEventListener("close", () => resolve(values), { once: true });
    dialog.showModal();
  });
}

function input({ name, label, kind = "text", value = "", options, required = false }) {
  const named = { name, "aria-label": label };
  if (kind === "select")
    return h("select", named, ...options.map(([key, text]) =>
      h("option", { value: key, selected: key === value }, text)));
  if (kind === "lines") return h("textarea", { ...named, value, required, rows: 4, maxLength: 4096 });
  if (kind === "check") return h("input", { ...named, type: "checkbox", checked: Boolean(value) });
  return h("input", {
    ...named, value, required, autocomplete: "off",
    type: kind === "number" ? "number" : "text", step: kind === "number" ? "any" : undefined,
  });
}

function row({ kind, label, note }, element) {
  if (kind === "check") return h("label", { class: "check" }, element, label);
  return h("label", { class: "row" }, h("span", {}, label), element, note ? h("small", {}, note) : null);
}

function valueOf({ kind }, element) {
  if (kind === "check") return element.checked;
  return kind === "number" ? Number(element.value) : element.value.trim();
}
