// How does a log line look? As the server draws it, with the search text marked.

import { icon, words } from "./parts.js";

const SIGNS = { warning: ["warning", "Warning"], error: ["failed", "Error"] };

/** The element of a line; `wanted` is a text that is marked in it. */
export function lineElement({ id, at, level, text }, wanted) {
  const line = document.createElement("li");
  line.className = "log-line";
  line.id = `line-${id}`;
  line.dataset.level = level;
  line.append(timeOf(id, at));
  if (SIGNS[level]) line.append(sign(...SIGNS[level]));
  const content = words("span", "");
  content.className = "log-text";
  content.append(...marked(text, wanted));
  line.append(content);
  return line;
}

function timeOf(id, at) {
  const link = document.createElement("a");
  link.className = "log-time";
  link.href = `#line-${id}`;
  const time = words("time", clock(at));
  time.dateTime = at;
  link.append(time);
  return link;
}

// In the time zone that the user has chosen, as the server shows times.
function clock(at) {
  const timeZone = document.documentElement.dataset.zone;
  return new Date(at).toLocaleTimeString("en-GB", { timeZone });
}

function sign(name, word) {
  const element = document.createElement("span");
  element.className = "state";
  element.dataset.state = name;
  element.append(icon(name), words("span", word));
  return element;
}

function* marked(text, wanted) {
  const folded = text.toLowerCase();
  const part = wanted.toLowerCase();
  let from = 0;
  // Where folding changes the length, places do not agree: then nothing is marked.
  if (part && folded.length === text.length) {
    for (let at = folded.indexOf(part); at >= 0; at = folded.indexOf(part, from)) {
      yield document.createTextNode(text.slice(from, at));
      from = at + part.length;
      yield words("mark", text.slice(at, from));
    }
  }
  yield document.createTextNode(text.slice(from));
}
