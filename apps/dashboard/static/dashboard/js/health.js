// Are all services healthy? The list is loaded again every few seconds.

import { get } from "./api.js";
import { state, words } from "./parts.js";

const EVERY = 15_000; // ms
const strip = document.querySelector("[data-health]");

async function look() {
  if (!document.hidden) {
    try {
      const { checks } = await get(strip.dataset.health);
      strip.querySelector("ul").replaceChildren(...checks.map(line));
    } catch (error) {
      strip.querySelector("ul").replaceChildren(line({ title: "Server", state: "down", sentence: error.message }));
    }
  }
  setTimeout(look, EVERY);
}

function line({ key, title, state: name, sentence }) {
  const item = document.createElement("li");
  item.dataset.check = key ?? "server";
  item.append(state(name), words("strong", title), words("span", sentence));
  return item;
}

if (strip) look();
