// What happens when somebody presses Start, Pause, Stop …? A dialog says what it will do and asks for a reason first.

import { post } from "./api.js";
import { refreshSoon } from "./fragments.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("confirm");
const part = (name) => document.getElementById(`confirm-${name}`);
let asked = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-control]");
  if (button) ask(button);
  if (event.target.closest("[data-close]")) dialog.close();
});

dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const reason = part("reason").value.trim();
  dialog.close();
  carryOut(asked, reason);
});

function ask(button) {
  const { control, ofJob, jobName, effect } = button.dataset;
  const label = button.textContent.trim();
  asked = { control, job: ofJob, jobName, label, full: "full" in button.dataset };
  part("title").textContent = `${label}: ${jobName}`;
  part("effect").textContent = effect;
  part("do").textContent = label;
  part("do").classList.toggle("danger", "danger" in button.dataset);
  part("reason").value = "";
  dialog.showModal();
  part("reason").focus();
}

async function carryOut({ control, job, jobName, label, full }, reason) {
  try {
    await post(`/api/jobs/${job}/${control}`, control === "start" ? { full, reason } : { reason });
    toast(`${label}: ${jobName} has been asked.`);
  } catch (error) {
    toast(error.message, "bad");
  }
  refreshSoon();
}
