// The page of `serve`. It asks this server only, changes nothing, and shows other people's text by textContent alone.

import { askJson, follow } from "./ask.js";
import { charts } from "./charts.js";
import { $, say, set } from "./dom.js";
import { drill } from "./drill.js";
import { drawFindings } from "./findings.js";
import { drawGroups } from "./groups.js";
import { remember, state } from "./seen.js";
import { drawStreams } from "./streams.js";
import { tail } from "./tail.js";
import { drawVerdict } from "./verdict.js";

/** Asks once for what was recorded before the page was opened. */
async function begin() {
  const columns = "at,group,stream,samples,failed,lag,added_per_minute";
  try {
    charts.begin(await askJson(`api/history?points=400&columns=${columns}`));
  } catch {
    // The charts begin now.
  }
}

let isBegun = false;

function take(figures) {
  if (figures.has_history && !isBegun) begin();
  isBegun = true;
  state.latest = figures;
  state.cameAt = Date.now();
  if (figures.at && !figures.old_since) {
    remember(figures);
    charts.add(figures);
  } else {
    charts.gap();
  }
  if (!state.isPaused) state.shown = figures;
  draw();
}

function draw() {
  drawVerdict();
  if (!state.shown || state.drawn === state.shown) return;
  state.drawn = state.shown;
  drawFindings(state.shown);
  drawGroups(state.shown);
  drawStreams(state.shown);
  tail.offer(state.shown);
}

function pause() {
  state.isPaused = !state.isPaused;
  state.pausedAt = Date.now();
  set($("pause"), "aria-pressed", String(state.isPaused));
  say($("pause"), state.isPaused ? "Go on" : "Pause");
  if (!state.isPaused) state.shown = state.latest;
  draw();
  charts.draw();
}

const KEYS = {
  p: pause,
  "/": () => $("filter").focus(),
  g: () => $("groups").focus(),
  t: () => $("tail-stream").focus(),
  "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  const key = KEYS[event.key];
  if (!key || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  key();
});
$("pause").addEventListener("click", pause);
$("help").addEventListener("click", () => $("keys").showModal());
$("keys-close").addEventListener("click", () => $("keys").close());

follow("api/events", new AbortController().signal, {
  onOpen: () => { state.lostSince = null; },
  onEvent: ({ type, data }) => { if (type === "figures") take(JSON.parse(data)); },
  onLost: (why) => {
    state.lostSince ??= Date.now();
    state.lostWhy = why;
    charts.gap();
    draw();
  },
});
setInterval(drawVerdict, 1_000);
drill();
