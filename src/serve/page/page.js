// The page of `serve`. It asks this server only, changes nothing, and shows other people's text by textContent alone.

/* global uPlot */

const TOKEN = "ucp-streams-token";
/** The least time in which a rate can be measured, and the time in which it is where there is more. */
const PACE_MIN_MS = 30_000;
const PACE_MS = 60_000;
/** How far back the trend looks. */
const TREND_MS = 120_000;
/** Points of the charts: one hour, at most one in two seconds. */
const POINT_MS = 2_000;
const POINTS_MAX = 1_800;
/** Entries of the tail that are kept. */
const TAIL_MAX = 200;
/** A stream of events that is silent for so long is dead: the server shows every 15 seconds that it is there. */
const SILENCE_MS = 40_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** Figures that are late by so much are old. */
const LATE_MS = 8_000;
/** Findings that are shown at once, the worst: fewer where the screen is small. */
const FINDINGS = innerWidth < 700 ? 3 : 5;
/** Pending entries and entries of a drill-down. */
const LISTED = 100;
/** The most that is read of one event or one answer, in characters. */
const TEXT_MAX = 16 << 20;
/** The most of a value that is shown in a list. */
const VALUE_MAX = 200;

// ---------------------------------------------------------------- the document

const $ = (id) => document.getElementById(id);

/** An element with its class, properties and children; text stays text. */
function el(name, about = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(about)) {
    if (value === undefined || value === null) continue;
    if (key === "class") made.className = value;
    else if (key in made && key !== "role") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((it) => it !== null && it !== undefined));
  return made;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function set(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Makes `parent` have one child for each item, in this order, and keeps those that are there: focus and selection stay. */
function sync(parent, items, keyOf, make, update) {
  const there = new Map([...parent.children].map((it) => [it.syncKey, it]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = there.get(key);
    if (child) {
      there.delete(key);
    } else {
      child = make(item);
      child.syncKey = key;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
    update(child, item);
  }
  for (const child of there.values()) child.remove();
}

// ---------------------------------------------------------------- words

const NUMBER = new Intl.NumberFormat("en");
const count = (it) => (it === null || it === undefined ? "?" : NUMBER.format(it));

function age(ms) {
  if (ms === null || ms === undefined) return "-";
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)}s`;
  if (s < 60) return `${Math.floor(s)}s`;
  const two = (whole, rest, a, b) => (rest ? `${whole}${a} ${rest}${b}` : `${whole}${a}`);
  const m = Math.floor(s / 60);
  if (m < 60) return two(m, Math.floor(s % 60), "m", "s");
  const h = Math.floor(m / 60);
  if (h < 24) return two(h, m % 60, "h", "m");
  return two(Math.floor(h / 24), h % 24, "d", "h");
}

function bytes(it) {
  if (it === null || it === undefined) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (it >= 1024 && unit < units.length - 1) {
    it /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? it : it.toFixed(1)} ${units[unit]}`;
}

const SIGN = { known: "", at_least: "≥ ", at_most: "≤ " };

/** A number of which the server does not always know how exact it is. */
function bounded(it) {
  if (!it) return "-";
  return it.quality === "unknown" ? "?" : `${SIGN[it.quality] ?? "? "}${count(it.entries)}`;
}

function perMinute(it) {
  if (it === null || it === undefined) return "-";
  return it < 10 ? String(Math.round(it * 10) / 10) : count(Math.round(it));
}

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
const short = (text) => (text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);
/** A key of two names: a name may hold any character, so it is written as JSON. */
const keyed = (...names) => JSON.stringify(names);
const groupKey = (it) => keyed(it.stream, it.group);

/** Valid JSON with line breaks. Its numbers and strings stay as they were written: a parsed number may lose digits. */
function pretty(text) {
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+|[{}[\],:]/g) ?? [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at];
    if (part === "{" || part === "[") {
      if (parts[at + 1] === (part === "{" ? "}" : "]")) {
        out += part + parts[at + 1];
        at += 1;
      } else {
        depth += 1;
        out += part + line();
      }
    } else if (part === "}" || part === "]") {
      depth -= 1;
      out += line() + part;
    } else if (part === ",") out += `,${line()}`;
    else if (part === ":") out += ": ";
    else out += part;
  }
  return out;
}

