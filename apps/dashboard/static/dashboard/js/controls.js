// What happens when somebody presses Start, Pause, Stop …? A dialog explains the effect and asks for a reason first.

import { post } from "./api.js";
import { refreshSoon } from "./fragments.js";
import { chosenScope, showScope } from "./scope.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("confirm");
const part = (name) => document.getElementById(`confirm-${name}`);
let asked = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-control]");
  if (button) ask(button);
  if (event.target.closest("[data-close]")) dialog.close();
});

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  part("do").disabled = true;
  await carryOut(asked, part("reason").value.trim());
  part("do").disabled = false;
});

function ask(button) {
  const { control, ofJob, jobName, effect, mode } = button.dataset;
  const label = button.textContent.trim();
  asked = { control, job: ofJob, jobName, label, reads: Boolean(mode) };
  part("title").textContent = `${label}: ${jobName}`;
  part("effect").textContent = effect;
  part("do").textContent = label;
  part("do").classList.toggle("danger", "danger" in button.dataset);
  part("reason").value = "";
  part("problem").hidden = true;
  showScope(ofJob, mode, "provider" in button.dataset);
  dialog.showModal();
  part("reason").focus();
}

// A refusal is shown in the dialog, where the person can correct it.
async function carryOut({ control, job, jobName, label, reads }, reason) {
  try {
    await post(`/api/jobs/${job}/${control}`, { ...(reads ? chosenScope() : {}), reason });
  } catch (error) {
    part("problem").textContent = error.message;
    part("problem").hidden = false;
    return;
  }
  dialog.close();
  toast(`${label} requested for ${jobName}.`);
  refreshSoon();
}
