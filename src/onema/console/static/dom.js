// Builds elements. Texts come from strangers: they only ever become text nodes and attributes.

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

export function avatar(text, hueOf) {
  const node = element("i", { class: "avatar", "aria-hidden": "true" }, text);
  node.style.setProperty("--hue", hue(hueOf));
  return node;
}

export function hue(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

export function spacedNumber(number) {
  // Mobile numbers of Vietnam and China, and Vietnamese landlines.
  const groups = /^(\+84)(\d{3})(\d{3})(\d{3})$|^(\+86)(\d{3})(\d{4})(\d{4})$|^(\+84)(2\d)(\d{4})(\d{4})$/.exec(number);
  return groups ? groups.slice(1).filter(Boolean).join(" ") : number;
}

const texts = JSON.parse(byId("words").textContent);
/** The text in the page's language (words.py), `{name}` in it replaced. */
export const say = (text, values = {}) =>
  Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, () => value), texts[text] ?? text);

const language = document.documentElement.lang;
// The reader's own region where it is of the page's language: en-GB has other dates than en-US.
const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
const clockFormat = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const shortDayFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
export const clock = (date) => clockFormat.format(date);
export const shortDay = (date) => shortDayFormat.format(date);
export const longDay = (date) => dayFormat.format(date);
export const minutes = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export function dayName(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  return [say("Today"), say("Yesterday")][days] ?? longDay(date);
}

let hiding;
export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  node.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => node.classList.remove("shown"), 1600);
}

export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    // Browsers forbid the clipboard on plain http away from localhost.
    toast(say("The browser did not allow to copy"));
  }
}
