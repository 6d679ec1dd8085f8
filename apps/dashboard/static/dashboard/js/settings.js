// What would new settings of a job mean? The next runs are shown while a person types, before anything is saved.

import { get } from "./api.js";
import { words } from "./parts.js";

const PAUSE = 300; // ms after the last key
let timer = 0;
let newest = 0; // answers may come in another order than they were asked for

document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-preview]");
  if (!form || event.target.name === "reason") return;
  clearTimeout(timer);
  timer = setTimeout(() => preview(form), PAUSE);
});

document.addEventListener(
  "toggle",
  ({ target }) => {
    const form = target.open ? target.querySelector("[data-preview]") : null;
    if (form) open(form);
  },
  true,
);

function open(form) {
  const zones = form.querySelector("datalist");
  form.elements.time_zone.setAttribute("list", zones.id);
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  zones.replaceChildren(...["UTC", ...known].map((zone) => Object.assign(document.createElement("option"), { value: zone })));
  preview(form);
}

async function preview(form) {
  const asked = ++newest;
  const values = new URLSearchParams(new FormData(form));
  for (const name of ["csrfmiddlewaretoken", "reason"]) values.delete(name);
  values.set("is_active", form.elements.is_active.checked);
  try {
    const coming = await get(`${form.dataset.preview}?${values}`);
    if (asked === newest) show(form, coming, {});
  } catch (error) {
    if (asked === newest) show(form, null, error.answer?.errors ?? { rule: error.message });
  }
}

function show(form, coming, errors) {
  for (const place of form.querySelectorAll("[data-error]")) {
    place.textContent = errors[place.dataset.error] ?? "";
    place.hidden = !place.textContent;
    form.elements[place.dataset.error].setAttribute("aria-invalid", String(!place.hidden));
  }
  const preview = form.querySelector("[data-coming]");
  preview.replaceChildren(...(coming ? drawn(coming) : []));
}

function drawn({ description, occurrences }) {
  if (!occurrences.length) return [words("p", "Off: the job only runs when somebody starts it.")];
  const list = document.createElement("ol");
  for (const { at, local, here } of occurrences) {
    const item = document.createElement("li");
    const time = words("time", local);
    time.dateTime = at;
    item.append(time);
    if (here !== local) item.append(words("small", `${here} in your time zone`));
    list.append(item);
  }
  return [words("p", `${description}. Next runs:`), list];
}
