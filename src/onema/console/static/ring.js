// The ring tone: two short tones, then silence, as long as a call rings. Off until somebody turns it on.

import { byId } from "./dom.js";

const KEY = "onema.ring-aloud";
const button = byId("sound");
let context = null;
let timer = null;

let aloud = false;
try {
  aloud = localStorage.getItem(KEY) === "yes";
} catch {
  // Storage may be forbidden; the choice then lasts as long as the page.
}
button.setAttribute("aria-pressed", aloud);
button.addEventListener("click", () => {
  aloud = !aloud;
  button.setAttribute("aria-pressed", aloud);
  try {
    localStorage.setItem(KEY, aloud ? "yes" : "no");
  } catch {
    // As above.
  }
  if (!aloud) stopRinging();
});

function tone(frequency, start, length) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.09, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0005, start + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + length);
}

export function startRinging() {
  // A browser lets a page sound only after somebody has touched it.
  if (timer || !aloud || !navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  const once = () => [659, 784, 988, 784].forEach((frequency, i) => tone(frequency, context.currentTime + i * 0.16, 0.5));
  once();
  timer = setInterval(once, 2200);
}

export function stopRinging() {
  clearInterval(timer);
  timer = null;
}
