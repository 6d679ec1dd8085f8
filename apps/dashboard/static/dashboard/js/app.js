// Which scripts does every page run? Those for the live states, and for what a person can do with them.

import "./controls.js";
import { refreshSoon } from "./fragments.js";
import "./grid.js";
import "./health.js";
import { store } from "./live.js";
import "./notify.js";
import { followReset } from "./reset.js";
import "./run.js";
import "./preferences.js";
import "./quarantine.js";
import "./settings.js";
import "./shell.js";
import "./shortcuts.js";
import "./times.js";
import { announce } from "./toasts.js";

const nameOf = ({ job, run }) =>
  document.querySelector(`[data-job="${job}"], [data-run="${run}"]`)?.dataset.jobName ?? `Job ${job}`;

store.addEventListener("state", ({ detail: { message, before, changed } }) => {
  if (!changed) return;
  if (before) announce(`${nameOf(message)}: ${message.job_state.word}. ${message.card.line}`);
  refreshSoon();
});

document.addEventListener("refreshed", followReset);
followReset();
