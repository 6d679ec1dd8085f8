// What is the newest state of every run? Only a higher seq replaces a known state, so no state goes back.

export class Store extends EventTarget {
  #states = new Map(); // run → newest message
  #runOfJob = new Map(); // job → the run that its bars show
  #asked = new Set(); // runs that have a page of their own open
  #drawn = new Map(); // run → the state of its job that the server has drawn

  /** What the server has drawn: a run, the state of its job, and the job where the run stands for it. */
  drawn(run, overall, job) {
    this.#drawn.set(run, overall);
    if (job) this.#runOfJob.set(job, run);
  }

  /** A page shows this run for ever: it never becomes the current one of its job by being asked for. */
  ask(run) {
    this.#asked.add(run);
  }

  get(run) {
    return this.#states.get(run);
  }

  ofJob(job) {
    return this.#states.get(this.#runOfJob.get(job));
  }

  runs() {
    return new Map(this.#states);
  }

  /** Take a message in. Returns "old", "new", or "gap" when one before it was missed (it is taken in all the same). */
  accept(message) {
    const before = this.#states.get(message.run);
    if (before && message.seq <= before.seq) return "old";
    this.#states.set(message.run, message);
    const job = String(message.job);
    const shown = this.#runOfJob.get(job);
    if (!shown || message.is_active || !this.#asked.has(message.run)) this.#runOfJob.set(job, message.run);
    const known = before?.overall ?? this.#drawn.get(message.run);
    const changed = known !== message.overall || this.#runOfJob.get(job) !== shown;
    this.dispatchEvent(new CustomEvent("state", { detail: { message, before, changed } }));
    return before && message.type !== "snapshot" && message.seq > before.seq + 1 ? "gap" : "new";
  }
}
