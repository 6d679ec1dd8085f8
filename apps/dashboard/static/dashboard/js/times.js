// How long ago was that? Relative times are updated while the page is open, and an expired estimate is replaced.

const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];
const EVERY = 10_000; // ms
const END_UNKNOWN = "The end is not known yet"; // as the server says it

/** A time in the reader's time zone, with its date unless that is today: as the server writes it. */
export function clock(at) {
  const { zone: timeZone, zoneName } = document.documentElement.dataset;
  const element = document.createElement("time");
  const day = (moment) => moment.toLocaleDateString("en-GB", { timeZone, day: "numeric", month: "short" });
  const moment = new Date(at);
  const date = day(moment) === day(new Date()) ? "" : `${day(moment)}, `;
  const hour = moment.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  element.dateTime = at;
  element.textContent = `${date}${hour} ${zoneName}`;
  return element;
}

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
    if (Date.parse(element.dataset.expires) < Date.now()) element.textContent = END_UNKNOWN;
  }
}

setInterval(update, EVERY);
