// Questions to `serve`, with the token where it needs one, and its streams of events.

const TOKEN = "ucp-streams-token";
/** A stream of events that is silent for so long is dead: the server shows every 15 seconds that it is there. */
const SILENCE_MS = 40_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** The most that is read of one event or one answer, in characters. */
const TEXT_MAX = 16 << 20;

export class Refused extends Error {}

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

export async function askJson(path, signal) {
  return (await ask(path, signal)).json();
}

/** Follows server-sent events by fetch, which can send the token in a header. It tries again until `signal` says no. */
export async function follow(path, signal, { onEvent, onOpen, onLost }) {
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
