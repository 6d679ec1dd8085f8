// Which days of the grid does a small screen show first? The newest, at the end of the grid.

const frame = document.querySelector(".grid-scroll");
if (frame) frame.scrollLeft = frame.scrollWidth;
