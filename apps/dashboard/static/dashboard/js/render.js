// How does a state get onto the page? Elements say with data-job or data-run whose they are, with data-live what they show.

import { capitalised, state as drawn } from "./parts.js";

const WITHIN_A_STEP = new Set(["RUNNING", "PAUSED", "FAILED"]);

const number = (value) => value.toLocaleString("en-US");

/** Show a message in every element of its run, and of its job when the job shows this run. */
export function render(message, store) {
  const ofJob = store.ofJob(String(message.job)) === message;
  for (const root of document.querySelectorAll(`[data-run="${message.run}"]:not([data-job])`)) show(root, message, false);
  if (!ofJob) return;
  for (const root of document.querySelectorAll(`[data-job="${message.job}"]`)) {
    root.dataset.run = message.run;
    show(root, message, true);
  }
}

function show(root, message, asJob) {
  const view = { message, asJob, ready: message.overall === "READY" };
  for (const element of root.querySelectorAll("[data-live]")) RENDERERS[element.dataset.live]?.(element, view);
}

const RENDERERS = {
  bar(element, { message, asJob, ready }) {
    const percent = asJob && ready ? 0 : message.progress;
    element.querySelector("rect").setAttribute("width", `${percent}%`);
    element.setAttribute("aria-valuenow", Math.floor(percent));
    if (!ready || asJob) element.dataset.state = message.overall.toLowerCase();
    const unknown = message.overall === "RUNNING" && message.step_progress === null;
    element.toggleAttribute("data-unknown", unknown);
    if (unknown) element.setAttribute("aria-valuetext", `${Math.floor(percent)} %, this step's total is unknown`);
    else element.removeAttribute("aria-valuetext");
  },
  percent(element, { message, asJob, ready }) {
    element.textContent = asJob && ready ? "—" : `${Math.floor(message.progress)} %`;
  },
  state(element, { message, asJob, ready }) {
    if (asJob || !ready) showState(element, message.overall);
  },
  message(element, { message, asJob, ready }) {
    if (ready) return; // what a ready job waits for, and how a run ended, is told by the server's part of the page
    element.textContent = message.waiting || message.error || message.message;
  },
  doing(element, { message, ready }) {
    if (ready) return;
    // Waits and errors have a place of their own on the pages that show this.
    element.textContent = message.overall === "FAILED" ? `Failed in: ${message.step_title}` : message.message;
  },
  step(element, { message }) {
    const place = `Step ${message.step_index + 1} of ${message.total_steps}`;
    element.textContent = WITHIN_A_STEP.has(message.overall) ? place : "";
  },
  eta(element, { message }) {
    const { eta } = message;
    element.textContent = eta && message.overall === "RUNNING" ? `Ends in ${eta.text}` : "";
    element.dataset.expires = eta?.expires_at ?? ""; // an old estimate is none: times.js takes it away
  },
  plan(element, { message, asJob, ready }) {
    if (ready && !asJob) return;
    element.replaceChildren(...message.plan.map((line, index) => planLine(line, stateOf(line, index, message))));
  },
  waiting(element, { message }) {
    element.hidden = !message.waiting;
    element.querySelector("[data-words]").textContent = message.waiting;
  },
  cell(element, { message, asJob, ready }) {
    if (ready && !asJob) return; // the page of a run keeps how its stages ended
    const { step, stage } = element.dataset;
    const state = message.steps[step]?.[stage];
    if (!state) return;
    const isHeld = message.overall === "PAUSED" && state === "running";
    showState(element.querySelector('[data-live="cell-state"]'), isHeld ? "paused" : state);
    const counts = ready ? null : message.counts[step][stage];
    element.querySelector('[data-live="cell-numbers"]').textContent = counts ? numbers(counts) : "";
  },
};

function showState(element, state) {
  const name = state.toLowerCase();
  if (element.dataset.state === name) return;
  element.dataset.state = name;
  element.querySelector("use")?.setAttribute("href", `#i-${name}`);
  (element.querySelector("span") ?? element).textContent = capitalised(state);
}

function stateOf(line, index, message) {
  if (message.overall === "READY") return "idle";
  if (line.progress === 1) return "finished";
  return index === message.step_index ? message.overall.toLowerCase() : "idle";
}

function planLine(line, state) {
  const item = document.createElement("li");
  item.append(drawn(state, line.title));
  if (line.steps.length) {
    const inner = document.createElement("ol");
    inner.append(...line.steps.map((step) => planLine(step, step.progress === 1 ? "finished" : "idle")));
    item.append(inner);
  }
  return item;
}

function numbers({ done, total, failed, total_kind: kind }) {
  if (!done && !total) return "";
  const about = kind === "estimate" ? "≈" : "";
  const of = total && total !== done ? ` of ${about}${number(total)}` : "";
  return `${number(done)}${of}${failed ? `, ${number(failed)} set aside` : ""}`;
}
