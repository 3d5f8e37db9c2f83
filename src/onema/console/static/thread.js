// The messages of one phone, oldest first.

import { byId, clock, copy, dayName, element, hue, icon, minutes, say, spacedNumber } from "./dom.js";
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

export function showThread(number, items) {
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
  showContact(items.at(-1), number);
  byId("no-messages").hidden = items.length > 0;
  list.scrollTop = list.scrollHeight;
}

export function addToThread(number, items, item) {
  const last = shown.at(-1);
  if (!last || last !== items.at(-2)) return showThread(number, items); // It came late and belongs further up.
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  shown = [...items];
  const node = entry(item, last);
  node.classList.add("arriving");
  list.append(node);
  showContact(item, number);
  if (atEnd) list.scrollTo({ top: list.scrollHeight, behavior: calm.matches ? "auto" : "smooth" });
}

function showContact(item, number) {
  const name = item ? item.from || say("Unknown") : number;
  const picture = byId("contact-avatar");
  picture.textContent = /^\p{L}/u.test(name) ? [...name][0].toUpperCase() : "#";
  picture.style.setProperty("--hue", hue(name));
  byId("contact-name").textContent = spacedNumber(name);
  const script = item?.script ? ` · ${say(item.script)}` : "";
  byId("contact-number").textContent = item ? say("to {number}", { number: spacedNumber(item.to) }) + script : "";
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
  const [before, found, after] = aroundTheCode(item);
  if (!found) return [before];
  const code = element(
    "button",
    { type: "button", class: "otp", title: say("Copy the code"), onclick: () => copy(item.code, say("Code copied")) },
    item.code,
  );
  return [before, code, after];
}

/** The text before its code, the code and the text after it; the whole text and "" where there is none. */
export function aroundTheCode({ text, code, channel }) {
  // The code of a call ends its words; in an SMS the server guessed where it is.
  const start = !code ? -1 : channel === "call" ? text.lastIndexOf(code) : text.indexOf(code);
  return start < 0 ? [text, "", ""] : [text.slice(0, start), code, text.slice(start + code.length)];
}

function spoken(item) {
  const length = element("span");
  const title = element("div", { class: "title" }, say("Voice call"), length);
  const text = element("div", { class: "words" }, ...words(item));
  if (!item.audio_url) {
    return element("div", { class: "bubble spoken" }, element("i", { class: "silent" }, icon("phone")), title, text);
  }
  const wave = element("div", { class: "wave" });
  const play = element("button", { type: "button", class: "play", "aria-label": say("Play the call") }, icon("play"));
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
      play.setAttribute("aria-label", say(isPlaying ? "Pause" : "Play the call"));
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
