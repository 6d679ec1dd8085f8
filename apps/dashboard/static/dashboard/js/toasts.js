// How does a page report what happened? With a short note in the corner, and a sentence for screen readers.

const TOAST_MS = 6000; // ms; an error stays until it is closed

/** Show a note; `tone` is "good" or "bad". */
export function toast(text, tone = "good") {
  const note = document.createElement("div");
  note.className = "toast";
  note.dataset.tone = tone;
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet small";
  close.textContent = "Close";
  close.dataset.dismiss = "";
  note.append(words, close);
  document.getElementById("toasts").append(note);
  if (tone === "good") setTimeout(() => note.remove(), TOAST_MS);
}

document.addEventListener("click", ({ target }) => target.closest("[data-dismiss]")?.parentElement.remove());

/** Say a sentence to people who listen to the page. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
