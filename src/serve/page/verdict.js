// Whether the pipeline is well, and how old the figures are.

import { $, say, set } from "./dom.js";
import { valueText } from "./fields.js";
import { state } from "./seen.js";
import { age, clock, count } from "./words.js";

/** Figures that are late by so much are old. */
const LATE_MS = 8_000;

/** How many findings there are of each severity. */
function tally(findings) {
  const words = ["critical", "warning", "unknown"].map((word) => {
    const of = findings.filter((it) => it.severity.toLowerCase() === word).length;
    return of > 0 ? `${count(of)} ${word}` : null;
  });
  return findings.length > 0 ? `: ${words.filter(Boolean).join(", ")}` : "";
}

/** Why the figures are old, or null. */
function oldness() {
  const figures = state.latest;
  const of = figures?.at ? ` These figures are from ${clock(Date.parse(figures.at))}.` : "";
  if (state.lostSince !== null) {
    return `ucp-streams serve does not answer since ${clock(state.lostSince)} (${age(Date.now() - state.lostSince)}): ${state.lostWhy}.${of}`;
  }
  if (figures?.old_since) {
    const since = Date.parse(figures.old_since);
    const error = figures.error ? `: ${figures.error}` : "";
    return `Redis cannot be asked since ${clock(since)} (${age(Math.max(0, Date.parse(figures.asked_at) - since) + Date.now() - state.cameAt)})${error}.${of}`;
  }
  if (figures && Date.now() - state.cameAt > figures.every_ms + LATE_MS) {
    return `No new figures since ${clock(state.cameAt)}.${of}`;
  }
  return null;
}

/** The last destructive command, in one line. */
function lastChange(change) {
  const name = change.group ?? change.stream;
  const by = `${valueText(change.user ?? "somebody")}${change.host ? ` on ${valueText(change.host)}` : ""}`;
  const ended = change.ended === "open" ? "no outcome" : change.ended;
  return `Last change: ${valueText(change.command)}${name ? ` of ${valueText(name)}` : ""} at ${clock(Date.parse(change.time))} by ${by}: ${ended}`;
}

export function drawVerdict() {
  const { latest, shown } = state;
  const old = oldness();
  const doctor = latest?.doctor;
  let [verdict, text] = ["unknown", old ?? "Asking for the figures."];
  if (old === null && doctor) {
    verdict = doctor.verdict.toLowerCase();
    text = `${doctor.summary.charAt(0).toUpperCase()}${doctor.summary.slice(1)}${tally(doctor.findings)}.`;
  } else if (doctor && doctor.verdict.toLowerCase() !== "ok") {
    text += ` The last verdict was ${doctor.verdict.toUpperCase()}.`;
  }
  set($("verdict"), "data-verdict", verdict);
  say($("verdict-word"), verdict.toUpperCase());
  // Read aloud when the verdict changes, and not when a second has passed.
  set($("verdict"), "aria-live", old === null ? "polite" : "off");
  say($("verdict-text"), text);
  document.title = `${verdict.toUpperCase()} – ucp-streams`;
  document.body.classList.toggle("old", old !== null);
  const at = (state.isPaused ? shown : latest)?.at;
  say($("seen"), at ? `Seen ${clock(Date.parse(at))}, every ${age(latest.every_ms)}` : "");
  say($("paused"), state.isPaused ? `Paused since ${clock(state.pausedAt)}; the verdict goes on` : "");
  $("paused").hidden = !state.isPaused;
  const change = latest?.last_change;
  say($("changed"), change ? lastChange(change) : "");
  const recorded = latest?.recorded;
  const since = recorded?.failing_since ? clock(Date.parse(recorded.failing_since)) : null;
  say($("recorded"), since === null ? "" : `Nothing is recorded since ${since}: ${recorded.error}`);
  $("recorded").hidden = since === null;
}
