// Rows of figures.

import { el, say, set } from "./dom.js";
import { deadLettersLink } from "./links.js";
import { count } from "./words.js";

export function makeRow(cells, href, name, below) {
  const head = el("th", { scope: "row", role: "rowheader" }, el("a", { href }, name));
  if (below !== null) head.append(el("span", { class: "quiet" }, below));
  const made = cells.map(([label, kind]) => el("td", { class: kind, role: "cell", "data-label": label }));
  return el("tr", { role: "row" }, head, ...made);
}

/** Writes a row: each cell is its text, or its text with a class, an explanation, and where it leads. */
export function fill(row, cells, values) {
  values.forEach((value, at) => {
    const cell = row.cells[at + 1];
    const [text, tone = "", title = null, href = null] = Array.isArray(value) ? value : [value];
    if (href === null) {
      cell.firstElementChild?.remove();
      say(cell, text);
    } else {
      if (!cell.firstElementChild) cell.replaceChildren(el("a"));
      set(cell.firstElementChild, "href", href);
      say(cell.firstElementChild, text);
    }
    const kind = `${cells[at][1]} ${tone}`.trim();
    if (cell.className !== kind) cell.className = kind;
    set(cell, "title", title);
  });
}

/** The number of dead letters of a stream, which leads to them. */
export function deadLetters(stream) {
  const number = stream.dead_letters;
  const leadsTo = number > 0 ? deadLettersLink(stream) : null;
  return [count(number), number === 0 ? "" : "warn", null, leadsTo];
}
