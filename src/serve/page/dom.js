// Elements: made, changed, and kept where they are. Text stays text.

export const $ = (id) => document.getElementById(id);

/** An element with its class, properties and children; text stays text. */
export function el(name, about = {}, ...children) {
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

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Makes `parent` have one child for each item, in this order, and keeps those that are there: focus and selection stay. */
export function sync(parent, items, keyOf, make, update) {
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
