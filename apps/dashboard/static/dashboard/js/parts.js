// How does a script draw the same small parts as the templates? An icon, a state, a text.

const SVG = "http://www.w3.org/2000/svg";

export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();

/** An element with a text. */
export function words(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** An icon of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.classList.add("icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A state by its name, as icon and word. */
export const state = (name) => sign({ icon: name, tone: "", word: capitalised(name) });

/** A sign of a message: icon, tone and word. */
export function sign({ icon: name, tone, word }) {
  const element = document.createElement("span");
  element.className = "state";
  element.dataset.state = name;
  element.dataset.tone = tone;
  element.append(icon(name), words("span", word));
  return element;
}

/** Change an element that the server has drawn to another sign; in the admin site it has no icon. */
export function showSign(element, { icon: name, tone, word }) {
  element.dataset.state = name;
  element.dataset.tone = tone;
  element.querySelector("use")?.setAttribute("href", `#i-${name}`);
  element.querySelector("span").textContent = word;
}
