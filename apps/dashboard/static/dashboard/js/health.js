// Is everything well? The strip asks every few seconds and replaces its own list.

import { get } from "./api.js";

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

function line({ key, title, state, sentence }) {
  const item = document.createElement("li");
  item.dataset.check = key ?? "server";
  const sign = document.createElement("span");
  sign.className = "state";
  sign.dataset.state = state;
  sign.append(icon(state), words("span", state.charAt(0).toUpperCase() + state.slice(1)));
  item.append(sign, words("strong", title), words("span", sentence));
  return item;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.classList.add("icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function words(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

if (strip) look();
