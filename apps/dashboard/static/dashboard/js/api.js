// How does a page call the server? With JSON, and every refusal becomes an Error with a sentence.

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export const get = (path) => ask(path, {});

export const post = (path, body = {}) => send("POST", path, body);

export const remove = (path) => send("DELETE", path, {});

export const patch = (path, body) => send("PATCH", path, body);

const send = (method, path, body) =>
  ask(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("The server cannot be reached. Try again in a moment.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(sentence(response.status, answer));
    error.status = response.status;
    error.answer = answer;
    throw error;
  }
  return answer;
}

function sentence(status, answer) {
  if (status === 401) return "Your session has ended. Log in again.";
  if (typeof answer.detail === "string") return answer.detail;
  return `The server answered ${status}. Try again in a moment.`;
}
