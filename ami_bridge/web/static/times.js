// Times and spans as people read them. The server measures; the viewer's zone only changes how it is written.

const MINUTE = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const SECOND = { ...MINUTE, second: "2-digit" };
const DAY = { day: "numeric", month: "short" };

// The time of day in the viewer's zone, with the date when it is not today's.
export function clock(date, style, today) {
  const sameDay = date.toDateString() === today.toDateString();
  const form = style === "second" ? SECOND : MINUTE;
  return new Intl.DateTimeFormat("en-GB", sameDay ? form : { ...DAY, ...form }).format(date);
}

export function utc(date) {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

// As words.elapsed on the server says it.
export function elapsed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600);
  const two = (number) => String(number % 60).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${two(seconds)} s`;
  if (hours < 48) return `${hours} h ${two(minutes)} min`;
  return `${Math.floor(hours / 24)} days`;
}

export function left(milliseconds) {
  return milliseconds > 0 ? `${elapsed(milliseconds)} left` : `overdue by ${elapsed(-milliseconds)}`;
}
