// Times the way a phone shows them. It is Meta's time: the machine's, plus what was skipped.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const precise = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const shortWeekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false,
});

const DAY = 86_400_000;
let skipped = 0;

/** Seconds by which Meta's clock is ahead of the machine's. */
export function setSkipped(seconds) {
  skipped = seconds;
}

/** Unix seconds of Meta's clock. */
export const now = () => Date.now() / 1000 + skipped;

function daysAgo(moment) {
  const midnight = (value) => new Date(value).setHours(0, 0, 0, 0);
  return Math.round((midnight(now() * 1000) - midnight(moment)) / DAY);
}

export const time = (seconds) => clock.format(new Date(seconds * 1000));
export const preciseTime = (seconds) => precise.format(new Date(seconds * 1000));
export const fullTime = (seconds) => full.format(new Date(seconds * 1000));

/** The separator above a day's first message. */
export function day(seconds) {
  const moment = new Date(seconds * 1000);
  const ago = daysAgo(moment);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? weekday.format(moment) : date.format(moment);
}

/** Beside a chat in the list: the time today, otherwise the day. */
export function shortDay(seconds) {
  const ago = daysAgo(new Date(seconds * 1000));
  if (ago === 0) return time(seconds);
  return ago === 1 ? "Yesterday" : short.format(new Date(seconds * 1000));
}

/** Whether free-form messages may go, and until when. */
export function windowLabel(closesAt) {
  if (!closesAt) return "window not opened yet";
  if (closesAt <= now()) return "window closed";
  const sameDay = daysAgo(new Date(closesAt * 1000)) === 0;
  const on = sameDay ? "" : `${shortWeekday.format(new Date(closesAt * 1000))} `;
  return `window open until ${on}${time(closesAt)}`;
}

/** A length of time in its two largest units. */
export function duration(seconds) {
  const left = Math.max(0, Math.round(seconds));
  const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => left >= size);
  if (first < 0) return "0 s";
  let rest = left;
  const parts = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}
