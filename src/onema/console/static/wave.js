// A picture of speech, and the player that moves through it.

import { element } from "./dom.js";

export function drawWave(node, peaks) {
  node.replaceChildren(
    ...peaks.map((peak) => {
      const bar = element("i");
      bar.style.setProperty("--peak", Math.min(1, Math.max(0, Number(peak) || 0)));
      return bar;
    }),
  );
}

export function showHeard(node, fraction) {
  const bars = node.children;
  const heard = Math.round(fraction * bars.length);
  for (let i = 0; i < bars.length; i++) bars[i].classList.toggle("heard", i < heard);
}

const known = new Map();
export function peaksOf(call) {
  if (!known.has(call)) {
    known.set(call, fetch(`/handset/peaks/${call}.json`).then((answer) => (answer.ok ? answer.json() : []), () => []));
  }
  return known.get(call);
}

let playing = null;
export function player(url, { onprogress, onchange }) {
  const audio = new Audio();
  audio.preload = "metadata";
  audio.src = url;
  const tick = () => {
    onprogress(audio.currentTime, audio.duration || 0);
    if (!audio.paused) requestAnimationFrame(tick);
  };
  audio.addEventListener("loadedmetadata", tick);
  audio.addEventListener("play", () => {
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    onchange(true);
    tick();
  });
  audio.addEventListener("pause", () => onchange(false));
  audio.addEventListener("ended", () => {
    audio.currentTime = 0;
    onprogress(0, audio.duration || 0);
  });
  return audio;
}
