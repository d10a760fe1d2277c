// The page: its state, what events change in it, and which part draws what.

import { api, follow } from "./api.js";
import { drawChats } from "./chats.js";
import { Composer } from "./composer.js";
import { Desk } from "./desk.js";
import { attempt, byId, paintAvatar, toast } from "./dom.js";
import { Faults } from "./faults.js";
import { KnowledgeView } from "./knowledge.js";
import { Log } from "./log.js";
import { Panel } from "./panel.js";
import { setUpPersonDialog } from "./person.js";
import { Rare } from "./rare.js";
import { Switches } from "./switches.js";
import { TemplateList } from "./templates.js";
import { now, time, windowLabel } from "./time.js";
import { Traffic } from "./traffic.js";

const state = {
  people: new Map(),
  numbers: new Map(),
  chats: new Map(), // "person/number" → { last, unread, window }
  typing: new Set(), // keys of chats
  chosen: null, // key of the open chat
  messages: new Map(), // of the open chat, by id
  older: null, // cursor of the open chat's earlier messages
};

const keyOf = (personId, numberId) => `${personId}/${numberId}`;
const current = () => {
  const [personId, numberId] = state.chosen.split("/");
  return { personId, numberId };
};

const RINGING = 4000; // milliseconds until a caller gives up

const chat = {
  names: { business: "" },
  find: (id) => state.messages.get(id),
  quote: (message) => composer.quote(message),
  /** Fetch the page of messages before the first one shown. */
  async loadOlder() {
    try {
      const page = await api.conversation(current(), state.older);
      for (const message of page.items) state.messages.set(message.id, message);
      state.older = page.next_cursor;
      redrawChat();
    } catch (error) {
      toast(error.message);
    }
  },
  /** Write as the person; true when it was taken. */
  write: (message) => attempt(async () => apply(await api.write(current(), message))),
  call: () => attempt(async () => {
    const { id } = await api.act(current(), "calls", { phone_number_id: current().numberId });
    const hangUp = api.act.bind(null, current(), `calls/${encodeURIComponent(id)}/end`);
    setTimeout(() => attempt(hangUp), RINGING);
  }),
  played: ({ id }) => attempt(() => api.act(current(), "played", { message_id: id })),
  chosen: current,
  person: () => state.people.get(current().personId),
  personName: (id) => state.people.get(id)?.name ?? id,
  numberName: (id) => state.numbers.get(id)?.name ?? id,
  businesses: () => [...state.numbers.values()].map(({ phone_number_id: id, name }) => [id, name]),
  windowClosesAt: () => state.chats.get(state.chosen)?.window ?? null,
};

const log = new Log(chat);
const panel = new Panel(["deliveries", "sends", "knowledge", "rare", "network", "templates"]);
const composer = new Composer(chat, {
  showRare: () => {
    panel.open(true);
    panel.select("rare", { focused: true });
  },
});
const traffic = { deliveries: new Traffic("deliveries"), sends: new Traffic("sends") };
const faults = new Faults(chat);
const templates = new TemplateList();
const desk = new Desk(chat);
const knowledge = new KnowledgeView();
new Rare(chat);
const switches = new Switches(chat, {
  onClock: () => {
    showDeviceTime();
    if (state.chosen) redrawChat();
    redrawList();
  },
});

const handle = (event) => HANDLERS[event.type]?.(event);
let waiting = null;
let settling = 0;

/** Run `fetching` while events wait, so that an answer never undoes what was told after it. */
async function settled(fetching) {
  settling += 1;
  waiting ??= [];
  try {
    await fetching();
  } finally {
    settling -= 1;
    if (settling === 0) {
      const events = waiting;
      waiting = null;
      events.forEach(handle);
    }
  }
}

async function load() {
  const [numbers, people, chats, notice] = await Promise.all([
    api.numbers(), api.people(), api.conversations(), api.notice(),
  ]);
  state.numbers = new Map(numbers.map((number) => [number.phone_number_id, number]));
  state.people = new Map(people.map((person) => [person.id, person]));
  state.chats = new Map(
    chats.map((item) => [
      keyOf(item.person_id, item.phone_number_id),
      { last: item.last_message, unread: item.unread, window: item.window_closes_at },
    ]),
  );
  showNotice(notice);
  attempt(() => Promise.all([switches.load(), faults.load()]));
  if (state.chosen) await openChosen();
  else chooseFromAddress();
  redrawList();
}

function chooseFromAddress() {
  const [personId, numberId] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (state.people.has(personId) && state.numbers.has(numberId)) choose(personId, numberId);
  else if (innerWidth > 760 && state.people.size && state.numbers.size)
    choose(state.people.keys().next().value, state.numbers.keys().next().value);
}

function choose(personId, numberId) {
  const key = keyOf(personId, numberId);
  // Not on the first choice: somebody may be writing already while the page loads.
  if (state.chosen && state.chosen !== key) composer.reset();
  state.chosen = key;
  history.replaceState(null, "", `#${state.chosen}`);
  document.body.dataset.view = "chat";
  state.messages = new Map();
  log.clear();
  settled(openChosen).catch((error) => toast(error.message));
  if (matchMedia("(hover: hover)").matches) byId("text").focus();
}

