// An operator's own words: sent as soon as a file is chosen, so that what is played back is what callers will hear, and
// ordered with the form they belong to.

import { send, tell } from "./sending.js";

const LARGEST = 10_000_000; // bytes, as the API takes them
const newest = new WeakMap(); // of each form the last sending: an older one that ends later counts for nothing

function show(form, hash) {
  const player = form.querySelector("audio");
  form.elements.recording.value = hash;
  form.querySelector(".heard").hidden = !hash;
  if (hash) player.src = `/api/recordings/${hash}.wav`;
  else player.removeAttribute("src");
  player.load(); // stops what plays
}

async function upload(form) {
  const input = form.querySelector("[data-upload]");
  const outcome = form.querySelector(".sending");
  const [file] = input.files;
  const mine = {};
  newest.set(form, mine);
  show(form, "");
  tell(outcome, { said: file ? "Sending your words…" : "" });
  if (!file) return;
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const language = encodeURIComponent(form.querySelector("[data-language]").value);
  const answer =
    file.size > LARGEST
      ? { error: `This file is larger than ${LARGEST / 1_000_000} MB; choose a shorter one.` }
      : await send("POST", `${input.dataset.upload}?language=${language}`, file);
  if (newest.get(form) !== mine) return;
  button.disabled = false;
  if (answer.error) input.value = ""; // an order that is given now goes without them, and looks like it
  else show(form, answer.recording);
  tell(outcome, answer);
}

function leaveOut(form) {
  form.querySelector("[data-upload]").value = "";
  upload(form);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-upload], [data-language]")) upload(event.target.form);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-leave-out]");
  if (!button) return;
  leaveOut(button.form);
  button.form.querySelector("[data-upload]").focus(); // the button itself is gone
});
// A form's own reset comes after this event, and spares hidden fields.
document.addEventListener("reset", (event) => {
  if (event.target.querySelector("[data-upload]")) leaveOut(event.target);
});
