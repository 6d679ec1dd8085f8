// Which days of the grid does a small screen show first? The newest, which stand at its end.

const frame = document.querySelector(".grid-scroll");
if (frame) frame.scrollLeft = frame.scrollWidth;
