// Numbers, ages and names as people read them.

/** The most of a value that is shown in a list. */
const VALUE_MAX = 200;


export const NUMBER = new Intl.NumberFormat("en");
export const count = (it) => (it === null || it === undefined ? "?" : NUMBER.format(it));

export function age(ms) {
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

export function bytes(it) {
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
export function bounded(it) {
  if (!it) return "-";
  return it.quality === "unknown" ? "?" : `${SIGN[it.quality] ?? "? "}${count(it.entries)}`;
}

export function perMinute(it) {
  if (it === null || it === undefined) return "-";
  return it < 10 ? String(Math.round(it * 10) / 10) : count(Math.round(it));
}

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
/** A time of another day has its date. */
export function dated(text) {
  const at = new Date(text);
  const day = at.toLocaleDateString("en-CA");
  return day === new Date().toLocaleDateString("en-CA") ? clock(at) : `${day} ${clock(at)}`;
}
export const short = (text) => (text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);
/** A key of two names: a name may hold any character, so it is written as JSON. */
export const keyed = (...names) => JSON.stringify(names);
export const groupKey = (it) => keyed(it.stream, it.group);

/** Since when a group is paused, until when, by whom and why. */
export function pausedText(it) {
  const until = it.until ? ` until ${it.until}` : "";
  const by = it.by ? ` by ${it.by}` : "";
  return `paused since ${it.since}${until}${by}${it.reason ? `: ${it.reason}` : ""}`;
}
