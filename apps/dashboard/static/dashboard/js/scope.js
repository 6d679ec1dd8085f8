// What will a run read? The part of the start dialog with the mode, the range and the dry run.

import { get, post } from "./api.js";
import { capitalised, words } from "./parts.js";

const MANY = 8; // names: from here on a filter helps

const fields = document.getElementById("scope");
const names = document.getElementById("scope-names");
const filter = document.getElementById("scope-filter");
const answer = document.getElementById("dry-run-answer");
const field = (name) => fields.querySelector(`[name="${name}"]`);
const choice = () => fields.querySelector('[name="mode"]:checked');
const mode = () => choice()?.value;
const chosenNames = () => [...names.querySelectorAll("input:checked")].map((box) => box.value);
let job = 0;

/** Show the choices for a control that starts a run, and none for others. */
export function showScope(ofJob, chosen, reads) {
  job = ofJob;
  fields.hidden = !chosen;
  if (!chosen) return;
  fields.querySelector(`[name="mode"][value="${chosen}"]`).checked = true;
  for (const name of ["since", "until"]) field(name).value = "";
  field("sweep").checked = false;
  for (const element of fields.querySelectorAll("[data-provider-only]")) element.hidden = !reads;
  names.replaceChildren();
  follow();
  if (reads) offerNames(ofJob);
}

/** What the person has chosen, as the API takes it. */
export function chosenScope() {
  const scope = { mode: mode() };
  if (scope.mode === "incremental") scope.sweep = field("sweep").checked;
  if (scope.mode === "range") {
    scope.since = midnight(field("since").value, 0);
    scope.until = midnight(field("until").value, 1);
    scope.scopes = chosenNames();
  }
  return scope;
}

// The start of a day in the time zone of this device, or of the next day.
function midnight(text, later) {
  if (!text) return null;
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day + later).toISOString();
}

async function offerNames(ofJob) {
  const { scopes } = await get(`/api/jobs/${ofJob}/scopes`).catch(() => ({ scopes: [] }));
  if (ofJob !== job) return;
  filter.hidden = scopes.length < MANY;
  filter.value = "";
  names.replaceChildren(...(scopes.length ? scopes.map(nameBox) : [words("li", "None known yet. The first run finds them.")]));
  count();
}

function nameBox(name) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  label.className = "check";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = name;
  label.append(box, words("span", name));
  item.append(label);
  return item;
}

function count() {
  const number = chosenNames().length;
  fields.querySelector("[data-chosen]").textContent = number ? `${number} chosen` : "all";
}

function follow() {
  document.getElementById("confirm-effect").textContent = choice().dataset.effect;
  for (const element of fields.querySelectorAll("[data-of-mode]")) {
    const reads = !("providerOnly" in element.dataset) || !fields.querySelector(".dry-run").hidden;
    element.hidden = element.dataset.ofMode !== mode() || !reads;
  }
  answer.replaceChildren();
}

fields.addEventListener("change", () => {
  follow();
  count();
});

filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const item of names.children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
});

document.getElementById("dry-run").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  answer.replaceChildren(words("p", "Asking the provider…"));
  try {
    answer.replaceChildren(...drawn(await post(`/api/jobs/${job}/estimate`, chosenScope())));
  } catch (error) {
    const problem = words("p", error.message);
    problem.className = "form-error";
    answer.replaceChildren(problem);
  }
  button.disabled = false;
});

const amount = (records, exact) => `${exact ? "" : "≈ "}${records.toLocaleString("en-US")}`;

function drawn({ records, exact, estimates }) {
  const entities = [...new Set(estimates.map((one) => one.entity))];
  const table = document.createElement("table");
  table.className = "table small-table";
  table.append(words("caption", `The run would fetch ${amount(records, exact)} records`));
  const head = table.createTHead().insertRow();
  for (const title of ["", ...entities.map((entity) => capitalised(entity.replaceAll("_", " ")))]) {
    const cell = words("th", title);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const scope of new Set(estimates.map((one) => one.scope))) {
    const row = body.insertRow();
    const name = words("th", scope || "All");
    name.scope = "row";
    row.append(name);
    for (const entity of entities) {
      const found = estimates.find((one) => one.scope === scope && one.entity === entity);
      const cell = words("td", found ? amount(found.records, found.exact) : "—");
      cell.className = "figure";
      row.append(cell);
    }
  }
  const note = words("p", exact ? "" : "≈ is an estimate. ");
  note.className = "note";
  note.append("Records of the whole site (fields, people) and nested records are not included.");
  const frame = document.createElement("div");
  frame.className = "table-frame";
  frame.append(table);
  return [frame, note];
}
