// Building elements. Text only ever becomes text nodes, so nothing a person writes can become markup.

const GOLDEN_ANGLE = 137.508; // degrees: neighbouring sums get colours far apart
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties, attributes (aria-…, data-…, role) and children; strings become text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An icon of /static/icons.svg. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Give an avatar the initials of a name and a colour that stays the same for it. */
export function paintAvatar(element, name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  element.textContent = letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
  const sum = [...name].reduce((total, letter) => (total * 31 + letter.codePointAt(0)) % 65_521, 7);
  const hue = Math.round(sum * GOLDEN_ANGLE) % 360;
  element.style.setProperty("--hue", hue);
  return element;
}

let toastTimer;

/** Say briefly what went wrong. */
export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (element.hidden = true), 6000);
}

/** Do something, and say so briefly if it fails; true when it did not. */
export async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}
