// What does a bar mean? The note below the timeline describes the bar under the pointer or with the focus.

function tell(event) {
  const stretch = event.target.closest?.(".stretch");
  const note = stretch?.closest("#timeline").querySelector(".timeline-note");
  if (note) note.textContent = stretch.getAttribute("aria-label");
}

document.addEventListener("pointerover", tell);
document.addEventListener("focusin", tell);