/** The text of a field's value: {"base64": …} and lists of repeated fields as they are in the answer. */
const valueText = (it) => (typeof it === "string" ? it : JSON.stringify(it));

function prettyValue(it) {
  const text = valueText(it);
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    JSON.parse(text);
    return pretty(text);
  } catch {
    return text;
  }
}

// ---------------------------------------------------------------- asking

class Refused extends Error {}

async function ask(path, signal) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, signal, cache: "no-store" });
  if (answer.status === 401) {
    sessionStorage.removeItem(TOKEN);
    location.reload();
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  const text = [said.detail ?? `${answer.status} ${answer.statusText}`, said.hint].filter(Boolean).join("; ");
  const refused = new Refused(text);
  // What was asked for is wrong, so that asking again is useless.
  refused.isFinal = answer.status === 400 || answer.status === 404;
  throw refused;
}

async function askJson(path, signal) {
  return (await ask(path, signal)).json();
}

/** Follows server-sent events by fetch, which can send the token in a header. It tries again until `signal` says no. */
async function follow(path, signal, { onEvent, onOpen, onLost }) {
  for (let tries = 0; !signal.aborted; tries += 1) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, { once: true });
    let alarm = setTimeout(stop, SILENCE_MS);
    const alive = () => {
      clearTimeout(alarm);
      alarm = setTimeout(stop, SILENCE_MS);
    };
    let why = "the connection was closed";
    try {
      const answer = await ask(path, attempt.signal);
      alive();
      onOpen();
      for await (const event of eventsOf(answer.body.getReader(), alive)) {
        tries = 0;
        onEvent(event);
      }
    } catch (error) {
      why = error instanceof Refused ? error.message : "no answer";
      if (error.isFinal) {
        onLost(why, null);
        return;
      }
    } finally {
      clearTimeout(alarm);
      signal.removeEventListener("abort", stop);
      attempt.abort();
    }
    if (signal.aborted) return;
    const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
    onLost(why, wait);
    await new Promise((done) => {
      const timer = setTimeout(done, wait);
      signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
    });
  }
}

async function* eventsOf(reader, alive) {
  const decoder = new TextDecoder();
  let rest = "";
  let event = { type: "message", data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    rest += decoder.decode(value, { stream: true });
    if (rest.length > TEXT_MAX) throw new Error("an event is too large");
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const whole of lines) {
      const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
      if (line === "") {
        if (event.data.length > 0) yield { type: event.type, data: event.data.join("\n") };
        event = { type: "message", data: [] };
        continue;
      }
      const at = line.indexOf(":");
      if (at === 0) continue;
      const field = at < 0 ? line : line.slice(0, at);
      const text = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
      if (field === "event") event.type = text;
      else if (field === "data") event.data.push(text);
    }
  }
}

// ---------------------------------------------------------------- what was seen

/** The figures shown, those that came last, and when they came by this machine's clock. */
const state = { shown: null, latest: null, drawn: null, isWhole: false, cameAt: 0, lostSince: null, lostWhy: "", isPaused: false, pausedAt: 0 };

/** What the rates of streams and the trends are made from, by group and by stream: at most TREND_MS of it. */
const sights = new Map();

function remember(figures) {
  const at = Date.parse(figures.at);
  const seen = new Set();
  const add = (key, sight) => {
    seen.add(key);
    const list = sights.get(key) ?? [];
    const last = list.at(-1);
    if (last && last.at === at) return;
    // A counter that went back is that of another stream.
    const wentBack = last && (last.at > at || sight.added < last.added);
    if (wentBack) list.length = 0;
    list.push({ at, ...sight });
    while (list.length > 2 && list[1].at <= at - TREND_MS) list.shift();
    sights.set(key, list);
  };
  for (const stream of figures.streams) {
    add(keyed(stream.stream), { added: stream.entries_added });
    for (const group of stream.groups) {
      if (group.state !== "ready") continue;
      add(groupKey(group), { lag: group.lag });
    }
  }
  for (const key of sights.keys()) if (!seen.has(key)) sights.delete(key);
}

