// What an operator orders on the page, sent to the API. What callers hear changes with it, so the buttons that change it
// want a second press. The answer is shown where the order was given; the page itself changes when the house has.

const SURE_MS = 5000;

const SURE = {
  confirm: "Press again: callers will be told",
  end: "Press again: it is over",
  cancel: "Press again: the work is over",
};

const REQUESTS = {
  confirm: (id) => ["POST", `/api/incidents/${id}/confirm`],
  investigate: (id) => ["POST", `/api/incidents/${id}/investigate`],
  end: (id) => ["POST", `/api/incidents/${id}/end`],
  cancel: (id) => ["DELETE", `/api/maintenance/${id}`],
};

async function send(method, path, body) {
  const form = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, { method, ...form });
  } catch {
    return { error: "Keepline cannot be reached; nothing is known to have been done." };
  }
  const text = await answer.text();
  try {
    const said = JSON.parse(text);
    if (answer.status === 401) said.error = "Your sign-in has ended: load the page again and sign in.";
    return said;
  } catch {
    return { error: text || `Keepline answered ${answer.status}.` };
  }
}

function tell(outcome, answer) {
  outcome.textContent = answer.error ?? answer.said;
  outcome.classList.toggle("alarm", Boolean(answer.error));
}

function askAgain(button) {
  const words = button.textContent;
  button.dataset.sure = "";
  button.textContent = SURE[button.dataset.order];
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = words;
  }, SURE_MS);
}

async function press(button) {
  const order = button.dataset.order;
  if (order in SURE && !("sure" in button.dataset)) {
    askAgain(button);
    return;
  }
  button.disabled = true;
  const id = encodeURIComponent(button.closest("[data-key]").dataset.key);
  const answer = await send(...REQUESTS[order](id));
  tell(button.parentElement.querySelector(".outcome"), answer);
  button.disabled = false;
}

// What the API takes: the chosen subject's key is `PBX/kind/name`, and an empty time is none.
function body(form) {
  const fields = form.elements;
  const [pbx, kind, name] = fields.subject.selectedOptions[0].dataset.key.split("/");
  const order = { pbx, kind, name, what: fields.what.value.trim(), minutes: Number(fields.minutes.value) };
  if (fields.told) order.told = fields.told.checked;
  if (fields.announced) order.announced = fields.announced.checked;
  if (fields.begin?.value) order.begin = new Date(fields.begin.value).toISOString();
  return order;
}

async function submit(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await send("POST", form.dataset.post, body(form));
  button.disabled = false;
  tell(form.querySelector(".outcome"), answer);
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
