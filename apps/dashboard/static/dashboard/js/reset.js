// How is a finished job reset while its page is open? It is checked, a countdown is shown, then the job is reset.

import { get, post } from "./api.js";
import { refreshSoon } from "./fragments.js";

const RETRIES = [30, 60, 180, 300]; // seconds between the checks
const COUNTDOWN = 30; // seconds
let following = 0; // the job whose reset is under way

/** Begin where the page shows a finished job; doing it twice does nothing. */
export function followReset() {
  const notice = document.getElementById("reset");
  const job = Number(notice?.dataset.reset ?? 0);
  if (!job || following === job) return;
  following = job;
  check(job, 0).finally(() => (following = 0));
}

async function check(job, tries) {
  const { all_finished: finished, unfinished } = await get(`/api/jobs/${job}/check-completion`);
  if (finished) {
    await countDown(job);
  } else if (tries < RETRIES.length) {
    say(`Some stages are not finished yet. Checking again in ${RETRIES[tries]} seconds.`);
    await sleep(RETRIES[tries]);
    if (isShown(job)) await check(job, tries + 1);
  } else {
    say(`Not finished: ${unfinished.join(", ")}. The job is not reset. See its steps below.`);
  }
}

async function countDown(job) {
  for (let left = COUNTDOWN; left > 0; left -= 1) {
    if (!isShown(job)) return;
    say(`Job completed. Resetting in ${left} seconds…`);
    await sleep(1);
  }
  if (!isShown(job)) return;
  try {
    await post(`/api/jobs/${job}/reset`);
  } catch (error) {
    // Another person or the server was faster (409), or this person is a viewer (403): then the server does it.
    if (error.status === 403) say("Job completed. The server will reset it for its next run.");
    else if (error.status !== 409) say(error.message);
  }
  refreshSoon();
}

const isShown = (job) => Number(document.getElementById("reset")?.dataset.reset ?? 0) === job;

function say(text) {
  const words = document.querySelector("#reset [data-words]");
  if (words) words.textContent = text;
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
