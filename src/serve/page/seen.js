// The figures that came, and what two of them say.

import { groupKey } from "./words.js";

/** How far back the trend looks. */
const TREND_MS = 120_000;
/** The least time in which a pace or a trend is told. */
const LEAST_MS = 30_000;

/** The figures shown, those that came last, and when they came by this machine's clock. */
export const state = { shown: null, latest: null, drawn: null, cameAt: 0, lostSince: null, lostWhy: "", isPaused: false, pausedAt: 0 };

/** The lag of each group lately: at most TREND_MS of it. */
const lags = new Map();

export function remember(figures) {
  const at = Date.parse(figures.at);
  const seen = new Set();
  for (const group of groupsOf(figures)) {
    if (group.state !== "ready") continue;
    const key = groupKey(group);
    seen.add(key);
    const list = lags.get(key) ?? [];
    const last = list.at(-1);
    if (last?.at === at) continue;
    // A clock that was set back: what was before is not before any more.
    if (last?.at > at) list.length = 0;
    list.push({ at, lag: group.lag });
    while (list.length > 2 && list[1].at <= at - TREND_MS) list.shift();
    lags.set(key, list);
  }
  for (const key of lags.keys()) if (!seen.has(key)) lags.delete(key);
}

/** How fast entries come and are read, and when the group will have caught up, as the server saw it: "never" where it
 * falls behind or reads nothing. */
export function pace(it) {
  const coming = it.in.added_per_minute;
  if (!(it.pace_window_ms >= LEAST_MS)) return { in: coming, out: null, catchUp: null };
  const { delivered_per_minute: out, gained_per_minute: gained, catch_up_ms: catchUp } = it;
  const isStuck = out === 0 || (gained !== null && gained < 0);
  const hasWork = ["known", "at_least"].includes(it.lag?.quality) && it.lag.entries > 0;
  return { in: coming, out, catchUp: catchUp ?? (isStuck && hasWork ? "never" : null) };
}

export const TRENDS = {
  up: ["↑", "growing"],
  down: ["↓", "shrinking"],
  steady: ["→", "steady"],
};

export function trend(key) {
  const list = (lags.get(key) ?? []).filter((it) => it.lag && it.lag.quality !== "unknown");
  const now = list.at(-1);
  if (!now || now.at - list[0].at < LEAST_MS) return null;
  const change = now.lag.entries - list[0].lag.entries;
  const least = Math.max(1, 0.05 * Math.max(now.lag.entries, list[0].lag.entries));
  if (Math.abs(change) < least) return "steady";
  return change > 0 ? "up" : "down";
}

export const groupsOf = (figures) => figures.streams.flatMap((stream) => stream.groups.map((group) => ({ ...group, in: stream })));
