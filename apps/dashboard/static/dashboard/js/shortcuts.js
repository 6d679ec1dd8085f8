// What do single keys do? What the list of shortcuts says. They do nothing while a person types.

const dialog = document.getElementById("shortcuts");
const PAUSE = 1200; // ms within which the keys of a shortcut follow each other
let pressed = "";
let timer = 0;

const isWriting = (element) => element.matches("input, textarea, select, [contenteditable]");

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => (pressed = ""), PAUSE);
  pressed = `${pressed} ${event.key}`.trim();
  const lines = [...dialog.querySelectorAll("[data-keys]")];
  const found = lines.find(({ dataset }) => dataset.keys === pressed);
  if (found) act(found.dataset, event);
  else if (!lines.some(({ dataset }) => dataset.keys.startsWith(`${pressed} `))) pressed = "";
}

function act({ go, click }, event) {
  pressed = "";
  event.preventDefault();
  if (go) location.assign(go);
  const target = click && document.querySelector(click);
  if (target?.matches("input")) target.focus();
  else target?.click();
}

if (dialog) {
  document.addEventListener("keydown", press);
  document.getElementById("shortcuts-open").addEventListener("click", () => dialog.showModal());
}
