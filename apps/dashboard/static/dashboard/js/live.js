// What makes a page live? This script follows the runs of the tenant and draws all elements with data-job or data-run.

import { draw } from "./card.js";
import { Connection } from "./connection.js";
import { Store } from "./store.js";

export const store = new Store();

const FOLLOWED = "[data-run]:not([data-job]):is([data-follow], [id='run'])";

function shownRuns() {
  return [...document.querySelectorAll(FOLLOWED)].map((element) => element.dataset.run).filter(Boolean);
}

for (const { dataset } of document.querySelectorAll("[data-run]")) {
  if (dataset.run) store.drawn(dataset.run, dataset.overall, dataset.job);
}
shownRuns().forEach((run) => store.ask(run));
store.addEventListener("state", (event) => draw(event.detail.message, store));

const every = Number(document.documentElement.dataset.refresh) * 1000;

export const connection = new Connection(store, shownRuns, every);

const WORDS = {
  live: "Live",
  reconnecting: "Reconnecting",
  polling: "Polling",
  chosen: `Every ${every / 1000} s`,
  ended: "Logged out",
};
const sign = document.getElementById("live-sign");
connection.addEventListener("mode", ({ detail: mode }) => {
  if (!sign || sign.dataset.mode === mode) return;
  sign.dataset.mode = mode;
  sign.querySelector("[data-words]").textContent = WORDS[mode];
});

connection.open();
