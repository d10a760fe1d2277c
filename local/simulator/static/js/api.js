// The control API. Every failure is an Error with a sentence that can be shown.

async function request(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(`/simulator/${path}`, options);
  } catch {
    throw new Error("The simulator does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `The simulator answered ${response.status}.`);
  return answer;
}

const query = (chat) =>
  new URLSearchParams({ person_id: chat.personId, phone_number_id: chat.numberId });

export const api = {
  numbers: async () => (await request("GET", "numbers")).items,
  people: async () => (await request("GET", "people")).items,
  conversations: async () => (await request("GET", "conversations")).items,
  conversation: (chat, cursor) =>
    request(
      "GET",
      `conversations/${chat.personId}/${chat.numberId}${cursor ? `?cursor=${cursor}` : ""}`,
    ),
  deliveries: async (chat) => (await request("GET", `deliveries?${query(chat)}`)).items,
  sends: async (chat) => (await request("GET", `sends?${query(chat)}`)).items,
  notice: async () => (await request("GET", "notice")).text,
  createPerson: (person) => request("POST", "people", person),
  write: (chat, message) =>
    request("POST", `people/${chat.personId}/messages`, {
      phone_number_id: chat.numberId,
      ...message,
    }),
  /** Something a person does that is no message: `calls`, `preferences`, `echoes` and the like. */
  act: (chat, path, body = {}) => request("POST", `people/${chat.personId}/${path}`, body),
  webhook: (numberId, webhook) => request("POST", `numbers/${numberId}/webhooks`, webhook),
  faults: async () => (await request("GET", "faults")).rules,
  putFaults: async (rules) => (await request("PUT", "faults", { rules })).rules,
  errors: async () => (await request("GET", "errors")).items,
  behaviour: () => request("GET", "behaviour"),
  switchBehaviour: (changes) => request("PATCH", "behaviour", changes),
  resetBehaviour: () => request("DELETE", "behaviour"),
  isHeld: async () => (await request("GET", "webhooks/hold")).held,
  hold: () => request("POST", "webhooks/hold"),
  release: (order) => request("POST", "webhooks/release", { order }),
  clock: () => request("GET", "clock"),
  skip: (seconds) => request("POST", "clock", { skip_seconds: seconds }),
  templates: async (wabaId) => (await request("GET", `accounts/${wabaId}/templates`)).items,
  templateEvent: (wabaId, { name, language }, event) =>
    request("POST", `accounts/${wabaId}/templates/${name}/${language}/events`, { event }),
  knowledge: (numberId) => request("GET", `knowledge/${numberId}`),
  addDocument: (numberId, knowledgeBaseId, file) => {
    const form = new FormData();
    form.append("file", file, file.name); // without the folders that it was in
    return request("POST", `knowledge/${numberId}/${knowledgeBaseId}/documents`, form);
  },
  removeDocument: (numberId, knowledgeBaseId, documentId) =>
    request("DELETE", `knowledge/${numberId}/${knowledgeBaseId}/documents/${documentId}`),
  /** Where a document opens; a PDF at one of its pages. */
  documentUrl: (numberId, documentId, page) =>
    `/simulator/knowledge/${numberId}/documents/${documentId}${page ? `#page=${page}` : ""}`,
  desk: (chat) => request("GET", `desk/${chat.personId}/${chat.numberId}`),
  deskAction: (chat, action, body) =>
    request("POST", `desk/${chat.personId}/${chat.numberId}/${action}`, body),
  opened: (chat) =>
    request("POST", `people/${chat.personId}/opened`, { phone_number_id: chat.numberId }),
  upload: (file) => {
    const form = new FormData();
    form.append("file", file);
    return request("POST", "media", form);
  },
};

/** Call `onEvent` for everything that happens from a call of `onConnect` on; again after a gap. */
export function follow(onEvent, onConnect) {
  const source = new EventSource("/simulator/events");
  source.addEventListener("open", onConnect);
  source.addEventListener("message", (event) => onEvent(JSON.parse(event.data)));
}
