// What happens when somebody retries or dismisses records that were set aside? A dialog explains the effect first.

import { post } from "./api.js";
import { refreshSoon } from "./fragments.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("resolve-dialog");
const part = (name) => document.getElementById(`resolve-${name}`);
let asked = null;

if (dialog) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-resolve]");
    if (button) ask(button);
  });
  part("cancel").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    part("do").disabled = true;
    await carryOut(part("reason").value.trim());
    part("do").disabled = false;
  });
}

const records = (number) => (number === 1 ? "1 record" : `${number.toLocaleString("en")} records`);

function ask(button) {
  const { resolve, number, effect } = button.dataset;
  const verb = resolve === "retry" ? "Retry" : "Dismiss";
  const needsReason = "needsReason" in button.dataset;
  asked = { action: resolve, filter: filterOf(button.dataset) };
  part("title").textContent = `${verb} ${records(Number(number))}`;
  part("effect").textContent = effect;
  part("hint").textContent = needsReason ? "(required, kept with the records)" : "(optional, shown in the activity)";
  part("reason").required = needsReason;
  part("reason").value = "";
  part("do").textContent = verb;
  part("do").classList.toggle("danger", needsReason);
  part("problem").hidden = true;
  dialog.showModal();
  part("reason").focus();
}

function filterOf({ ids, integration, stage, entity, state, text, fingerprint }) {
  if (ids) return { ids: [Number(ids)], state };
  return { integration: integration ? Number(integration) : null, stage, entity, state, text, fingerprint };
}

// A refusal is shown in the dialog, where the person can correct it.
async function carryOut(reason) {
  try {
    const answer = await post(`/api/quarantine/${asked.action}`, { ...asked.filter, reason });
    dialog.close();
    tell(answer);
  } catch (error) {
    part("problem").textContent = error.message;
    part("problem").hidden = false;
    return;
  }
  refreshSoon();
}

// The page of the run shows the result, if it is a single run.
function tell({ records: number, runs = [], refused = [] }) {
  if (runs.length === 1 && !refused.length) {
    location.assign(`/runs/${runs[0]}/`);
    return;
  }
  toast(asked.action === "retry" ? `Retry of ${records(number)} requested.` : `${records(number)} dismissed.`);
  for (const sentence of refused) toast(sentence, "bad");
}
