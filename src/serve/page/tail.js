// New entries of a stream, as they come.

import { follow } from "./ask.js";
import { $, el, say, set, sync } from "./dom.js";
import { entryRow } from "./fields.js";
import { age, count } from "./words.js";

/** Entries of the tail that are kept. */
const TAIL_MAX = 200;

export const tail = {
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

$("tail-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (tail.stopping) tail.stop();
  else if ($("tail-stream").value) tail.start();
});
for (const id of ["tail-stream", "tail-where", "tail-grep"]) {
  $(id).addEventListener("change", () => { if (tail.stopping) tail.start(); });
}
$("tail-pause").addEventListener("click", () => tail.hold());
