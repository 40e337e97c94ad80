// The streams.

import { $, sync } from "./dom.js";
import { streamLink } from "./links.js";
import { deadLetters, fill, makeRow } from "./table.js";
import { age, bytes, count, perMinute } from "./words.js";

const STREAM_CELLS = [["Length", "n"], ["Maxlen", "n"], ["In/min", "n"], ["Newest", "n"], ["Memory", "n"], ["Dead letters", "n"]];

export function drawStreams(figures) {
  $("streams-none").hidden = figures.streams.length > 0;
  const make = (it) => makeRow(STREAM_CELLS, streamLink(it.stream), it.stream, null);
  sync($("streams-rows"), figures.streams, (it) => it.stream, make, (row, it) => {
    const isThere = it.state === "ready";
    const or = (text) => (isThere ? text : "-");
    fill(row, STREAM_CELLS, [
      isThere ? count(it.length) : [it.state, it.state === "missing" ? "warn" : "bad"],
      it.maxlen === null ? "none" : count(it.maxlen),
      or(perMinute(it.added_per_minute)),
      or(age(it.last_age_ms)),
      or(bytes(it.bytes)),
      deadLetters(it),
    ]);
  });
}
