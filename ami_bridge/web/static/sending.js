// How the page speaks to the API: every answer has a sentence for people, and is shown where the order was given.

// `body` is an object, sent as JSON, or a Blob, sent as it is.
export async function send(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, ...packed(body) });
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

function packed(body) {
  if (body === undefined) return {};
  // What a browser takes a sound file for differs from one to the next; what it is, its content says.
  if (body instanceof Blob) return { headers: { "Content-Type": "application/octet-stream" }, body };
  return { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

export function tell(outcome, answer) {
  outcome.textContent = answer.error ?? answer.said;
  outcome.classList.toggle("alarm", Boolean(answer.error));
}
