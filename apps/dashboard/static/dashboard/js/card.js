// How does a message get onto the page? Its card has every text. An element says with data-job or data-run which message
// it shows, and with data-live which part of it.

import { showSign, sign } from "./parts.js";
import { clock } from "./times.js";

/** Show a message in every element of its run, and of its job when the job shows this run. */
export function draw(message, store) {
  const ofJob = store.ofJob(String(message.job)) === message;
  for (const root of document.querySelectorAll(`[data-run="${message.run}"]:not([data-job])`)) {
    show(root, { message, card: message.card, state: message.run_state });
  }
  if (!ofJob) return;
  for (const root of document.querySelectorAll(`[data-job="${message.job}"]`)) {
    root.dataset.run = message.run;
    show(root, { message, card: message.rest ?? message.card, state: message.job_state });
  }
}

function show(root, view) {
  for (const element of root.querySelectorAll("[data-live]")) PLACES[element.dataset.live]?.(element, view);
}

const text = (read) => (element, view) => {
  element.textContent = read(view);
};

const PLACES = {
  state: (element, { state }) => showSign(element, state),
  heading: (element, { card }) => showSign(element, { ...card, word: card.heading }),
  "heading-word": text(({ card }) => card.heading),
  summary: text(({ card }) => card.summary),
  line: text(({ card }) => card.line),
  counter: text(({ card }) => card.counter?.text ?? ""),
  step: text(({ card }) => card.step),
  left: text(({ card }) => card.left),
  percent: text(({ card }) => card.meter.text),
  moment(element, { card: { moment } }) {
    element.replaceChildren(...(moment ? [`${moment.label} `, clock(moment.at)] : []));
  },
  bar(element, { card: { meter } }) {
    element.querySelector("rect").setAttribute("width", `${meter.width}%`);
    element.setAttribute("aria-valuenow", Math.floor(meter.width));
    element.dataset.tone = meter.tone;
    element.toggleAttribute("data-unknown", meter.is_unknown);
    if (meter.is_unknown) element.setAttribute("aria-valuetext", `${meter.text}, the total of this step is not known yet`);
    else element.removeAttribute("aria-valuetext");
  },
  eta(element, { card, message }) {
    element.textContent = card.eta_text;
    element.dataset.expires = message.eta?.expires_at ?? ""; // then times.js replaces the estimate
  },
  attempt(element, { message }) {
    element.hidden = message.attempt === 1;
    element.textContent = `Attempt ${message.attempt}`;
  },
  plan(element, { card }) {
    element.replaceChildren(...card.plan.map(planLine));
  },
  cell(element, { card }) {
    const cell = card.cells[element.dataset.step]?.[element.dataset.stage];
    if (!cell) return;
    showSign(element.querySelector('[data-live="cell-state"]'), cell.sign);
    element.querySelector('[data-live="cell-numbers"]').textContent = cell.numbers;
    element.querySelector('[data-live="cell-took"]').textContent = cell.took;
  },
  controls: showControls,
};

function planLine({ sign: shown, steps }) {
  const item = document.createElement("li");
  item.append(sign(shown));
  if (steps.length) {
    const inner = document.createElement("ol");
    inner.append(...steps.map(planLine));
    item.append(inner);
  }
  return item;
}

// The page has a button for every control that the person's role allows. The card says which of them are available now.
function showControls(element, { card }) {
  let places = Number(element.dataset.most ?? Infinity);
  for (const button of element.querySelectorAll("[data-name]")) {
    const { name, action, danger } = button.dataset;
    const isShown = card.controls.includes(name) && places > 0;
    if (isShown) places -= 1;
    const hadFocus = button === document.activeElement;
    button.hidden = !isShown;
    if (isShown) button.dataset.control = action;
    else delete button.dataset.control;
    if (!("most" in element.dataset) && danger === undefined) {
      button.classList.toggle("primary", name === card.main_control);
    }
    if (hadFocus && !isShown) element.querySelector("[data-control], summary")?.focus();
  }
  for (const item of element.querySelectorAll("[data-refused]")) {
    item.hidden = card.controls.includes(item.dataset.refused);
  }
}
