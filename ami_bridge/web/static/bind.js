// Writes a document into the page by the field names the server's template left there. Text is only ever set as text:
// nothing that a caller or a PBX said can become markup. Rows keep their element, found by key, so that focus,
// selection and a reader's place survive a change.

import { clock, elapsed, left, utc } from "./times.js";

// What belongs to the row itself, not to the rows of a list inside it.
function own(root, selector) {
  const inside = [...root.querySelectorAll(selector)].filter((el) => el.closest("[data-key]") === root);
  return root.matches(selector) ? [root, ...inside] : inside;
}

// Untouched nodes are not written, so nothing is announced or repainted that did not change.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function present(value) {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

export function writeTime(element, now) {
  const date = new Date(element.dateTime);
  element.title = utc(date);
  setText(element, clock(date, element.dataset.style, now));
}

function setTime(element, iso, now) {
  if (iso) {
    element.dateTime = iso;
    writeTime(element, now);
  } else {
    element.removeAttribute("datetime");
    element.removeAttribute("title");
    setText(element, "");
  }
}

export function fill(root, row, now) {
  for (const el of own(root, "[data-text]")) setText(el, String(row[el.dataset.text]));
  for (const el of own(root, "[data-time]")) setTime(el, row[el.dataset.time], now);
  for (const el of own(root, "[data-since]")) el.dataset.at = row[el.dataset.since] ?? "";
  for (const el of own(root, "[data-until]")) el.dataset.at = row[el.dataset.until] ?? "";
  for (const el of own(root, "[data-when]")) el.hidden = !present(row[el.dataset.when]);
  for (const el of own(root, "[data-unless]")) el.hidden = present(row[el.dataset.unless]);
  for (const el of own(root, "[data-tone]")) el.dataset.tone = row.tone;
  for (const el of own(root, "[data-lang]")) el.lang = row[el.dataset.lang];
  for (const el of own(root, "[data-current]")) {
    el.dataset.current = row.current;
    if (row.current) el.setAttribute("aria-current", "step");
    else el.removeAttribute("aria-current");
  }
  for (const el of own(root, "[data-list]")) fillList(el, row[el.dataset.list], now);
}

// Brings a list's rows to those given, in their order, moving and making no more than needed. What stands before them
// without a key (an empty choice) stays.
function fillList(list, rows, now) {
  const keyed = [...list.children].filter((child) => "key" in child.dataset);
  const known = new Map(keyed.map((child) => [child.dataset.key, child]));
  let place = keyed[0] ?? null;
  for (const row of rows) {
    const element = known.get(row.key) ?? blank(list.dataset.list);
    known.delete(row.key);
    element.dataset.key = row.key;
    fill(element, row, now);
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
}

function blank(name) {
  const form = document.querySelector(`template[data-for="${name}"]`);
  return form.content.firstElementChild.cloneNode(true);
}

// Everything that moves with the clock alone.
export function tick(root, now) {
  for (const el of root.querySelectorAll("[data-at]:not([data-at=''])")) {
    const at = new Date(el.dataset.at);
    setText(el, "since" in el.dataset ? elapsed(now - at) : left(at - now));
    if ("until" in el.dataset) el.classList.toggle("overdue", at <= now);
  }
}