/** The two sights between which a rate is measured: PACE_MS apart, and PACE_MIN_MS at least. */
function span(key) {
  const list = sights.get(key) ?? [];
  const now = list.at(-1);
  if (!now) return null;
  const then = list.findLast((it) => it.at <= now.at - PACE_MS) ?? list[0];
  const ms = now.at - then.at;
  return ms >= PACE_MIN_MS ? { then, now, ms } : null;
}

/** Entries added per minute. */
function added(key) {
  const over = span(key);
  if (!over || over.now.added === null || over.then.added === null) return null;
  return ((over.now.added - over.then.added) * 60_000) / over.ms;
}

/** How fast a group reads, and when it will have caught up, as the server saw it: "never" where it falls behind or reads nothing. */
function pace(it) {
  if (!(it.pace_window_ms >= PACE_MIN_MS)) return { in: added(keyed(it.stream)), out: null, catchUp: null };
  const { delivered_per_minute: out, gained_per_minute: gained, catch_up_ms: catchUp } = it;
  const isStuck = out === 0 || (gained !== null && gained < 0);
  const hasWork = ["known", "at_least"].includes(it.lag?.quality) && it.lag.entries > 0;
  return { in: gained === null ? added(keyed(it.stream)) : out - gained, out, catchUp: catchUp ?? (isStuck && hasWork ? "never" : null) };
}

const TRENDS = {
  up: ["↑", "growing"],
  down: ["↓", "shrinking"],
  steady: ["→", "steady"],
};

function trend(key) {
  const list = (sights.get(key) ?? []).filter((it) => it.lag && it.lag.quality !== "unknown");
  const now = list.at(-1);
  if (!now || now.at - list[0].at < PACE_MIN_MS) return null;
  const change = now.lag.entries - list[0].lag.entries;
  const least = Math.max(1, 0.05 * Math.max(now.lag.entries, list[0].lag.entries));
  if (Math.abs(change) < least) return "steady";
  return change > 0 ? "up" : "down";
}

// ---------------------------------------------------------------- figures

const groupsOf = (figures) => figures.streams.flatMap((stream) => stream.groups.map((group) => ({ ...group, in: stream })));

