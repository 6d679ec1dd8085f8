// What do the header and the forms of every page do? Menus, preferences, and selects that submit their form.

import { patch } from "./api.js";
import { toast } from "./toasts.js";

const navigation = document.getElementById("navigation");
const menuButton = document.getElementById("menu-button");

function openNavigation(open) {
  navigation.toggleAttribute("data-open", open);
  menuButton.setAttribute("aria-expanded", String(open));
}

menuButton.addEventListener("click", () => openNavigation(!navigation.hasAttribute("data-open")));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (!navigation.contains(event.target) && !menuButton.contains(event.target)) openNavigation(false);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (navigation.hasAttribute("data-open")) {
    openNavigation(false);
    menuButton.focus();
  }
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("select[data-submit]")) field.form.requestSubmit();
  if (field.matches("[data-preference]")) prefer(field.name, field.value);
});

async function prefer(name, value) {
  if (name === "theme") document.documentElement.dataset.theme = value;
  try {
    await patch("/api/preferences", { [name]: value });
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  if (name === "refresh") location.reload();
}
