// From a stream or a group to its consumers, entries and their bodies.

import { Refused, askJson } from "./ask.js";
import { $, el, say } from "./dom.js";
import { entryRow, pairsOf, prettyValue, valueText } from "./fields.js";
import { deadLettersLink, entryLink, groupLink, streamLink } from "./links.js";
import { groupsOf, state } from "./seen.js";
import { age, bounded, bytes, count, pausedText, short } from "./words.js";

/** Pending entries and entries of a drill-down. */
const LISTED = 100;

let drilling = null;
let cameFrom = null;

/** Shows what the address names; the back button goes back. */
export async function drill() {
  drilling?.abort();
  const dialog = $("drill");
  const [kind, ...names] = location.hash.startsWith("#/") ? location.hash.slice(2).split("/").map(decoded) : [];
  const view = { stream: drillStream, group: drillGroup, entry: drillEntry, "dead-letters": drillDeadLetters }[kind];
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
  return el("dl", { class: "facts" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
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
        ["Memory", bytes(it.bytes)], ["Dead letters", it.dead_letters > 0 ? el("a", { href: deadLettersLink(it) }, count(it.dead_letters)) : count(it.dead_letters)], ["Room", bounded(it.headroom)],
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

/** Dead letters, the newest first: which entries they were, and why they died. */
async function drillDeadLetters(signal, stream, deadLetters) {
  const query = new URLSearchParams({ count: LISTED, reverse: true });
  const entries = await askJson(`api/streams/${encodeURIComponent(deadLetters)}?${query}`, signal);
  const total = state.latest?.streams.find((row) => row.stream === stream)?.dead_letters;
  const heads = [["Dead letter"], ["Was"], ["Group"], ["Deliveries", "n"], ["Since"], ["Reason"]];
  const rows = entries.map((entry) => {
    const fields = new Map(pairsOf(entry.fields));
    const text = (name) => (fields.has(name) ? valueText(fields.get(name)) : "-");
    const reason = text("_dlq_reason").trim().split("\n").at(-1);
    return [
      el("a", { href: entryLink(deadLetters, entry.id) }, entry.id), short(text("_dlq_id")), short(text("_dlq_group")),
      short(text("_dlq_deliveries")), short(text("_dlq_time")), short(reason),
    ];
  });
  const isCut = total > rows.length;
  return {
    path: [el("a", { href: streamLink(stream) }, stream), el("span", {}, "Dead letters")],
    body: [
      el("h3", {}, isCut ? `The newest ${count(rows.length)} of ${count(total)}` : "The newest first"),
      rows.length > 0 ? listing("Dead letters", heads, rows) : el("p", { class: "none" }, "None."),
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
      it?.paused && el("p", { class: "warn" }, `This group is ${pausedText(it.paused)}`),
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
