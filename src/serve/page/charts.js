// Lag and rate, since the page was opened, or before where that was recorded.

import { Chart, POINT_MS, isDark } from "./chart.js";
import { $, say } from "./dom.js";
import { groupsOf, state } from "./seen.js";
import { groupKey, keyed } from "./words.js";

export const charts = {
  lag: new Chart("lag"),
  rate: new Chart("rate"),
  add(figures) {
    const at = Date.parse(figures.at) / 1000;
    const groups = groupsOf(figures).filter((it) => it.state === "ready");
    const names = new Map();
    for (const it of groups) names.set(it.group, (names.get(it.group) ?? 0) + 1);
    this.lag.add(at, groups.map((it) => ({
      key: groupKey(it),
      label: names.get(it.group) > 1 ? `${it.group} on ${it.stream}` : it.group,
      value: it.lag?.entries ?? null,
    })));
    this.rate.add(at, figures.streams.map((it) => ({ key: keyed(it.stream), label: it.stream, value: it.added_per_minute })));
    this.draw();
  },
  /** Begins before the page was opened, with what was recorded. */
  begin({ rows, every_ms, step_ms }) {
    const streams = new Map();
    for (const it of rows) if (it.group !== null) streams.set(it.group, (streams.get(it.group) ?? new Set()).add(it.stream));
    const points = { lag: new Map(), rate: new Map() };
    for (const it of rows) {
      const at = Date.parse(it.at) / 1000;
      const chart = it.group !== null ? points.lag : points.rate;
      const values = chart.get(at) ?? [];
      chart.set(at, values);
      // What could not be observed is a gap.
      if (it.samples === it.failed) continue;
      if (it.group === null) values.push({ key: keyed(it.stream), label: it.stream, value: it.added_per_minute });
      else {
        const label = streams.get(it.group).size > 1 ? `${it.group} on ${it.stream}` : it.group;
        values.push({ key: groupKey(it), label, value: it.lag?.entries ?? null });
      }
    }
    const apart = (2.5 * Math.max(every_ms ?? 0, step_ms ?? 0)) / 1000;
    for (const name of ["lag", "rate"]) {
      const sorted = [...points[name]].sort((one, other) => one[0] - other[0]);
      this[name].begin(sorted.map(([at, values]) => ({ at, values })), apart);
    }
    if (rows.length > 0) say($("lag-since"), "in the last hour");
    this.draw();
  },
  gap() {
    // By the clock of the points before, which may differ from the browser's.
    for (const chart of [this.lag, this.rate]) {
      const last = chart.times.at(-1);
      if (last !== undefined) chart.add(last + POINT_MS / 1000, []);
    }
    this.draw();
  },
  draw() {
    if (state.isPaused || document.hidden) return;
    this.lag.draw();
    this.rate.draw();
  },
};

isDark.addEventListener("change", () => { charts.lag.renew(); charts.rate.renew(); });
new ResizeObserver(() => { charts.lag.resize(); charts.rate.resize(); }).observe($("charts"));
document.addEventListener("visibilitychange", () => charts.draw());
