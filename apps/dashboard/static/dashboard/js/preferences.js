// Which time zone does the browser have? The preferences page offers it.

const button = document.getElementById("own-time-zone");
if (button) {
  const field = document.getElementById("id_time_zone");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  button.textContent = `Use browser time zone: ${own}`;
  button.hidden = field.value === own;
  button.addEventListener("click", () => {
    field.value = own;
    button.hidden = true;
  });
}
