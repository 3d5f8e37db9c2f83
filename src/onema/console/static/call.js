// The call that rings or is talked on. One at a time, like any phone.

import { byId, minutes, say, spacedNumber, toast } from "./dom.js";
import { startRinging, stopRinging } from "./ring.js";
import { drawWave, peaksOf, player, showHeard } from "./wave.js";

const screen = byId("screen");
const view = byId("call");
const wave = byId("call-wave");
const LINGER_MS = 1800;

let current = null; // The newest event of the call that is shown.
let audio = null;
let answeredHere = false;
let playing = false;
let talkingSince = 0;
let ticking = null;
let focusedBefore = null;

export function isCalling() {
  return current !== null && current.state !== "ended";
}

export function showCall(ring) {
  if (ring.state === "ended") return current?.id === ring.id ? end(ring) : undefined;
  if (current && current.id !== ring.id && current.state !== "ended") return; // The line is busy.
  if (current?.id !== ring.id) begin(ring);
  current = ring;
  show(ring.state);
  byId("call-digits").textContent = ring.digits;
  if (ring.state === "talking") talk(ring);
  else startRinging();
  tick();
  screen.dispatchEvent(new Event("call-changed"));
}

/** Who calls, while it rings. */
export const ringing = () => (current?.state === "ringing" ? current : null);

/** After a break of the stream: what it did not tell again has ended. */
export function forgetCallsExcept(ids) {
  if (isCalling() && !ids.has(current.id)) end({ ...current, state: "ended", ending: "" });
}

function begin(ring) {
  cleanUp();
  answeredHere = false;
  focusedBefore = view.hidden ? document.activeElement : focusedBefore;
  view.hidden = false;
  screen.dataset.showing = "call";
  byId("call-name").textContent = spacedNumber(ring.from || say("Unknown"));
  byId("call-number").textContent = say("calls {number}", { number: spacedNumber(ring.to) });
  byId("call-decline").lastElementChild.textContent = say("Decline");
  wave.replaceChildren();
  if (ring.audio_url) {
    peaksOf(ring.id).then((peaks) => current?.id === ring.id && drawWave(wave, peaks));
    audio = player(ring.audio_url, { onprogress() {}, onchange() {} });
  }
  ticking = setInterval(tick, 100);
  // To the dialog and not to a button: a key that was meant for something else must not answer.
  view.focus({ preventScroll: true });
}

function show(state) {
  if (view.dataset.state === state) return;
  const focused = view.contains(document.activeElement);
  view.dataset.state = state;
  if (focused) view.focus({ preventScroll: true }); // The button that had it may be gone in this state.
}

function talk(ring) {
  stopRinging();
  talkingSince ||= performance.now() - ring.talked_ms;
  byId("call-decline").lastElementChild.textContent = say("Hang up");
  // Only the browser that answered plays; the others, and one whose phone answered by itself, watch.
  if (answeredHere && !playing && audio) {
    playing = true;
    audio.play().catch(() => toast(say("The browser did not allow sound")));
  }
}

function tick() {
  const text = byId("call-state");
  if (current.state === "ringing") text.textContent = say("Incoming call");
  if (current.state !== "talking") return;
  const talked = (performance.now() - talkingSince) / 1000;
  text.textContent = minutes(talked);
  if (audio?.duration) showHeard(wave, Math.min(1, (playing && !audio.ended ? audio.currentTime : talked) / audio.duration));
}

function end(ring) {
  const talked = talkingSince ? (performance.now() - talkingSince) / 1000 : 0;
  cleanUp();
  current = ring;
  show("ended");
  screen.dispatchEvent(new Event("call-changed"));
  byId("call-state").textContent = ring.ending
    ? say("Call ended: {reason}", { reason: say(ring.ending) })
    : `${say("Call ended")} ${talked ? minutes(talked) : ""}`;
  setTimeout(() => {
    if (current !== ring) return;
    current = null;
    const focused = view.contains(document.activeElement);
    view.hidden = true;
    screen.dispatchEvent(new Event("call-over"));
    const back = focusedBefore?.isConnected ? focusedBefore : document.querySelector("#phones [aria-current='true']");
    if (focused) back?.focus({ preventScroll: true });
  }, LINGER_MS);
}

function cleanUp() {
  stopRinging();
  clearInterval(ticking);
  audio?.pause();
  audio = null;
  playing = false;
  talkingSince = 0;
  byId("call-keys").hidden = true;
  byId("call-keypad").setAttribute("aria-pressed", "false");
  byId("call-mute").setAttribute("aria-pressed", "false");
}

async function steer(step) {
  const answer = await fetch(`/handset/calls/${current.id}/${step}`, { method: "POST" }).catch(() => null);
  if (!answer) toast(say("The server does not answer"));
  else if (answer.status === 409) toast(say("The call is already over"));
  return answer?.ok ?? false;
}

byId("call-answer").addEventListener("click", async () => {
  answeredHere = true;
  if ((await steer("answer")) && current?.state === "talking") talk(current);
});
byId("call-decline").addEventListener("click", () => steer("decline"));
byId("call-keypad").addEventListener("click", (event) => {
  const keys = byId("call-keys");
  keys.hidden = !keys.hidden;
  event.currentTarget.setAttribute("aria-pressed", !keys.hidden);
});
byId("call-mute").addEventListener("click", (event) => {
  const muted = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", muted);
  if (audio) audio.muted = muted;
});
const press = (digit) => steer(`key?digit=${encodeURIComponent(digit)}`);
byId("call-keys").addEventListener("click", (event) => {
  const digit = event.target.closest("button")?.dataset.digit;
  if (digit) press(digit);
});
view.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (isPlain && /^[0-9*#]$/.test(event.key) && current?.state === "talking") press(event.key);
});
