// The messages of one phone, oldest first.

import { byId, clock, copy, dayName, element, hue, icon, minutes, spacedNumber } from "./dom.js";
import { drawWave, peaksOf, player, showHeard } from "./wave.js";

const list = byId("thread");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let shown = [];
let players = [];

// A long thread holds hundreds of calls: their audio is fetched when somebody scrolls to them.
const loads = new WeakMap();
const onScreen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      onScreen.unobserve(target);
      loads.get(target)();
    }
  },
  { root: list, rootMargin: "200px" },
);

export function showThread(items) {
  shown = items;
  players.forEach((audio) => audio.pause());
  players = [];
  onScreen.disconnect();
  let before = null;
  list.replaceChildren(
    ...items.map((item) => {
      const node = entry(item, before);
      before = item;
      return node;
    }),
  );
  showContact(items.at(-1));
  list.scrollTop = list.scrollHeight;
}

export function addToThread(items, item) {
  const last = shown.at(-1);
  if (last !== items.at(-2)) return showThread(items); // It came late and belongs further up.
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  shown = [...items];
  const node = entry(item, last);
  node.classList.add("arriving");
  list.append(node);
  showContact(item);
  if (atEnd) list.scrollTo({ top: list.scrollHeight, behavior: calm.matches ? "auto" : "smooth" });
}

function showContact(item) {
  if (!item) return;
  const name = item.from || "Unknown";
  const picture = byId("contact-avatar");
  picture.textContent = /^\p{L}/u.test(name) ? [...name][0].toUpperCase() : "#";
  picture.style.setProperty("--hue", hue(name));
  byId("contact-name").textContent = spacedNumber(name);
  byId("contact-number").textContent = `to ${spacedNumber(item.to)}${item.script ? ` · ${item.script}` : ""}`;
}

function entry(item, before) {
  const at = new Date(item.received_at);
  const newDay = !before || dayName(new Date(before.received_at)) !== dayName(at);
  return element(
    "li",
    { "data-id": item.id },
    newDay ? element("span", { class: "day" }, dayName(at)) : null,
    newDay || before.from !== item.from ? element("span", { class: "from" }, spacedNumber(item.from)) : null,
    item.channel === "call" ? spoken(item) : element("div", { class: "bubble" }, ...words(item)),
    element("time", { class: "at", datetime: item.received_at }, clock(at)),
  );
}

function words(item) {
  // The code of a call ends its words; in an SMS the server guessed where it is.
  const start = !item.code ? -1 : item.channel === "call" ? item.text.lastIndexOf(item.code) : item.text.indexOf(item.code);
  if (start < 0) return [item.text];
  const code = element(
    "button",
    { type: "button", class: "otp", title: "Copy the code", onclick: () => copy(item.code, "Code") },
    item.code,
  );
  return [item.text.slice(0, start), code, item.text.slice(start + item.code.length)];
}

function spoken(item) {
  const length = element("span");
  const title = element("div", { class: "title" }, "Voice call", length);
  const text = element("div", { class: "words" }, ...words(item));
  if (!item.audio_url) {
    return element("div", { class: "bubble spoken" }, element("i", { class: "silent" }, icon("phone")), title, text);
  }
  const wave = element("div", { class: "wave" });
  const play = element("button", { type: "button", class: "play", "aria-label": "Play the call" }, icon("play"));
  const bubble = element("div", { class: "bubble spoken" }, play, title, wave, text);
  loads.set(bubble, () => load(item, { play, wave, length }));
  onScreen.observe(bubble);
  return bubble;
}

function load(item, { play, wave, length }) {
  const audio = player(item.audio_url, {
    onprogress(at, whole) {
      showHeard(wave, whole ? at / whole : 0);
      if (whole) length.textContent = minutes(at || whole);
    },
    onchange(isPlaying) {
      play.replaceChildren(icon(isPlaying ? "pause" : "play"));
      play.setAttribute("aria-label", isPlaying ? "Pause" : "Play the call");
    },
  });
  players.push(audio);
  play.addEventListener("click", () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()));
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    if (audio.duration) audio.currentTime = (audio.duration * (event.clientX - box.left)) / box.width;
    showHeard(wave, (event.clientX - box.left) / box.width);
  });
  peaksOf(item.id).then((peaks) => drawWave(wave, peaks));
}