function take(figures) {
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

function drawVerdict() {
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
}

function drawFindings(figures) {
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
  const isCut = more > 1 && !state.isWhole;
  $("findings-more").hidden = more <= 1;
  say($("findings-more"), isCut ? `Show ${count(more)} more` : "Show fewer");
  sync($("findings-list"), isCut ? items.slice(0, FINDINGS) : items, (it) => it.key, makeFinding, (row, it) => {
    const { tag, about, what, why, code, next } = row.parts;
    set(row, "data-severity", it.severity.toLowerCase());
    say(tag, it.severity.toUpperCase());
    say(about, it.group !== null ? `${it.group} on ${it.stream}` : it.stream ?? "the server");
    say(what, it.summary);
    say(why, it.why);
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
    why: el("p", { class: "why" }),
    code: el("code"),
  };
  const copy = el("button", { type: "button" }, "Copy");
  copy.setAttribute("aria-label", "Copy the command");
  copy.addEventListener("click", () => copyText(parts.code, copy));
  parts.next = el("div", { class: "next" }, el("pre", {}, parts.code), copy);
  const row = el("li", {}, el("p", { class: "what" }, parts.tag, parts.about, " ", parts.what), parts.why, parts.next);
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

const GROUP_CELLS = [
  ["Behind", "n"], ["Lag", "n"], ["Trend", ""], ["In/min", "n"], ["Out/min", "n"], ["Caught up in", "n"], ["Pending", "n"],
  ["Oldest", "n"], ["Room", "n"], ["Live", "n"], ["Dead", "n"], ["Breaker", ""],
];
const STREAM_CELLS = [["Length", "n"], ["Maxlen", "n"], ["In/min", "n"], ["Newest", "n"], ["Memory", "n"], ["Dead letters", "n"]];

function makeRow(cells, href, name, below) {
  const head = el("th", { scope: "row", role: "rowheader" }, el("a", { href }, name));
  if (below !== null) head.append(el("span", { class: "quiet" }, below));
  const made = cells.map(([label, kind]) => el("td", { class: kind, role: "cell", "data-label": label }));
  return el("tr", { role: "row" }, head, ...made);
}

/** Writes a row: each cell is its text, or its text with a class and an explanation. */
function fill(row, cells, values) {
  values.forEach((value, at) => {
    const cell = row.cells[at + 1];
    const [text, tone = "", title = null] = Array.isArray(value) ? value : [value];
    say(cell, text);
    const kind = `${cells[at][1]} ${tone}`.trim();
    if (cell.className !== kind) cell.className = kind;
    set(cell, "title", title);
  });
}

/** The furthest behind first; before them what is missing, and what nobody knows. */
function byLag(a, b) {
  const rank = (it) => (it.state !== "ready" ? 0 : it.lag?.quality === "unknown" ? 1 : 2);
  return rank(a) - rank(b) || (b.undelivered_age_ms ?? -1) - (a.undelivered_age_ms ?? -1)
    || (b.lag?.entries ?? 0) - (a.lag?.entries ?? 0) || (a.group < b.group ? -1 : 1);
}

function drawGroups(figures) {
  const all = groupsOf(figures);
  const wanted = $("filter").value.trim().toLowerCase();
  const rows = all.filter((it) => `${it.group}\n${it.stream}`.toLowerCase().includes(wanted)).sort(byLag);
  say($("groups-none"), all.length > 0 ? `None of the ${count(all.length)} groups has this name.` : "No group.");
  $("groups-none").hidden = rows.length > 0;
  const make = (it) => makeRow(GROUP_CELLS, groupLink(it), it.group, it.stream);
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
    [`${count(it.live)}/${it.live === null ? "?" : count(it.consumers.length)}`, it.live === 0 && hasWork ? "bad" : it.live === null ? "warn" : toneOf(findings, "live")],
    [count(it.in.dead_letters), it.in.dead_letters === 0 ? "" : "warn"],
    breaker ? ["open", "bad", `since ${breaker.since}: ${breaker.reason}`] : ["closed", "quiet"],
  ];
}

const QUALITY = {
  known: "exactly",
  at_least: "at least as many: counting stopped",
  at_most: "at most as many: entries were deleted or trimmed",
  unknown: "the server cannot say; ucp-streams lag --exact counts",
};

function drawStreams(figures) {
  $("streams-none").hidden = figures.streams.length > 0;
  const make = (it) => makeRow(STREAM_CELLS, streamLink(it.stream), it.stream, null);
  sync($("streams-rows"), figures.streams, (it) => it.stream, make, (row, it) => {
    const isThere = it.state === "ready";
    const or = (text) => (isThere ? text : "-");
    fill(row, STREAM_CELLS, [
      isThere ? count(it.length) : [it.state, it.state === "missing" ? "warn" : "bad"],
      it.maxlen === null ? "none" : count(it.maxlen),
      or(perMinute(it.rate_per_minute)),
      or(age(it.last_age_ms)),
      or(bytes(it.bytes)),
      [count(it.dead_letters), it.dead_letters === 0 ? "" : "warn"],
    ]);
  });
}

// ---------------------------------------------------------------- charts

const isDark = matchMedia("(prefers-color-scheme: dark)");
const COLOURS = {
  light: ["#0b5cad", "#b3541e", "#1a7040", "#8a3ea8", "#a8871b", "#0e7c86", "#b3246b", "#5b636d"],
  dark: ["#79b8ff", "#f0985f", "#6fcf97", "#c795e0", "#e3c65b", "#5cc8d2", "#f08bbd", "#9ea7b1"],
};

class Chart {
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
      width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [6, 12, 0, 0],
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

const HEIGHT = 182;

function makeLegend() {
  const parts = { mark: el("span", { class: "mark" }), name: el("span"), value: el("span", { class: "quiet" }) };
  const row = el("li", {}, parts.mark, parts.name, " ", parts.value);
  row.parts = parts;
  return row;
}

const charts = {
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
    this.rate.add(at, figures.streams.map((it) => ({ key: keyed(it.stream), label: it.stream, value: added(keyed(it.stream)) })));
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

// ---------------------------------------------------------------- tail

const tail = {
  stopping: null,
  isHeld: false,
  held: [],
  tally: { shown: 0, missed: 0, leftOut: 0, gaps: 0 },
  state: "",

  /** The streams that can be followed. What is chosen stays. */
  offer(figures) {
    const select = $("tail-stream");
    const names = figures.streams.map((it) => it.stream);
    const isFirst = select.options.length === 0;
    sync(select, names, (it) => it, (it) => el("option", { value: it }, it), () => {});
    const busiest = figures.streams.reduce((a, b) => ((b.entries_added ?? 0) > (a?.entries_added ?? 0) ? b : a), null);
    if (isFirst && busiest) select.value = busiest.stream;
  },

  start() {
    this.stop();
    const stopping = new AbortController();
    this.stopping = stopping;
    const query = new URLSearchParams();
    const [where, grep] = [$("tail-where").value.trim(), $("tail-grep").value];
    if (where) query.append("where", where);
    if (grep) query.append("grep", grep);
    const path = `api/streams/${encodeURIComponent($("tail-stream").value)}/tail?${query}`;
    Object.assign(this, { held: [], tally: { shown: 0, missed: 0, leftOut: 0, gaps: 0 } });
    $("tail-list").replaceChildren();
    say($("tail-start"), "Stop");
    $("tail-pause").disabled = false;
    this.tell("Connecting");
    follow(path, stopping.signal, {
      onOpen: () => this.tell("Following"),
      onEvent: (event) => this.take(event),
      onLost: (why, wait) => {
        if (wait === null) {
          this.stop();
          this.tell(`Not following: ${why}`);
        } else {
          this.note(`The connection was lost (${why}): entries may be missing here.`);
          this.tell(`Trying again in ${age(wait)}`);
        }
      },
    });
  },

  stop() {
    this.stopping?.abort();
    this.stopping = null;
    if (this.isHeld) this.hold();
    say($("tail-start"), "Follow");
    $("tail-pause").disabled = true;
    this.tell("Not following");
  },

  hold() {
    this.isHeld = !this.isHeld;
    set($("tail-pause"), "aria-pressed", String(this.isHeld));
    if (!this.isHeld) for (const row of this.held.splice(0)) this.show(row);
    this.tell(this.state);
  },

  tell(text) {
    this.state = text;
    const { shown, missed, leftOut, gaps } = this.tally;
    const parts = [text, `${count(shown)} shown`];
    if (missed) parts.push(`${count(missed)} missed, because this page was too slow`);
    if (leftOut) parts.push(`${count(leftOut)} left out, because the filter could not judge them`);
    if (gaps) parts.push(gaps === 1 ? "1 gap" : `${count(gaps)} gaps`);
    if (this.isHeld) parts.push(`held; ${count(this.held.length)} wait`);
    const line = this.stopping === null && shown === 0 ? `${text}.` : `${parts.join("; ")}.`;
    if (line !== this.line) {
      this.line = line;
      say($("tail-state"), line);
    }
  },

  take({ type, data }) {
    if (type === "failed") {
      this.note(`The stream could not be read: ${data}`);
      return;
    }
    const it = JSON.parse(data);
    if (type === "entry") {
      this.tally.shown += 1;
      this.add(entryRow(it));
    } else if (type === "left-out") {
      this.tally.leftOut += 1;
      this.note(`${it.id} was left out: ${it.why}`);
    } else if (type === "missed") {
      this.tally.missed += it.missed;
      this.note(`${count(it.missed)} events were missed, because this page was too slow.`);
    } else if (type === "gap") {
      this.tally.gaps += 1;
      this.note(`Gap: entries were trimmed or deleted before they could be shown. ${data}`);
    }
    this.tell(this.state);
  },

  note(text) {
    this.add(el("li", { class: "warn" }, text));
  },

  add(row) {
    if (!this.isHeld) this.show(row);
    else {
      this.held.push(row);
      if (this.held.length > TAIL_MAX) this.held.shift();
    }
  },

  show(row) {
    const list = $("tail-list");
    list.prepend(row);
    while (list.children.length > TAIL_MAX) list.lastElementChild.remove();
  },
};

function entryRow(it) {
  const fields = el("span", { class: "fields" });
  for (const [name, value] of pairsOf(it.fields)) fields.append(el("b", {}, `${short(name)}=`), `${short(valueText(value))} `);
  return el("li", {}, el("a", { class: "id", href: entryLink(it.stream, it.id) }, it.id), fields);
}

const pairsOf = (fields) => (Array.isArray(fields) ? fields : Object.entries(fields ?? {}));

$("tail-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (tail.stopping) tail.stop();
  else if ($("tail-stream").value) tail.start();
});
for (const id of ["tail-stream", "tail-where", "tail-grep"]) {
  $(id).addEventListener("change", () => { if (tail.stopping) tail.start(); });
}
$("tail-pause").addEventListener("click", () => tail.hold());

// ---------------------------------------------------------------- drill-down

const link = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
const streamLink = (stream) => link("stream", stream);
const groupLink = (it) => link("group", it.stream, it.group);
const entryLink = (stream, id) => link("entry", stream, id);

let drilling = null;
let cameFrom = null;

/** Shows what the address names; the back button goes back. */
async function drill() {
  drilling?.abort();
  const dialog = $("drill");
  const [kind, ...names] = location.hash.startsWith("#/") ? location.hash.slice(2).split("/").map(decoded) : [];
  const view = { stream: drillStream, group: drillGroup, entry: drillEntry }[kind];
  if (!view) {
    if (dialog.open) dialog.close();
    return;
  }
  drilling = new AbortController();
  const { signal } = drilling;
  if (!dialog.open) {
    cameFrom = document.activeElement;
    dialog.showModal();
  }
  say($("drill-title"), names.at(-1));
  $("drill-path").replaceChildren();
  $("drill-body").replaceChildren(el("p", { class: "none" }, "Asking …"));
  $("drill-title").focus();
  try {
    const { path, body } = await view(signal, ...names);
    if (signal.aborted) return;
    $("drill-path").replaceChildren(...path.flatMap((it, at) => (at === 0 ? [it] : [" › ", it])));
    $("drill-body").replaceChildren(...body.filter(Boolean));
  } catch (error) {
    if (signal.aborted) return;
    $("drill-body").replaceChildren(el("p", { class: "bad" }, error instanceof Refused ? error.message : "ucp-streams serve does not answer."));
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", { class: "facts" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))));
}

function listing(label, heads, rows) {
  const cells = heads.map(([it, kind]) => el("th", { scope: "col", role: "columnheader", class: kind ?? "" }, it));
  const body = rows.map((row) => el("tr", { role: "row" }, ...row.map((it, at) => (at === 0
    ? el("th", { scope: "row", role: "rowheader" }, it)
    : el("td", { class: heads[at][1] ?? "", role: "cell", "data-label": heads[at][0] }, it)))));
  const table = el("table", { role: "table" }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...cells)), el("tbody", { role: "rowgroup" }, ...body));
  return el("div", { class: "wide", role: "region", "aria-label": label, tabIndex: 0 }, table);
}

async function drillStream(signal, name) {
  const it = state.latest?.streams.find((row) => row.stream === name);
  const entries = await askJson(`api/streams/${encodeURIComponent(name)}?count=20&reverse=true`, signal);
  const list = el("ol", { id: "drill-entries" }, ...entries.map(entryRow));
  return {
    path: [el("span", {}, "Stream")],
    body: [
      it && facts([
        ["State", it.state], ["Length", count(it.length)], ["Maxlen", it.maxlen === null ? "none" : count(it.maxlen)],
        ["Ever added", count(it.entries_added)], ["Oldest entry", it.first_time], ["Newest entry", it.last_time],
        ["Memory", bytes(it.bytes)], ["Dead letters", count(it.dead_letters)], ["Room", bounded(it.headroom)],
        ["Slowest group", it.slowest_group],
      ]),
      it && it.groups.length > 0 && el("h3", {}, "Groups"),
      it && it.groups.length > 0 && listing("Groups of the stream", [["Group"], ["Lag", "n"], ["Pending", "n"], ["Live", "n"]], it.groups.map((group) => [
        el("a", { href: groupLink(group) }, group.group), bounded(group.lag), count(group.pending), count(group.live),
      ])),
      el("h3", {}, "Newest entries"),
      entries.length > 0 ? list : el("p", { class: "none" }, "None."),
    ],
  };
}

async function drillGroup(signal, stream, name) {
  const it = state.latest && groupsOf(state.latest).find((row) => row.stream === stream && row.group === name);
  const query = new URLSearchParams({ group: name, count: LISTED });
  const pending = await askJson(`api/streams/${encodeURIComponent(stream)}/pending?${query}`, signal);
  const breaker = it?.circuit_breaker;
  return {
    path: [el("a", { href: streamLink(stream) }, stream), el("span", {}, "Group")],
    body: [
      it && facts([
        ["State", it.state], ["Lag", bounded(it.lag)], ["Behind", age(it.undelivered_age_ms)], ["Pending", count(it.pending)],
        ["Last delivered", it.last_delivered_id], ["First undelivered", it.undelivered_id],
        ["Lost before delivery", bounded(it.lost)], ["Room", bounded(it.headroom)],
        ["Alerts", it.alerts.join(", ") || "none"],
      ]),
      breaker && el("p", { class: "bad" }, `The circuit breaker is open since ${breaker.since}, by ${breaker.consumer}: ${breaker.reason}`),
      el("h3", {}, "Consumers"),
      it && it.consumers.length > 0
        ? listing("Consumers", [["Consumer"], ["Pending", "n"], ["Idle", "n"], ["Nothing received for", "n"]], it.consumers.map((row) => [
          row.consumer, count(row.pending), age(row.idle_ms), age(row.inactive_ms),
        ]))
        : el("p", { class: "none" }, it?.live === null ? "Unknown: the user of ucp-streams serve may not ask." : "None."),
      el("h3", {}, pending.has_more ? `Pending entries, the first ${count(pending.entries.length)} of ${count(pending.pending)}` : "Pending entries"),
      pending.entries.length > 0
        ? listing("Pending entries", [["Entry"], ["Consumer"], ["Age", "n"], ["Idle", "n"], ["Deliveries", "n"], ["Last reason"]], pending.entries.map((row) => [
          el("a", { href: entryLink(stream, row.id) }, row.id), row.consumer, age(row.age_ms), age(row.idle_ms),
          row.is_fatal ? "given up" : count(row.deliveries), row.last_reason ?? "-",
        ]))
        : el("p", { class: "none" }, "None."),
    ],
  };
}

async function drillEntry(signal, stream, id) {
  const query = new URLSearchParams({ startId: id, endId: id, count: 1 });
  const [entry] = await askJson(`api/streams/${encodeURIComponent(stream)}?${query}`, signal);
  const path = [el("a", { href: streamLink(stream) }, stream), el("span", {}, "Entry")];
  if (!entry) {
    const text = "This entry is not in the stream any more: it was trimmed or deleted.";
    return { path, body: [el("p", { class: "warn" }, text)] };
  }
  const fields = pairsOf(entry.fields).map(([name, value]) => el("div", { class: "field" }, el("dt", {}, name), el("dd", {}, el("pre", {}, prettyValue(value)))));
  return { path, body: [el("p", { class: "quiet" }, `Added ${entry.time}`), el("dl", { id: "drill-fields" }, ...fields)] };
}

$("drill").addEventListener("close", () => {
  drilling?.abort();
  if (location.hash.startsWith("#/")) history.pushState(null, "", location.pathname);
  if (cameFrom?.isConnected) cameFrom.focus();
});
$("drill-close").addEventListener("click", () => $("drill").close());
addEventListener("hashchange", drill);
addEventListener("popstate", drill);

// ---------------------------------------------------------------- keys and buttons

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
$("findings-more").addEventListener("click", () => {
  state.isWhole = !state.isWhole;
  if (state.shown) drawFindings(state.shown);
});
$("filter").addEventListener("input", () => { if (state.shown) drawGroups(state.shown); });

// ---------------------------------------------------------------- begin

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
