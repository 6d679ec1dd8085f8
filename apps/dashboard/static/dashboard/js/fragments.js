// Which parts of a page does the server draw again when a state changes? Those with data-fragment, found by their id.

import { get } from "./api.js";
import { draw } from "./card.js";
import { store } from "./live.js";

const PAUSE = 400; // ms: several changes in a row cause one request
let timer = 0;

/** Fetch this page again soon and put its fragments in place. */
export function refreshSoon() {
  if (!document.querySelector("[data-fragment]")) return;
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE);
}

async function refresh() {
  // The server leaves out expensive parts that are no fragments, such as log lines.
  const asked = { credentials: "same-origin", headers: { "X-Fragments": "only" } };
  const response = await fetch(location.href, asked).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const focused = document.activeElement?.id;
  for (const old of document.querySelectorAll("[data-fragment]")) {
    const replacement = fresh.getElementById(old.id);
    if (replacement && !isInUse(old)) old.replaceWith(document.adoptNode(replacement));
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  for (const message of store.runs().values()) draw(message, store);
  document.dispatchEvent(new CustomEvent("refreshed"));
  await catchUp(fresh);
}

// If the server's page has another state than the last message, a message was lost: ask for the state.
async function catchUp(fresh) {
  for (const { dataset } of fresh.querySelectorAll("[data-run][data-overall]")) {
    if (!dataset.run || store.get(dataset.run)?.overall === dataset.overall) continue;
    const state = await get(`/api/runs/${dataset.run}`).catch(() => null);
    if (state) store.accept({ ...state, type: "snapshot" });
  }
}

// A menu that a person has opened stays open.
const isInUse = (element) => Boolean(element.querySelector("details[open]"));
