// Narrows a table to the rows that hold what is typed; nothing is asked of the server.

const field = document.getElementById("filter");
const rows = [...document.querySelectorAll(field.dataset.rows)];
const texts = rows.map((row) => row.textContent.toLowerCase());
field.addEventListener("input", () => {
  const wanted = field.value.trim().toLowerCase();
  rows.forEach((row, place) => { row.hidden = !texts[place].includes(wanted); });
});
