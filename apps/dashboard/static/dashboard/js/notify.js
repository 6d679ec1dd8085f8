// Who is notified when a run ends? This browser, or by the server an e-mail address or a webhook.

import { get, post, remove } from "./api.js";
import { refreshSoon } from "./fragments.js";
import { store } from "./live.js";
import { toast } from "./toasts.js";

const KEPT = "runs-to-tell"; // run → name of its job, for all pages of this browser

const wanted = () => JSON.parse(localStorage.getItem(KEPT) ?? "{}");
const keep = (runs) => localStorage.setItem(KEPT, JSON.stringify(runs));

function take(run) {
  const { [run]: name, ...others } = wanted();
  if (name) keep(others);
  return name;
}

// If several pages are open, the tag joins their notifications into one.
function ended(message) {
  const name = !message.is_active && take(message.run);
  if (!name) return;
  const outcome = (message.rest ? message.run_state : message.job_state).word.toLowerCase();
  const body = message.card.summary;
  try {
    const notification = new Notification(`${name}: ${outcome}`, { body, tag: message.run });
    notification.addEventListener("click", () => {
      window.focus();
      location.assign(`/runs/${message.run}/`);
    });
  } catch {
    toast(`${name}: ${outcome}. ${body}`); // some browsers let only a service worker notify
  }
  draw();
}

async function askBrowser(button) {
  const { run, jobName } = button.closest("[data-notify]").dataset;
  if (take(run)) return draw();
  if (!("Notification" in window)) return toast("This browser does not support notifications.", "bad");
  if ((await Notification.requestPermission()) !== "granted") {
    return toast("Notifications are blocked for this site. Allow them in the browser settings.", "bad");
  }
  keep({ ...wanted(), [run]: jobName });
  draw();
  toast("This browser notifies you when the run ends, while a page of the product is open.");
}

function draw() {
  const button = document.querySelector("[data-notify-browser]");
  if (!button) return;
  const asked = button.closest("[data-notify]").dataset.run in wanted();
  button.setAttribute("aria-pressed", String(asked));
  button.querySelector("span").textContent = asked ? "Turn off in this browser" : "In this browser";
}

async function ask(element, subscription) {
  const { run } = element.closest("[data-notify]").dataset;
  try {
    await post(`/api/runs/${run}/notices`, subscription);
    toast("You will be notified when the run ends.");
    if (element.matches("form")) element.reset();
  } catch (error) {
    toast(error.message, "bad");
  }
  refreshSoon();
}

async function forget(button) {
  const { run } = button.closest("[data-notify]").dataset;
  await remove(`/api/runs/${run}/notices/${button.dataset.notifyForget}`).catch((error) => toast(error.message, "bad"));
  refreshSoon();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-notify-browser]")) askBrowser(button);
  if (button?.matches("[data-notify-email]")) ask(button, { channel: "email" });
  if (button?.matches("[data-notify-forget]")) forget(button);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-notify-webhook]")) return;
  event.preventDefault();
  ask(form, { channel: "webhook", url: form.elements.url.value.trim(), key: form.elements.key.value });
});

store.addEventListener("state", ({ detail: { message } }) => ended(message));

// Runs that ended while no page was open.
for (const run of Object.keys(wanted())) {
  get(`/api/runs/${run}`).then(ended, (error) => error.status === 404 && take(run));
}
draw();
