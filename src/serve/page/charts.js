// Lag and rate, since the page was opened.

import { Chart, POINT_MS, isDark } from "./chart.js";
import { $ } from "./dom.js";
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
