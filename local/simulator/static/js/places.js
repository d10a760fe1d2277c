// What a person can send without typing it: where they are, and whom they know.

import { ask } from "./dialog.js";

const PLACES = [
  { name: "Plaça de Catalunya", address: "Barcelona", latitude: 41.387, longitude: 2.1701 },
  { name: "Alexanderplatz", address: "10178 Berlin", latitude: 52.5219, longitude: 13.4132 },
  { name: "Zócalo", address: "Ciudad de México", latitude: 19.4326, longitude: -99.1332 },
  { name: "Praça da Sé", address: "São Paulo", latitude: -23.5503, longitude: -46.6339 },
];
const HERE = "My position";

/** A message with a place, or null. */
export async function askForLocation() {
  const values = await ask({
    title: "Send a location",
    fields: [
      {
        name: "place", label: "Place", kind: "select",
        options: [...PLACES.map(({ name }) => [name, name]), [HERE, "Only where I am"]],
        fills: (name) => PLACES.find((place) => place.name === name) ?? { name: "", address: "" },
      },
      { name: "latitude", label: "Latitude", kind: "number", value: PLACES[0].latitude, required: true },
      { name: "longitude", label: "Longitude", kind: "number", value: PLACES[0].longitude, required: true },
      { name: "name", label: "Name", value: PLACES[0].name },
      { name: "address", label: "Address", value: PLACES[0].address },
    ],
  });
  if (!values) return null;
  const { latitude, longitude, name, address } = values;
  const location = { latitude, longitude };
  if (name) location.name = name;
  if (address) location.address = address;
  return { type: "location", location };
}

/** A message with somebody's card, or null. */
export async function askForContact() {
  const values = await ask({
    title: "Send a contact",
    fields: [
      { name: "first", label: "First name", value: "Bo", required: true },
      { name: "last", label: "Last name", value: "Diaz" },
      { name: "phone", label: "Phone number", value: "+1 202 555 0142", required: true },
    ],
  });
  if (!values) return null;
  return { type: "contacts", contacts: [card(values)] };
}

function card({ first, last, phone }) {
  const name = { formatted_name: `${first} ${last}`.trim(), first_name: first };
  if (last) name.last_name = last;
  return { name, phones: [{ phone, wa_id: phone.replace(/\D/g, ""), type: "MOBILE" }] };
}

/** The person's own card, as a tap on a request for the number sends it. */
export function ownContact(person) {
  const [first, ...rest] = person.name.split(" ");
  const contact = card({ first, last: rest.join(" "), phone: `+${person.wa_id}` });
  return { type: "contacts", contacts: [{ ...contact, origin: "contact_request" }] };
}
