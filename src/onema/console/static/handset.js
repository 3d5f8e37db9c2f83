// The page: which phones there are, which one is looked at, and what the event stream tells.

import { forgetCallsExcept, isCalling, showCall } from "./call.js";
import { avatar, byId, clock, copy, dayName, element, longDay, spacedNumber } from "./dom.js";
import { addToThread, showThread } from "./thread.js";

const KEPT_PER_PHONE = 500;
const KEPT_PHONES = 200;
const phones = new Map(); // number -> { number, items (oldest first), unread, complete }
let selected = decodeURIComponent(location.hash.slice(1));
let caughtUp = false;
let listIsStale = false;

function receive(item) {
  let phone = phones.get(item.to);
  if (!phone) phones.set(item.to, (phone = { number: item.to, items: [], unread: 0, complete: false }));
  if (phone.items.some((known) => known.id === item.id)) return;
  insert(phone.items, item);
  if (phone.items.length > KEPT_PER_PHONE) phone.items.shift();
  if (caughtUp && (item.to !== selected || document.hidden)) phone.unread += 1;
  redrawList();
  if (!caughtUp) return;
  if (!phones.has(selected)) select(item.to);
  else if (item.to === selected) addToThread(phone.items, item);
}

// Ids are decimal strings of more digits than a number holds; longer is larger.
const isOlder = (a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1);

function insert(items, item) {
  let place = items.length;
  while (place > 0 && isOlder(items[place - 1], item) > 0) place--;
  items.splice(place, 0, item);
}

function select(number) {
  selected = number;
  history.replaceState(null, "", `#${encodeURIComponent(number)}`);
  const phone = phones.get(number);
  phone.unread = 0;
  showPhone();
  redrawList();
  if (!phone.complete) complete(phone);
  requestAnimationFrame(() => {
    document.querySelector("#phones [aria-current='true']")?.scrollIntoView({ block: "nearest", inline: "center" });
  });
}

async function complete(phone) {
  phone.complete = true;
  const answer = await fetch(`/handset/messages?limit=200&to=${encodeURIComponent(phone.number)}`).catch(() => null);
  if (!answer?.ok) return;
  const known = new Set(phone.items.map((item) => item.id));
  const missing = (await answer.json()).filter((item) => !known.has(item.id));
  missing.forEach((item) => insert(phone.items, item));
  if (missing.length && selected === phone.number) showPhone();
}

function showPhone() {
  const phone = phones.get(selected);
  if (!isCalling()) byId("screen").dataset.showing = phone ? "thread" : "nothing";
  if (phone) showThread([...phone.items]);
}

function redrawList() {
  if (listIsStale) return;
  listIsStale = true;
  requestAnimationFrame(() => {
    listIsStale = false;
    const newestFirst = [...phones.values()].sort((a, b) => isOlder(b.items.at(-1), a.items.at(-1)));
    for (const { number } of newestFirst.splice(KEPT_PHONES)) if (number !== selected) phones.delete(number);
    const list = byId("phones");
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.number : null;
    list.replaceChildren(...newestFirst.map(row));
    if (focused) list.querySelector(`[data-number="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    byId("no-phones").hidden = phones.size > 0;
    byId("count").textContent = phones.size || "";
    const unread = newestFirst.reduce((sum, phone) => sum + phone.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ""}Handset · onema`;
  });
}

function row(phone) {
  const newest = phone.items.at(-1);
  const at = new Date(newest.received_at);
  const when = dayName(at) === "Today" ? clock(at) : at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const button = element(
    "button",
    {
      type: "button",
      "data-number": phone.number,
      "aria-current": phone.number === selected,
      class: phone.unread ? "is-unread" : null,
      title: newest.script ? `Scripted: ${newest.script}` : null,
      onclick: () => select(phone.number),
    },
    avatar(phone.number.slice(-2), phone.number),
    element("span", { class: "number" }, spacedNumber(phone.number)),
    phone.unread ? element("span", { class: "unread", role: "img", "aria-label": `${phone.unread} unread` }, String(phone.unread)) : null,
    element("span", { class: "preview" }, newest.channel === "call" ? `Call from ${spacedNumber(newest.from)}` : newest.text),
    element("span", { class: "when" }, when),
  );
  return element("li", {}, button);
}

function catchUp(rung) {
  forgetCallsExcept(rung);
  if (caughtUp) return;
  caughtUp = true;
  if (phones.has(selected)) return select(selected);
  const newest = [...phones.values()].sort((a, b) => isOlder(b.items.at(-1), a.items.at(-1)))[0];
  if (newest) select(newest.number);
  else showPhone();
}

function listen() {
  let rung = new Set();
  const stream = new EventSource("/handset/events");
  stream.addEventListener("open", () => {
    rung = new Set();
    showState("live", "Live");
  });
  stream.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  stream.addEventListener("call", (event) => {
    const ring = JSON.parse(event.data);
    rung.add(ring.id);
    if (phones.has(ring.to) && ring.to !== selected && ring.state === "ringing" && !isCalling()) select(ring.to);
    showCall(ring);
  });
  stream.addEventListener("caught-up", () => catchUp(rung));
  stream.addEventListener("error", () => {
    showState("lost", "Reconnecting");
    if (stream.readyState === EventSource.CLOSED) listenAgain();
  });
}

/** The answer was no stream: the session has ended, or the server is in trouble. */
async function listenAgain() {
  const answer = await fetch("/handset/messages?limit=1").catch(() => null);
  if (answer?.status === 401) location.assign("/login");
  else setTimeout(listen, 3000);
}

function showState(state, text) {
  byId("live").dataset.state = state;
  byId("live").textContent = text;
}

function showTime() {
  const now = new Date();
  byId("clock").textContent = byId("big-clock").textContent = clock(now);
  byId("big-date").textContent = longDay(now);
}

byId("screen").addEventListener("call-over", showPhone);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && phones.get(selected)?.unread) select(selected);
});
document.querySelector(".side").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.text) copy(button.dataset.text, "Number");
  if (button?.dataset.copies) copy(button.parentElement.querySelector(button.dataset.copies).textContent, "Command");
});
showTime();
setInterval(showTime, 5000);
listen();
