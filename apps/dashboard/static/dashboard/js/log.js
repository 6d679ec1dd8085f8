// What does the log of a run show? Its newest lines. New lines arrive while the run is active, older lines on demand.

import { get } from "./api.js";
import { copy } from "./copy.js";
import { store } from "./live.js";
import { lineElement } from "./log_line.js";
import { toast } from "./toasts.js";

const THROTTLE = 1000; // ms between two questions for new lines
const AFTERWARDS = 2000; // ms after the end: what was committed last
const TYPING = 250; // ms without a key before a search begins
const MAX_LINES = 3000; // on a page
const NEAR = 24; // px: so close to the bottom counts as the bottom
const AROUND = 100; // lines before and after the line of a link

class Log {
  #root;
  #frame;
  #list;
  #form;
  #button;
  #cursor; // all lines up to this id are here
  #following = true; // the reader is at the bottom: stay there
  #detached = false; // old lines are shown, and the lines after them are missing
  #unseen = 0;
  #asked = 0; // answers to an older question are dropped
  #timer = 0;
  #last = 0;

  constructor(root) {
    this.#root = root;
    this.#frame = root.querySelector("[data-log-lines]");
    this.#list = this.#frame.querySelector("ol");
    this.#form = root.querySelector("[data-log-form]");
    this.#button = root.querySelector("[data-log-new]");
    this.#cursor = Number(root.dataset.cursor);
    this.#listen();
    if (location.hash.startsWith("#line-")) this.#reveal();
    else this.#toBottom();
  }

  #listen() {
    let typing = 0;
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.#restart(), TYPING);
    });
    this.#frame.addEventListener("scroll", () => this.#scrolled());
    this.#button.addEventListener("click", () => (this.#detached ? this.#restart() : this.#toBottom()));
    this.#root.querySelector("[data-log-older]").addEventListener("click", () => this.#older());
    this.#root.querySelector("[data-log-copy]").addEventListener("click", () => this.#copy());
    this.#list.addEventListener("click", (event) => {
      const link = event.target.closest(".log-time");
      if (link) copy(link.href, "Link to the line copied.");
    });
    window.addEventListener("hashchange", () => location.hash.startsWith("#line-") && this.#reveal());
    store.addEventListener("state", ({ detail: { message } }) => {
      if (message.run !== this.#root.dataset.log) return;
      this.#soon();
      if (!message.is_active) setTimeout(() => this.#soon(), AFTERWARDS);
    });
  }

  // --- new lines ----------------------------------------------------------------------------------------------------

  #soon() {
    if (this.#timer || this.#detached) return;
    const pause = Math.max(0, this.#last + THROTTLE - Date.now());
    this.#timer = setTimeout(() => this.#newer().catch(() => {}), pause); // the next message asks again
  }

  async #newer() {
    this.#timer = 0;
    this.#last = Date.now();
    let after = this.#cursor;
    const question = this.#asked;
    for (let more = true; more; ) {
      const answer = await this.#ask({ after });
      if (question !== this.#asked) return;
      this.#add(answer.lines);
      this.#cursor = Math.max(this.#cursor, answer.settled);
      after = answer.lines.at(-1)?.id ?? after;
      more = answer.more;
    }
  }

  async #restart() {
    const question = ++this.#asked;
    const answer = await this.#ask({}).catch((error) => toast(error.message, "bad"));
    if (!answer || question !== this.#asked) return;
    this.#detached = false;
    this.#replace(answer.lines, answer.more);
    this.#cursor = answer.settled;
    this.#toBottom();
  }

  async #older() {
    const first = this.#list.firstElementChild;
    const question = this.#asked;
    const answer = await this.#ask({ before: idOf(first) }).catch((error) => toast(error.message, "bad"));
    if (!answer || question !== this.#asked) return;
    const before = this.#frame.scrollHeight;
    this.#list.prepend(...answer.lines.map((line) => this.#element(line)));
    this.#frame.scrollTop += this.#frame.scrollHeight - before;
    this.#olderButton(answer.more);
  }

  // Show the line of a link; load it and the lines around it if they are missing.
  async #reveal() {
    const id = Number(location.hash.slice("#line-".length));
    if (!Number.isSafeInteger(id) || id < 1) return;
    this.#following = false;
    if (!document.getElementById(`line-${id}`)) {
      const question = ++this.#asked;
      this.#form.reset();
      const asked = [this.#ask({ before: id + 1, limit: AROUND }), this.#ask({ after: id, limit: AROUND })];
      const [older, newer] = await Promise.all(asked).catch(() => []);
      if (!newer || question !== this.#asked) return;
      this.#detached = newer.more;
      this.#replace([...older.lines, ...newer.lines], older.more);
      this.#showButton();
    }
    const line = document.getElementById(`line-${id}`);
    if (!line) toast("This line is not in the log of this run.", "bad");
    this.#list.querySelector("[data-named]")?.removeAttribute("data-named");
    line?.toggleAttribute("data-named", true);
    line?.scrollIntoView({ block: "center" });
  }

  #ask(window) {
    const wanted = Object.fromEntries([...new FormData(this.#form)].filter(([, value]) => value));
    return get(`/api/runs/${this.#root.dataset.log}/log?${new URLSearchParams({ ...wanted, ...window })}`);
  }

  // --- the list -----------------------------------------------------------------------------------------------------

  #add(lines) {
    let added = 0;
    for (const line of lines) {
      if (document.getElementById(`line-${line.id}`)) continue;
      let before = null;
      let last = this.#list.lastElementChild;
      while (last && idOf(last) > line.id) [before, last] = [last, last.previousElementSibling];
      this.#list.insertBefore(this.#element(line), before);
      added += 1;
    }
    if (!added) return;
    this.#empty();
    if (this.#following) this.#toBottom();
    else this.#unseen += added;
    this.#showButton();
  }

  #replace(lines, more) {
    this.#list.replaceChildren(...lines.map((line) => this.#element(line)));
    this.#unseen = 0;
    this.#olderButton(more);
    this.#empty();
    this.#showButton();
  }

  #element(line) {
    return lineElement(line, this.#form.elements.q.value.trim());
  }

  #toBottom() {
    while (this.#list.childElementCount > MAX_LINES) {
      this.#list.firstElementChild.remove();
      this.#olderButton(true);
    }
    this.#frame.scrollTop = this.#frame.scrollHeight;
    this.#following = !this.#detached;
    this.#unseen = 0;
    this.#showButton();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#frame;
    this.#following = !this.#detached && scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#following) this.#unseen = 0;
    this.#showButton();
  }

  #showButton() {
    this.#button.hidden = !this.#detached && (this.#following || !this.#unseen);
    this.#button.textContent = this.#detached
      ? "Jump to the newest lines ↓"
      : `${this.#unseen} new line${this.#unseen === 1 ? "" : "s"} ↓`;
  }

  #olderButton(more) {
    this.#root.querySelector("[data-log-older]").hidden = !more;
  }

  #empty() {
    const note = this.#root.querySelector("[data-log-empty]");
    note.hidden = this.#list.childElementCount > 0;
    if ([...new FormData(this.#form).values()].some(Boolean)) note.textContent = "No lines match.";
  }

  #copy() {
    const lines = [...this.#list.children].map((line) => line.dataset.copied ?? line.innerText.replace(/\s+/g, " "));
    copy(lines.join("\n"), `${lines.length} line${lines.length === 1 ? "" : "s"} copied.`);
  }
}

const idOf = (element) => Number(element.id.slice("line-".length));

const root = document.querySelector("[data-log]");
if (root) new Log(root);
