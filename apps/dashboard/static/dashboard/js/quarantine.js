// What happens when somebody retries or dismisses records that were set aside? A dialog says what it will do first.

import { post } from "./api.js";
import { refreshSoon } from "./fragments.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("settle-dialog");
const part = (name) => document.getElementById(`settle-${name}`);
let asked = null;

if (dialog) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-settle]");
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
  const { settle, number, effect } = button.dataset;
  const verb = settle === "retry" ? "Retry" : "Dismiss";
  const needsReason = "needsReason" in button.dataset;
  asked = { action: settle, filter: filterOf(button.dataset) };
  part("title").textContent = `${verb} ${records(Number(number))}`;
  part("effect").textContent = effect;
  part("hint").textContent = needsReason ? "(needed, kept with the records)" : "(kept in the history)";
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

// What is refused is told in the dialog, where it can be put right.
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

// A single run shows best itself what becomes of the records.
function tell({ records: number, runs = [], refused = [] }) {
  if (runs.length === 1 && !refused.length) {
    location.assign(`/runs/${runs[0]}/`);
    return;
  }
  toast(asked.action === "retry" ? `${records(number)}: another try has been asked for.` : `${records(number)} dismissed.`);
  for (const sentence of refused) toast(sentence, "bad");
}
