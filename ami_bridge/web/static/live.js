// Keeps the page live, and says so when it is not. A page that shows old state as new is worse than none: from the
// moment the stream is lost until a whole new state has come, everything is marked as it was then and no clock runs.

import { fill, tick, writeTime } from "./bind.js";
import "./orders.js";
import { clock } from "./times.js";

const RETRY_MS = [500, 1000, 2000, 4000, 5000];

const page = document.documentElement;
const main = document.querySelector("main");
const footer = document.querySelector("footer");
const quiet = Number(document.body.dataset.quiet); // milliseconds without a word after which the link counts as dead

let ahead = new Date(document.body.dataset.now) - Date.now(); // the server's clock minus ours
let heard = Date.now(); // by our clock: when the server last said anything
let source = null;
let failures = 0;
let title = document.title;

const now = () => new Date(Date.now() + ahead);

function connect() {
  source = new EventSource("/events");
  source.addEventListener("clock", (event) => {
    heard = Date.now();
    ahead = new Date(JSON.parse(event.data).now) - heard;
  });
  source.addEventListener("status", (event) => {
    heard = Date.now();
    show(JSON.parse(event.data));
  });
  source.onerror = () => lose(Date.now());
}

function show(doc) {
  failures = 0;
  title = doc.title;
  fill(main, doc, now());
  for (const el of footer.querySelectorAll("time")) {
    el.dateTime = doc.as_of;
    writeTime(el, now());
  }
  tick(main, now());
  setLink("live");
}

// `since` is by our clock: when what we show stopped being known to be true.
function lose(since) {
  source.close();
  if (page.dataset.link !== "lost") {
    const when = clock(new Date(since + ahead), "second", now());
    document.querySelector("#lost-words").textContent = `Not live since ${when}: trying again`;
    for (const el of document.querySelectorAll(".then time")) {
      el.dateTime = new Date(since + ahead).toISOString();
      writeTime(el, now());
    }
    setLink("lost");
  }
  const delay = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
  failures += 1;
  heard = Date.now() + delay;
  setTimeout(connect, delay * (0.75 + Math.random() / 2)); // viewers cut off together do not come back together
}

function setLink(state) {
  page.dataset.link = state;
  const words = { live: "Live", lost: "Not live" }[state];
  const element = document.querySelector("#link-words");
  if (element.textContent !== words) element.textContent = words;
  document.querySelector("#lost").hidden = state !== "lost";
  document.title = state === "lost" ? `Not live · ${title}` : title;
}

// A dead link need not fail: a sleeping laptop or a lost route leaves the stream open and silent.
function check() {
  if (Date.now() - heard > quiet) lose(heard);
  else if (page.dataset.link === "live") tick(main, now());
}

for (const el of document.querySelectorAll("time[datetime]")) writeTime(el, now());
setInterval(check, 1000);
document.addEventListener("visibilitychange", check);
addEventListener("pageshow", check);
connect();
