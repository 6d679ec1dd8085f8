// What was that bar? The note under the timeline reads the one that is pointed at or has the focus.

function tell(event) {
  const stretch = event.target.closest?.(".stretch");
  const note = stretch?.closest("#timeline").querySelector(".timeline-note");
  if (note) note.textContent = stretch.getAttribute("aria-label");
}

document.addEventListener("pointerover", tell);
document.addEventListener("focusin", tell);
