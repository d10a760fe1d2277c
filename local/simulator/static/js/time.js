// Times the way a phone shows them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const precise = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });

const DAY = 86_400_000;

function daysAgo(moment) {
  const midnight = (value) => new Date(value).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.now()) - midnight(moment)) / DAY);
}

export const time = (seconds) => clock.format(new Date(seconds * 1000));
export const preciseTime = (seconds) => precise.format(new Date(seconds * 1000));

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
