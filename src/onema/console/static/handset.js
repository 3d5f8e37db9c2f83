// The page: which phone is looked at, and what the event stream tells.

import { forgetCallsExcept, isCalling, ringing, showCall } from "./call.js";
import { byId, clock, copy, longDay, say, spacedNumber } from "./dom.js";
import { keep, known, newestFirst, phoneOf, redrawList, startList, unread } from "./phones.js";
import { addToThread, showThread } from "./thread.js";

let selected = "";
let caughtUp = false;
let newestUnread = null;

function receive(item) {
  const phone = keep(item);
  if (!phone || !caughtUp) return;
  if (isMeant(item.to)) show(item.to, { replace: true });
  else if (item.to !== selected && !selected) show(item.to, { replace: true });
  else if (item.to === selected) addToThread(selected, phone.items, item);
  if (item.to === selected && !document.hidden) return;
  phone.unread += 1;
  newestUnread = item;
  redrawList();
  showTitle();
}

/** Whether the address names this phone in another spelling, such as a national one. */
const isMeant = (number) =>
  selected !== number && selected && !phoneOf(selected)?.items.length && number.endsWith(selected.replace(/\D/g, "").replace(/^0+/, "") || "-");

function show(number, { replace = false } = {}) {
  if (number !== selected || replace) {
    const address = `#${encodeURIComponent(number)}`;
    if (replace || !selected) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }
  look(number);
}

function look(number) {
  selected = number;
  const phone = known(number);
  phone.unread = 0;
  if (!unread()) newestUnread = null;
  showTitle();
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
  const items = await answer.json();
  const number = items[0]?.to ?? phone.number;
  const isNews = items.map(keep).some(Boolean);
  if (selected !== phone.number) return;
  if (number !== phone.number) show(number, { replace: true });
  else if (isNews) showPhone();
}

function showPhone() {
  if (!isCalling()) byId("screen").dataset.showing = selected ? "thread" : "nothing";
  if (selected) showThread(selected, [...known(selected).items]);
}

function showTitle() {
  const call = ringing();
  const count = unread();
  const news = call
    ? `☎ ${say("Incoming call")} ${spacedNumber(call.from)} · `
    : count
      ? `(${count}) ${newestUnread?.code ? `${newestUnread.code} · ` : ""}`
      : "";
  document.title = `${news}${say("Handset")} · onema`;
}

function addressed() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return ""; // A lone percent sign.
  }
}

function follow() {
  const number = addressed() || newestFirst()[0]?.number || "";
  if (number && number !== selected) look(number);
}

function catchUp(rung) {
  forgetCallsExcept(rung);
  if (caughtUp) return;
  caughtUp = true;
  const number = addressed() || newestFirst()[0]?.number;
  if (number) show(number, { replace: true });
  else showPhone();
}

function listen() {
  let rung = new Set();
  const stream = new EventSource("/handset/events");
  stream.addEventListener("open", () => {
    rung = new Set();
    showState("live", say("Live"));
  });
  stream.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  stream.addEventListener("call", (event) => {
    const ring = JSON.parse(event.data);
    rung.add(ring.id);
    if (ring.to !== selected && ring.state === "ringing" && !isCalling()) show(ring.to);
    showCall(ring);
  });
  stream.addEventListener("caught-up", () => catchUp(rung));
  stream.addEventListener("error", () => {
    showState("lost", say("Reconnecting"));
    if (stream.readyState === EventSource.CLOSED) listenAgain();
  });
}

/** The answer was no stream: the session has ended, there are too many, or the server is in trouble. */
async function listenAgain() {
  const answer = await fetch("/handset/messages?limit=1").catch(() => null);
  if (answer?.status === 401) return location.assign("/login");
  if (answer?.ok) showState("lost", say("Too many pages are open"));
  setTimeout(listen, 3000);
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
byId("screen").addEventListener("call-changed", showTitle);
window.addEventListener("popstate", follow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && phoneOf(selected)?.unread) look(selected);
});
document.querySelector(".side").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.text) copy(button.dataset.text, say("Number copied"));
  if (button?.dataset.copies) copy(button.parentElement.querySelector(button.dataset.copies).textContent, say("Command copied"));
});
showTime();
setInterval(showTime, 5000);
startList(show, () => selected).then(listen);