async function openChosen() {
  const opened = state.chosen;
  const number = state.numbers.get(current().numberId);
  chat.names.business = number.name;
  byId("chat-name").textContent = number.name;
  byId("device-owner").textContent = state.people.get(current().personId).name;
  paintAvatar(byId("chat-avatar"), number.name);
  for (const id of ["chat-header", "composer"]) byId(id).hidden = false;
  byId("empty").hidden = true;
  const [conversation, deliveries, sends] = await Promise.all([
    api.conversation(current()), api.deliveries(current()), api.sends(current()),
  ]);
  if (state.chosen !== opened) return;
  state.messages = new Map(conversation.items.map((message) => [message.id, message]));
  state.older = conversation.next_cursor;
  if (conversation.typing) state.typing.add(opened);
  else state.typing.delete(opened);
  noteWindow(opened, conversation.window_closes_at);
  traffic.deliveries.show(deliveries);
  traffic.sends.show(sends);
  attempt(() => templates.show(number.waba_id));
  desk.open(current());
  attempt(() => knowledge.open(current().numberId));
  redrawChat();
  markOpened();
  redrawList();
}

function redrawChat() {
  const messages = [...state.messages.values()].sort((one, other) => one.seq - other.seq);
  const typing = state.typing.has(state.chosen);
  const subtitle = byId("chat-state");
  subtitle.textContent = typing ? "typing…" : messages.length ? windowLabel(chat.windowClosesAt()) : "online";
  subtitle.className = typing ? "typing" : "";
  const questions = state.numbers.get(current().numberId)?.suggested_questions ?? [];
  composer.suggest(messages.length ? [] : questions);
  log.draw(messages, { typing, older: state.older });
  panel.link(messages.findLast((message) => message.workflow_url)?.workflow_url);
}

let listIsStale = false;

/** Draw the list once per frame, however much happened. */
function redrawList() {
  if (listIsStale) return;
  listIsStale = true;
  requestAnimationFrame(() => {
    listIsStale = false;
    drawChats(state, choose);
    const unread = [...state.chats.values()].reduce((sum, item) => sum + item.unread, 0);
    document.title = unread ? `(${unread}) WhatsApp simulator` : "WhatsApp simulator";
  });
}

/** Tell the business that the person sees the chat, if somebody looks at this page. */
function markOpened() {
  const item = state.chats.get(state.chosen);
  const isSeen = !document.hidden && document.body.dataset.view === "chat";
  if (!item?.unread || !isSeen) return;
  item.unread = 0;
  api.opened(current()).catch((error) => toast(error.message));
}

const SERVICE_WINDOW = 24 * 3600;

function noteWindow(key, closesAt) {
  const item = state.chats.get(key);
  if (item) item.window = closesAt;
}

const isUnread = (message) =>
  message.direction === "outbound" &&
  message.type !== "reaction" &&
  ["accepted", "sent", "delivered"].includes(message.status);

/** A message is new or changed: in the list of chats, and in the log if its chat is open. */
function apply(message) {
  const key = keyOf(message.person_id, message.phone_number_id);
  const item = state.chats.get(key) ?? { last: null, unread: 0, window: null };
  const isNewest = !item.last || message.seq > item.last.seq;
  if (isNewest && isUnread(message)) item.unread += 1;
  if (!isNewest && message.direction === "outbound" && message.status === "read") item.unread = 0;
  if (isNewest || message.id === item.last.id) item.last = message;
  if (message.direction === "inbound") item.window = Math.max(item.window ?? 0, message.at + SERVICE_WINDOW);
  state.chats.set(key, item);
  if (key === state.chosen) {
    desk.soon();
    state.messages.set(message.id, message);
    redrawChat();
    markOpened();
  }
  redrawList();
}

const belongsToChosen = (record) =>
  state.chosen === keyOf(record.person_id, record.phone_number_id);

const HANDLERS = {
  message: ({ message }) => apply(message),
  typing: ({ person_id, phone_number_id, active }) => {
    const key = keyOf(person_id, phone_number_id);
    state.typing[active ? "add" : "delete"](key);
    if (key === state.chosen) redrawChat();
    redrawList();
  },
  delivery: ({ delivery }) => belongsToChosen(delivery) && traffic.deliveries.update(delivery),
  send: ({ send }) => {
    if (!belongsToChosen(send)) return;
    traffic.sends.update(send);
    if (send.fault) attempt(() => faults.load());
  },
  queue: () => state.chosen && attempt(async () => traffic.deliveries.show(await api.deliveries(current()))),
  clock: (clock) => switches.clock(clock),
  template: (event) => templates.update(event),
  person: ({ person }) => {
    state.people.set(person.id, person);
    redrawList();
  },
  number: ({ number }) => {
    state.numbers.set(number.phone_number_id, number);
    if (state.chosen?.endsWith(`/${number.phone_number_id}`)) redrawChat();
    redrawList();
  },
  notice: ({ text }) => showNotice(text),
};

function showNotice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function showDeviceTime() {
  byId("device-time").textContent = time(now());
}

byId("back").addEventListener("click", () => (document.body.dataset.view = "chats"));
document.addEventListener("visibilitychange", () => state.chosen && markOpened());
setUpPersonDialog((made) => {
  state.people.set(made.id, made);
  const [numberId] = state.numbers.keys();
  if (numberId) choose(made.id, numberId);
  redrawList();
});
showDeviceTime();
setInterval(showDeviceTime, 10_000);

follow(
  (event) => (waiting ? waiting.push(event) : handle(event)),
  () => settled(load).catch((error) => toast(error.message)),
);
