// How do other parts of the page of a run stay current? They are drawn again every few seconds while it is active.

import "./copy.js";
import { refreshSoon } from "./fragments.js";
import { store } from "./live.js";
import "./log.js";
import "./timeline.js";

const EVERY = 5000; // ms
const page = document.getElementById("run");

function redraw() {
  const isActive = store.get(page.dataset.run)?.is_active ?? "active" in page.dataset;
  if (isActive && !document.hidden) refreshSoon();
}

if (page) setInterval(redraw, Math.max(EVERY, Number(document.documentElement.dataset.refresh ?? 0) * 1000));
