// What an operator orders on the page, sent to the API. What callers hear changes with it, so the buttons that change it
// want a second press. The answer is shown where the order was given; the page itself changes when the house has.

import "./recordings.js";
import { send, tell } from "./sending.js";

const SURE_MS = 5000;

const SURE = {
  confirm: "Press again: callers will be told",
  end: "Press again: it is over",
  cancel: "Press again: the work is over",
  retry: "Press again: they are called as soon as the rules allow",
  forget: "Press again: no time will be named",
};

const REQUESTS = {
  confirm: (id) => ["POST", `/api/incidents/${id}/confirm`],
  investigate: (id) => ["POST", `/api/incidents/${id}/investigate`],
  end: (id) => ["POST", `/api/incidents/${id}/end`],
  forget: (id) => ["POST", `/api/incidents/${id}/expected`, { expected: null }],
  retry: (id) => ["POST", `/api/promises/${id}/retry`],
  cancel: (id) => ["DELETE", `/api/maintenance/${id}`],
};

function askAgain(button) {
  const words = button.textContent;
  button.dataset.sure = "";
  button.textContent = SURE[button.dataset.order];
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = words;
  }, SURE_MS);
}

// The id of the row an element stands in, as a path has it.
function row(element) {
  return encodeURIComponent(element.closest("[data-key]").dataset.key);
}

async function press(button) {
  const order = button.dataset.order;
  if (order in SURE && !("sure" in button.dataset)) {
    askAgain(button);
    return;
  }
  button.disabled = true;
  const answer = await send(...REQUESTS[order](row(button)));
  tell(button.parentElement.querySelector(".outcome"), answer);
  button.disabled = false;
}

// What the API takes: fields by their names. The chosen subject's key is `PBX/kind/name`; an empty time or recording is
// none, and times are in the viewer's zone here and in UTC there.
function body(form) {
  const order = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.name === "subject") {
      [order.pbx, order.kind, order.name] = field.selectedOptions[0].dataset.key.split("/");
    } else if (field.type === "checkbox") order[field.name] = field.checked;
    else if (field.type === "number") order[field.name] = Number(field.value);
    else if (field.type === "datetime-local") {
      if (field.value) order[field.name] = new Date(field.value).toISOString();
    } else order[field.name] = field.value.trim();
  }
  return order;
}

async function submit(form) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const answer = await send("POST", form.dataset.post.replace(":id", () => row(form)), body(form));
  button.disabled = false;
  tell([...form.querySelectorAll(".outcome")].at(-1), answer);
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  const [fault] = answer.faults ?? [];
  const field = fault && form.elements[["pbx", "kind", "name"].includes(fault.field) ? "subject" : fault.field];
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
  if (!answer.error) form.reset();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-order]");
  if (button) press(button);
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.post) {
    event.preventDefault();
    submit(event.target);
  }
});
