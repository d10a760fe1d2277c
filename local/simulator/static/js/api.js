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
  conversation: (chat) => request("GET", `conversations/${chat.personId}/${chat.numberId}`),
  deliveries: async (chat) => (await request("GET", `deliveries?${query(chat)}`)).items,
  sends: async (chat) => (await request("GET", `sends?${query(chat)}`)).items,
  notice: async () => (await request("GET", "notice")).text,
  createPerson: (person) => request("POST", "people", person),
  write: (chat, message) =>
    request("POST", `people/${chat.personId}/messages`, {
      phone_number_id: chat.numberId,
      ...message,
    }),
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
