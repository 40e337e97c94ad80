// The groups, the furthest behind first.

import { $, say, sync } from "./dom.js";
import { groupLink } from "./links.js";
import { TRENDS, groupsOf, pace, state, trend } from "./seen.js";
import { deadLetters, fill, makeRow } from "./table.js";
import { age, bounded, count, groupKey, pausedText, perMinute } from "./words.js";

const GROUP_CELLS = [
  ["Behind", "n"], ["Lag", "n"], ["Trend", ""], ["In/min", "n"], ["Out/min", "n"], ["Caught up in", "n"], ["Pending", "n"],
  ["Oldest", "n"], ["Room", "n"], ["Live", "n"], ["Dead", "n"], ["Retries", "n"], ["Breaker", ""],
];

const QUALITY = {
  known: "exactly",
  at_least: "at least as many: counting stopped",
  at_most: "at most as many: entries were deleted or trimmed",
  unknown: "the server cannot say; ucp-streams lag --exact counts",
};

/** The furthest behind first; before them what is missing, and what nobody knows. */
function byLag(a, b) {
  const rank = (it) => (it.state !== "ready" ? 0 : it.lag?.quality === "unknown" ? 1 : 2);
  return rank(a) - rank(b) || (b.undelivered_age_ms ?? -1) - (a.undelivered_age_ms ?? -1)
    || (b.lag?.entries ?? 0) - (a.lag?.entries ?? 0) || (a.group < b.group ? -1 : 1);
}

export function drawGroups(figures) {
  const all = groupsOf(figures);
  const wanted = $("filter").value.trim().toLowerCase();
  const rows = all.filter((it) => `${it.group}\n${it.stream}`.toLowerCase().includes(wanted)).sort(byLag);
  say($("groups-none"), all.length > 0 ? `None of the ${count(all.length)} groups has this name.` : "No group.");
  $("groups-none").hidden = rows.length > 0;
  const make = (it) => makeRow(GROUP_CELLS, groupLink(it), it.group, it.is_temporary ? `${it.stream}, temporary` : it.stream);
  sync($("groups-rows"), rows, groupKey, make, (row, it) => {
    const findings = figures.doctor?.findings ?? [];
    fill(row, GROUP_CELLS, groupValues(it, findings.filter((about) => about.group === it.group && about.stream === it.stream)));
  });
}

/** The tone of a figure: that of the worst finding that rests on it. */
function toneOf(findings, ...figures) {
  const about = findings.filter((it) => it.evidence.some((evidence) => figures.includes(evidence.figure)));
  if (about.length === 0) return "";
  return about.some((it) => it.severity.toLowerCase() === "critical") ? "bad" : "warn";
}

/** What waits in the retry stream, delivered or not. */
function retries(it, findings) {
  if (it.retry_lag === null || it.retry_pending === null) return ["?", "warn", "the retry stream cannot be seen"];
  const waiting = it.retry_lag + it.retry_pending;
  if (waiting === 0) return ["0", "quiet"];
  if (it.is_retry_read === false) return [count(waiting), "bad", "no live worker of the group reads the retry stream"];
  return [count(waiting), toneOf(findings, "retry_lag", "retry_pending", "retry_age_ms"), `the oldest for ${age(it.retry_age_ms)}`];
}

function groupValues(it, findings) {
  if (it.state !== "ready") {
    return ["-", ["missing", "bad", "the group does not exist on the server"], ...Array(GROUP_CELLS.length - 2).fill("-")];
  }
  const key = groupKey(it);
  const { in: coming, out, catchUp } = pace(it);
  const way = trend(key);
  const [arrow, word] = way ? TRENDS[way] : ["-", null];
  const hasWork = it.lag?.entries !== 0 || it.pending > 0;
  const breaker = it.circuit_breaker;
  const held = it.paused ? " paused" : "";
  return [
    [age(it.undelivered_age_ms), toneOf(findings, "undelivered_age_ms")],
    [bounded(it.lag), it.lag?.quality === "unknown" ? "warn" : toneOf(findings, "lag"), QUALITY[it.lag?.quality] ?? null],
    [word ? `${arrow} ${word}` : arrow, way === "up" ? "warn" : ""],
    perMinute(coming),
    perMinute(out),
    catchUp === "never" ? ["never", "warn"] : age(catchUp),
    [count(it.pending), toneOf(findings, "pending")],
    [age(it.oldest_pending_age_ms), toneOf(findings, "oldest_pending_age_ms", "oldest_pending_idle_ms")],
    it.headroom === null ? "-" : [it.headroom_ms !== null ? age(it.headroom_ms) : bounded(it.headroom), toneOf(findings, "headroom", "headroom_ms"), `${bounded(it.headroom)} entries`],
    [`${count(it.live)}/${it.live === null ? "?" : count(it.consumers.length)}${held}`, held ? "warn" : it.live === 0 && hasWork ? "bad" : it.live === null ? "warn" : toneOf(findings, "live"), held ? pausedText(it.paused) : null],
    deadLetters(it.in),
    retries(it, findings),
    breaker ? ["open", "bad", `since ${breaker.since}: ${breaker.reason}`] : ["closed", "quiet"],
  ];
}

$("filter").addEventListener("input", () => { if (state.shown) drawGroups(state.shown); });
