// The dialog that adds a person.

import { api } from "./api.js";
import { attempt, byId } from "./dom.js";

/** `onMade` gets the person. */
export function setUpPersonDialog(onMade) {
  const dialog = byId("person-dialog");
  const form = byId("person-form");
  byId("new-person").addEventListener("click", () => dialog.showModal());
  byId("person-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const person = { name: values.get("name").trim() };
    if (values.get("hidden")) person.wa_id = null;
    attempt(async () => {
      const made = await api.createPerson(person);
      dialog.close();
      form.reset();
      onMade(made);
    });
  });
}
