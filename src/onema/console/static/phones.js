// Which phones there are, what is known of each, and the list of them.

import { avatar, byId, clock, dayName, element, say, shortDay, spacedNumber } from "./dom.js";
import { aroundTheCode } from "./thread.js";

const KEPT_PER_PHONE = 500;
const LISTED = 300;
// A page that is open beside a load test meets a new phone with every message.
const KEPT = 1000;
const phones = new Map(); // number -> { number, items (oldest first), unread, complete }
const list = byId("phones");
const search = byId("search");
let listIsStale = false;
let isAsking = false;
let pick = () => {};
let picked = () => "";

export const phoneOf = (number) => phones.get(number);
export const unread = () => [...phones.values()].reduce((sum, phone) => sum + phone.unread, 0);
export const newestFirst = () => [...phones.values()].filter(hasItems).sort((a, b) => isOlder(b.items.at(-1), a.items.at(-1)));
const hasItems = (phone) => phone.items.length > 0;

/** `onpick` is called with the number that somebody chose; `current` tells which one is shown. */
export function startList(onpick, current) {
  pick = onpick;
  picked = current;
  return ask("");
}

/** The phone of an item, which is now in its place; null when it was known. */
export function keep(item) {
  const phone = known(item.to);
  if (phone.items.some((other) => other.id === item.id)) return null;
  let place = phone.items.length;
  while (place > 0 && isOlder(phone.items[place - 1], item) > 0) place--;
  phone.items.splice(place, 0, item);
  if (phone.items.length > KEPT_PER_PHONE) phone.items.shift();
  redrawList();
  return phone;
}

export function known(number) {
  if (!phones.has(number)) phones.set(number, { number, items: [], unread: 0, complete: false });
  return phones.get(number);
}

// Ids are decimal strings of more digits than a number holds; longer is larger.
const isOlder = (a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1);

/** The newest message of each phone, from the inbox: the event stream tells only of the newest messages. */
async function ask(number) {
  isAsking = true;
  const answer = await fetch(`/handset/phones?limit=${LISTED}&number=${encodeURIComponent(number)}`).catch(() => null);
  if (answer?.ok) (await answer.json()).forEach(keep);
  isAsking = false;
  redrawList();
}

export function redrawList() {
  if (listIsStale) return;
  listIsStale = true;
  requestAnimationFrame(() => {
    listIsStale = false;
    const all = newestFirst();
    for (const { number } of all.splice(KEPT)) if (number !== picked()) phones.delete(number);
    const found = all.filter(matcher(search.value)).slice(0, LISTED);
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.number : null;
    list.replaceChildren(...found.map(row));
    if (focused) list.querySelector(`[data-number="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    byId("count").textContent = all.length < LISTED ? all.length || "" : `${LISTED}+`;
    search.hidden = all.length < 2 && !search.value;
    showHint(found.length);
  });
}

function showHint(found) {
  const text = search.value.trim();
  let hint = "";
  if (!found && text) hint = isAsking ? "" : say("No phone has “{text}”.", { text });
  else if (!found) hint = say("A number appears here as soon as it receives a code.");
  else if (found === LISTED) hint = say("These are the newest {count}. Older ones are found by their number.", { count: LISTED });
  byId("phones-hint").textContent = hint;
}

/** By any spelling of a part of the number, or by what a message says. */
function matcher(wanted) {
  const text = wanted.trim().toLowerCase();
  const digits = /\p{L}/u.test(text) ? "" : text.replace(/\D/g, "").replace(/^0+/, "");
  return ({ number, items }) =>
    !text ||
    (digits && number.includes(digits)) ||
    items.some((item) => item.text.toLowerCase().includes(text) || item.from.toLowerCase().includes(text));
}

let asking;
search.addEventListener("input", () => {
  clearTimeout(asking);
  if (/\d{2}/.test(search.value)) asking = setTimeout(ask, 150, search.value);
  redrawList();
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") list.querySelector("button")?.click();
});

function row(phone) {
  const newest = phone.items.at(-1);
  const at = new Date(newest.received_at);
  const when = dayName(at) === say("Today") ? clock(at) : shortDay(at);
  const [before, code, after] = aroundTheCode(newest);
  const words = newest.channel === "call" ? [say("Call from {number}", { number: spacedNumber(newest.from) }), ""] : [before, after];
  const button = element(
    "button",
    {
      type: "button",
      "data-number": phone.number,
      "aria-current": phone.number === picked(),
      class: phone.unread ? "is-unread" : null,
      title: newest.script ? say(newest.script) : null,
      onclick: () => pick(phone.number),
    },
    avatar(phone.number.slice(-2), phone.number),
    element("span", { class: "number" }, spacedNumber(phone.number)),
    phone.unread
      ? element("span", { class: "unread", role: "img", "aria-label": say("{count} unread", { count: phone.unread }) }, String(phone.unread))
      : null,
    // The code never gives way; the words around it do.
    element("span", { class: "preview" }, ...(words[0].trim() ? [element("span", {}, words[0])] : []), ...(code ? [element("b", {}, code)] : []), element("span", { class: "rest" }, words[1])),
    element("span", { class: "when" }, when),
  );
  return element("li", {}, button);
}
