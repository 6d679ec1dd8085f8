// How long ago was that? Relative times stay current while the page is open, and estimates that have expired go.

const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];
const EVERY = 10_000; // ms

function relative(moment) {
  const seconds = Math.round((moment - Date.now()) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  const [size, unit] = UNITS.find(([size]) => distance >= size);
  const text = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

function update() {
  for (const element of document.querySelectorAll("[data-relative]")) {
    element.textContent = relative(Date.parse(element.dataset.relative));
  }
  for (const element of document.querySelectorAll("[data-expires]")) {
    if (Date.parse(element.dataset.expires) < Date.now()) element.textContent = "";
  }
}

setInterval(update, EVERY);
