// One chart of lines over the last hour.

import { $, el, say, sync } from "./dom.js";
import { NUMBER, clock, perMinute } from "./words.js";

/* global uPlot */

/** Points of the charts: one hour, at most one in two seconds. */
export const POINT_MS = 2_000;
const POINTS_MAX = 1_800;
const HEIGHT = 182;

export const isDark = matchMedia("(prefers-color-scheme: dark)");
const COLOURS = {
  light: ["#0b5cad", "#b3541e", "#1a7040", "#8a3ea8", "#a8871b", "#0e7c86", "#b3246b", "#5b636d"],
  dark: ["#79b8ff", "#f0985f", "#6fcf97", "#c795e0", "#e3c65b", "#5cc8d2", "#f08bbd", "#9ea7b1"],
};

export class Chart {
  constructor(name) {
    this.plot = $(`${name}-plot`);
    this.legend = $(`${name}-legend`);
    this.times = [];
    this.lines = new Map();
    this.uplot = null;
  }

  /** Adds a point; a line that is not among `values` has a gap there. Lines that have no point any more are dropped. */
  add(at, values) {
    const last = this.times.at(-1);
    // A clock that was set back: what was before is not before any more.
    if (last !== undefined && at < last) this.clear();
    // Figures come a little early or late.
    else if (last !== undefined && Math.round((at - last) * 1000) < POINT_MS * 0.75) return;
    this.times.push(at);
    for (const { key, label, value } of values) {
      if (!this.lines.has(key)) {
        this.lines.set(key, { label, points: Array(this.times.length - 1).fill(null) });
        this.uplot?.destroy();
        this.uplot = null;
      }
      this.lines.get(key).points.push(value);
    }
    for (const line of this.lines.values()) if (line.points.length < this.times.length) line.points.push(null);
    while (this.times.length > POINTS_MAX || at - this.times[0] > 3_600) {
      this.times.shift();
      for (const line of this.lines.values()) line.points.shift();
    }
    for (const [key, line] of this.lines) {
      if (line.points.every((it) => it === null) && !values.some((it) => it.key === key)) {
        this.lines.delete(key);
        this.uplot?.destroy();
        this.uplot = null;
      }
    }
  }

  /** Puts points before those that came meanwhile. A time of more than `apart` between two points is a gap. */
  begin(points, apart) {
    const lines = [...this.lines];
    const came = this.times.map((at, place) => ({
      at, values: lines.map(([key, it]) => ({ key, label: it.label, value: it.points[place] })),
    }));
    this.clear();
    for (const { at, values } of [...points.filter((it) => came.length === 0 || it.at < came[0].at), ...came]) {
      const last = this.times.at(-1);
      if (last !== undefined && at - last > apart) this.add(last + POINT_MS / 1000, []);
      this.add(at, values);
    }
  }

  clear() {
    this.times = [];
    this.lines.clear();
    this.uplot?.destroy();
    this.uplot = null;
  }

  draw() {
    const width = this.plot.clientWidth;
    if (this.times.length === 0 || width < 50) return;
    const data = [this.times, ...[...this.lines.values()].map((it) => it.points)];
    if (this.uplot) this.uplot.setData(data);
    else this.uplot = new uPlot(this.options(width), data, this.plot);
    const colours = isDark.matches ? COLOURS.dark : COLOURS.light;
    const items = [...this.lines].map(([key, line], at) => ({ key, ...line, colour: colours[at % colours.length] }));
    sync(this.legend, items, (it) => it.key, makeLegend, (row, it) => {
      row.parts.mark.style.background = it.colour;
      say(row.parts.name, it.label);
      say(row.parts.value, perMinute(it.points.at(-1)));
    });
  }

  resize() {
    const width = this.plot.clientWidth;
    if (this.uplot && width >= 50 && this.uplot.width !== width) this.uplot.setSize({ width, height: HEIGHT });
  }

  renew() {
    this.uplot?.destroy();
    this.uplot = null;
    this.draw();
  }

  options(width) {
    const dark = isDark.matches;
    const colours = dark ? COLOURS.dark : COLOURS.light;
    const axis = {
      stroke: dark ? "#9ea7b1" : "#5b636d",
      grid: { stroke: dark ? "#2a3036" : "#eceef0", width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const lines = [...this.lines.values()].map((it, at) => ({
      label: it.label, stroke: colours[at % colours.length], width: 1.5, points: { show: () => this.times.length < 3 },
    }));
    return {
      width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [6, 32, 0, 0],
      scales: {
        x: { range: (_, min, max) => [Math.min(min, max - 60), max] },
        y: { range: (_, min, max) => [0, Math.max(max === null ? 0 : max * 1.1, 5)] },
      },
      axes: [
        { ...axis, size: 28, space: 90, values: (_, ticks) => ticks.map((it) => clock(it * 1000)) },
        { ...axis, size: 58, space: 34, values: (_, ticks) => ticks.map((it) => NUMBER.format(it)) },
      ],
      series: [{}, ...lines],
    };
  }
}

function makeLegend() {
  const parts = { mark: el("span", { class: "mark" }), name: el("span"), value: el("span", { class: "quiet" }) };
  const row = el("li", {}, parts.mark, parts.name, " ", parts.value);
  row.parts = parts;
  return row;
}
