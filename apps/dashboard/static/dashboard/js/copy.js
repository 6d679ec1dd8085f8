// How is something copied? A button names the address, or a script passes the text. A toast confirms it.

import { toast } from "./toasts.js";

/** Put a text on the clipboard and say so. */
export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
  } catch {
    toast("The browser does not allow this page to copy. Select the text and copy it yourself.", "bad");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(new URL(button.dataset.copy, location.href).href, "Link copied.");
});
