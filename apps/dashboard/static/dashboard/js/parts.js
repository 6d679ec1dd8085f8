// How does a script draw what the templates draw? The same small parts: an icon, a state, a text.

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

/** A state as icon and word; `text` replaces the word. */
export function state(name, text = capitalised(name)) {
  const element = document.createElement("span");
  element.className = "state";
  element.dataset.state = name;
  element.append(icon(name), words("span", text));
  return element;
}
