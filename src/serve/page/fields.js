// The fields of entries, as they were written.

import { el } from "./dom.js";
import { entryLink } from "./links.js";
import { short } from "./words.js";

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
export const valueText = (it) => (typeof it === "string" ? it : JSON.stringify(it));

export function prettyValue(it) {
  const text = valueText(it);
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    JSON.parse(text);
    return pretty(text);
  } catch {
    return text;
  }
}

export function entryRow(it) {
  const fields = el("span", { class: "fields" });
  for (const [name, value] of pairsOf(it.fields)) fields.append(el("b", {}, `${short(name)}=`), `${short(valueText(value))} `);
  return el("li", {}, el("a", { class: "id", href: entryLink(it.stream, it.id) }, it.id), fields);
}

export const pairsOf = (fields) => (Array.isArray(fields) ? fields : Object.entries(fields ?? {}));
