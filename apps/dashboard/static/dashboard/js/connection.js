// How do states arrive? By WebSocket; if it fails or the user prefers it, by polling. The page says which.

import { get } from "./api.js";

const FIRST_DELAY = 1000; // ms until the first new try; doubled each time
const MAX_DELAY = 30_000;
const POLL_EVERY = 3000;
const QUIET = 25_000; // ms without a message after which the socket is probed
const ANSWER = 5000; // ms that a probe may take
const LOGGED_OUT = 4401;
const NO_TENANT = 4403;
const NO_RUN = "00000000-0000-0000-0000-000000000000";

export class Connection extends EventTarget {
  #store;
  #shown; // a function that gives the runs of the page
  #socket = null;
  #delay = FIRST_DELAY;
  #probe = 0;
  #poll = 0;
  #every; // ms between two polls if the person prefers polling, else 0

  constructor(store, shown, every = 0) {
    super();
    this.#store = store;
    this.#shown = shown;
    this.#every = every;
  }

  open() {
    if (this.#every) this.#poll = setTimeout(() => this.#pollNow(), 0);
    else this.#openSocket();
  }

  #openSocket() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#socket = new WebSocket(`${scheme}://${location.host}/ws/jobs/?bundled`);
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", (event) => this.#received(event.data));
    this.#socket.addEventListener("close", (event) => this.#closed(event.code));
  }

  // The page is live only after an answer. Without a run to ask for, any answer is enough.
  #opened() {
    const runs = this.#shown();
    for (const run of runs.length ? runs : [NO_RUN]) this.#sync(run);
    this.#watch();
  }

  #received(data) {
    this.#delay = FIRST_DELAY;
    this.#stopPolling();
    this.#say("live");
    this.#watch();
    for (const message of JSON.parse(data)) {
      if (message.run && this.#store.accept(message) === "gap") this.#sync(message.run);
    }
  }

  #closed(code) {
    clearTimeout(this.#probe);
    this.#socket = null;
    if (code === LOGGED_OUT || code === NO_TENANT) {
      this.#say("ended");
      return;
    }
    this.#say(this.#poll ? "polling" : "reconnecting");
    if (!this.#poll) this.#poll = setTimeout(() => this.#pollNow(), FIRST_DELAY);
    const jittered = this.#delay * (0.5 + Math.random());
    this.#delay = Math.min(this.#delay * 2, MAX_DELAY);
    setTimeout(() => this.#openSocket(), jittered);
  }

  #sync(run) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: "sync", run }));
  }

  // A socket can die silently. After a long silence it is asked, and it is closed if it does not answer.
  #watch() {
    clearTimeout(this.#probe);
    const socket = this.#socket;
    this.#probe = setTimeout(() => {
      this.#sync(this.#shown()[0] ?? NO_RUN);
      this.#probe = setTimeout(() => {
        socket?.close();
        if (socket && socket === this.#socket) this.#closed(0);
      }, ANSWER);
    }, QUIET);
  }

  async #pollNow() {
    try {
      const jobs = await get("/api/jobs");
      const wanted = jobs.filter((job) => job.run && this.#isStale(job)).map((job) => job.run);
      const runs = new Set([...wanted, ...this.#shown()]);
      for (const run of runs) this.#store.accept({ ...(await get(`/api/runs/${run}`)), type: "snapshot" });
      if (this.#poll) this.#say(this.#every ? "chosen" : "polling");
    } catch (error) {
      if (error.status === 401) {
        this.#stopPolling();
        this.#say("ended");
        return;
      }
      if (this.#poll) this.#say("reconnecting");
    }
    if (this.#poll) this.#poll = setTimeout(() => this.#pollNow(), this.#every || POLL_EVERY);
  }

  #isStale(job) {
    const known = this.#store.get(job.run);
    return !known || known.is_active || known.overall !== job.overall;
  }

  #stopPolling() {
    clearTimeout(this.#poll);
    this.#poll = 0;
  }

  #say(mode) {
    this.dispatchEvent(new CustomEvent("mode", { detail: mode }));
  }
}
