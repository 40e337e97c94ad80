// What is wrong, with the command to type.

import { $, el, say, set, sync } from "./dom.js";
import { groupLink, streamLink } from "./links.js";
import { state } from "./seen.js";
import { count, dated, keyed } from "./words.js";

/** Findings that are shown at once, the worst: fewer where the screen is small. */
const FINDINGS = innerWidth < 700 ? 3 : 5;

/** Whether all of them are shown. */
let isWhole = false;

export function drawFindings(figures) {
  const found = figures.doctor?.findings ?? [];
  $("findings-none").hidden = found.length > 0;
  say($("findings-none"), figures.doctor ? "None." : "Unknown.");
  const times = new Map();
  const items = found.map((it) => {
    const about = keyed(it.severity, it.rule, it.stream, it.group);
    const nth = times.get(about) ?? 0;
    times.set(about, nth + 1);
    return { ...it, key: `${about}${nth}` };
  });
  const more = items.length - FINDINGS;
  const isCut = more > 1 && !isWhole;
  $("findings-more").hidden = more <= 1;
  say($("findings-more"), isCut ? `Show ${count(more)} more` : "Show fewer");
  sync($("findings-list"), isCut ? items.slice(0, FINDINGS) : items, (it) => it.key, makeFinding, (row, it) => {
    const { tag, about, what, since, why, code, next } = row.parts;
    set(row, "data-severity", it.severity.toLowerCase());
    say(tag, it.severity.toUpperCase());
    say(about, it.group !== null ? `${it.group} on ${it.stream}` : it.stream ?? "the server");
    say(what, it.summary);
    say(why, it.why);
    const began = it.began ? `${it.is_older ? "At least since" : "Since"} ${dated(it.began)}` : "";
    say(since, began);
    since.hidden = !began;
    say(code, it.next);
    next.hidden = !it.next;
  });
}

function makeFinding(it) {
  const link = it.group !== null ? groupLink(it) : it.stream !== null ? streamLink(it.stream) : null;
  const parts = {
    tag: el("span", { class: "tag" }),
    about: el(link ? "a" : "span", { class: "about", href: link }),
    what: el("span"),
    since: el("p", { class: "why" }),
    why: el("p", { class: "why" }),
    code: el("code"),
  };
  const copy = el("button", { type: "button" }, "Copy");
  copy.setAttribute("aria-label", "Copy the command");
  copy.addEventListener("click", () => copyText(parts.code, copy));
  parts.next = el("div", { class: "next" }, el("pre", {}, parts.code), copy);
  const row = el("li", {}, el("p", { class: "what" }, parts.tag, parts.about, " ", parts.what), parts.since, parts.why, parts.next);
  row.parts = parts;
  return row;
}

/** Copies a command; where the browser does not let a page copy, the command is selected instead. */
async function copyText(code, button) {
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    said = "Selected";
  }
  say(button, said);
  setTimeout(() => say(button, "Copy"), 1_500);
}

$("findings-more").addEventListener("click", () => {
  isWhole = !isWhole;
  if (state.shown) drawFindings(state.shown);
});
