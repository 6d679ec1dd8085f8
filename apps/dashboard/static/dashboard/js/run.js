// What makes the page of a run move beyond its bar? What grows by itself is drawn anew every few seconds while it lasts.

import "./copy.js";
import { refreshSoon } from "./fragments.js";
import { store } from "./live.js";
import "./log.js";
import { isActive } from "./store.js";
import "./timeline.js";

const EVERY = 5000; // ms
const page = document.getElementById("run");

function redraw() {
  const overall = store.get(page.dataset.run)?.overall ?? page.dataset.overall;
  if (isActive(overall) && !document.hidden) refreshSoon();
}

if (page) setInterval(redraw, Math.max(EVERY, Number(document.documentElement.dataset.refresh ?? 0) * 1000));
