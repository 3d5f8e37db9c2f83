// The page: which line is read, what became of the take, and how far one is.

import { byId, element, say, toast } from "./dom.js";
import { openMicrophone } from "./microphone.js";
import { Takes } from "./takes.js";
import { drawWave } from "./wave.js";

const sitting = JSON.parse(byId("sitting").textContent);
const takes = new Takes(sitting.voice);
const lines = new Map(sitting.lines.map((line) => [line.id, line]));
const SENTENCE = "sentence";
const steps = [
  ...sitting.lines.map(({ id }) => ({ id, second: false })),
  ...sitting.second_order.map((id) => ({ id, second: true })),
];
const FAULTS = {
  nothing: say("Nothing was heard. Is it the right microphone?"),
  quiet: say("Too quiet. Come closer to the microphone, or speak up."),
  clipped: say("Too loud, the sound is distorted. Move away a little."),
  "cut off": say("The beginning or the end is missing. Wait for the red light, and stay still after the word."),
  noise: say("There is noise in the room. Find a quieter place, or come closer."),
  apart: say("There are two sounds. Read the line alone, in one breath."),
  short: say("Too short for a word. Read it in full."),
  long: say("Too long. Read it as if dictating, without dragging."),
};
const stage = byId("stage");
const player = new Audio();
let microphone = null;
let at = null; // The step that is shown; null before the microphone is on and at the end.
let judged = null; // What the server said of the take that is neither kept nor replaced.

const isRead = (step) => lines.get(step.id)[step.second ? "second" : "first"];
const name = (id) => (id === SENTENCE ? say("the sentence") : id);
const next = () => steps.find((step) => !isRead(step)) ?? null;

async function open() {
  byId("no-microphone").hidden = true;
  try {
    microphone = await openMicrophone(showLevel);
  } catch (error) {
    byId("no-microphone").textContent =
      {
        NotAllowedError: say("The browser may not use the microphone. Allow it for this page, and try again."),
        NotFoundError: say("There is no microphone. Plug one in, and try again."),
        NotSupportedError: say("Browsers give the microphone only to pages over https, and to pages of this machine."),
      }[error.name] ?? say("The microphone cannot be used: {reason}", { reason: error.message });
    byId("no-microphone").hidden = false;
    return;
  }
  microphone.onlost = () => {
    microphone = null;
    at = null;
    show();
    toast(say("The microphone is gone"));
  };
  go(next());
}

function go(step) {
  microphone?.cancel();
  player.pause();
  judged = null;
  at = step;
  show();
  byId("record").focus({ preventScroll: true });
}

function show() {
  const isOver = microphone !== null && at === null;
  byId("welcome").hidden = microphone !== null;
  byId("reading").hidden = at === null;
  byId("finish").hidden = !isOver || !byId("made").hidden;
  if (at) showStep();
  else setState(microphone ? "over" : "closed");
  showLines();
  const done = steps.filter(isRead).length;
  byId("progress").max = steps.length;
  byId("progress").value = done;
  byId("count").textContent = say("{done} of {all} read", { done, all: steps.length });
}

function showStep() {
  const line = lines.get(at.id);
  const round = steps.filter((step) => step.second === at.second);
  const which = { number: round.findIndex((step) => step.id === at.id) + 1, all: round.length };
  byId("step").textContent = at.second ? say("Once more, {number} of {all}", which) : say("Line {number} of {all}", which);
  byId("line").textContent = line.text;
  byId("line").dataset.long = line.text.length > 8;
  byId("hint").textContent = hint(line);
  byId("wave").replaceChildren();
  setState("idle", isRead(at) ? say("This line is read. Record to replace it.") : say("Press Space or the button, and read."));
}

function hint({ id, text }) {
  if (id === SENTENCE) return say("It is said before each code.");
  if (id === text) return say("The letter, by its name.");
  return /\d/.test(id) ? say("The digit {digit}.", { digit: id }) : say("The letter {letter}, by its name.", { letter: id });
}

function setState(state, text = "") {
  stage.dataset.state = state;
  byId("said").textContent = text;
  byId("record-name").textContent = state === "ready" || state === "recording" ? say("Stop") : judged || (at && isRead(at)) ? say("Again") : say("Record");
  byId("record").querySelector("use").setAttribute("href", state === "recording" ? "#i-stop" : "#i-microphone");
  byId("record").disabled = state === "checking";
  byId("listen").hidden = !(["good", "doubt", "bad"].includes(state) && judged?.peaks.length) && !(state === "idle" && at && lines.get(at.id).first);
  byId("keep").hidden = !(state === "good" || state === "doubt" || (state === "idle" && at && isRead(at)));
  byId("keep").textContent = state === "doubt" ? say("Keep it anyway") : state === "good" ? say("Keep") : say("Go on");
}

function record() {
  if (!at || stage.dataset.state === "checking") return;
  if (["ready", "recording"].includes(stage.dataset.state)) return microphone.stop();
  player.pause();
  judged = null;
  byId("wave").replaceChildren();
  setState("ready", say("Wait…"));
  const step = at;
  microphone.record(
    step.id === SENTENCE ? "sentence" : "character",
    () => setState("recording", say("Read now")),
    (wav) => step === at && judge(step, wav),
  );
}

async function judge(step, wav) {
  if (!wav) return setState("bad", FAULTS["cut off"]);
  setState("checking", say("Listening to it…"));
  const answer = await takes.judge(step.id, step.second, wav);
  if (step !== at) return;
  if (!answer) return setState("bad", say("The server does not answer"));
  judged = answer;
  drawWave(byId("wave"), answer.peaks);
  if (answer.faults.length) return setState("bad", FAULTS[answer.faults[0]]);
  if (answer.sounds_like) {
    return setState("doubt", say("This sounds like your {line}. Read it again. Was the first reading wrong? Press {own} below. Were both right? Keep it.", { line: name(answer.sounds_like), own: step.id }));
  }
  setState("good", say("Good"));
  if (byId("by-itself").checked) {
    await keep();
    if (at) record();
  }
}

async function keep() {
  if (!at) return;
  if (!judged && isRead(at)) return go(next());
  if (!judged || judged.faults.length) return;
  const step = at;
  if (!(await takes.keep(step.id, step.second))) return toast(say("The server does not answer"));
  const line = lines.get(step.id);
  line[step.second ? "second" : "first"] = true;
  if (!step.second) line.second = false;
  byId("made").hidden = true;
  go(next());
}

function listen(url) {
  player.src = url;
  player.play().catch(() => toast(say("The browser did not allow sound")));
}

const listenToLine = () => at && !byId("listen").hidden && listen(takes.url(at.id, judged !== null));

function step(by) {
  if (!at) return;
  const place = steps.indexOf(at) + by;
  if (steps[place]) go(steps[place]);
}

function showLines() {
  byId("lines").replaceChildren(
    ...sitting.lines.map(({ id, text, first, second }) => {
      const read = !first ? 0 : id === SENTENCE || second ? 2 : 1;
      const told = [say("not read"), say("read once"), say("read")][read];
      const label = `${name(id)} ${id === text ? "" : `“${text}”`}: ${told}`;
      const button = element("button", { type: "button", "data-read": read, "data-line": id, "aria-label": label, title: label, "aria-current": at?.id === id ? "step" : null }, id === SENTENCE ? "…" : id);
      // What is still to be read of it; pressed again, its other reading.
      const wanted = id !== SENTENCE && (at?.id === id ? !at.second : first && !second);
      button.addEventListener("click", () => microphone && go(steps.find((one) => one.id === id && one.second === wanted)));
      return element("li", {}, button);
    }),
  );
}

function showLevel(level, speaks) {
  // -50 dB is nothing, 0 dB all of it.
  const shown = Math.max(0, Math.min(1, 1 + (20 * Math.log10(level + 1e-6)) / 50));
  byId("halo").style.setProperty("--level", shown.toFixed(3));
  stage.dataset.speaks = speaks;
}

async function pack(event) {
  event.preventDefault();
  byId("not-packed").hidden = true;
  byId("pack").disabled = true;
  byId("pack").textContent = say("Hearing random codes…");
  const { made, error } = await takes.pack(event.target);
  byId("pack").disabled = false;
  byId("pack").textContent = say("Make the voice");
  if (made && made.heard === made.codes) return showMade(made);
  byId("not-packed").textContent = made
    ? say("Only {heard} of {codes} random codes were heard exactly. Read the lines again that sound alike: {doubts}", { ...made, doubts: made.doubts.join("; ") || "-" })
    : error || say("The server does not answer");
  byId("not-packed").hidden = false;
}

function showMade({ voice, codes, heard }) {
  byId("made-title").textContent = say("The voice {voice} is made", { voice });
  byId("made-heard").textContent = say("{heard} of {codes} random codes were heard exactly.", { heard, codes });
  byId("made").hidden = false;
  show();
  byId("made").focus();
}

byId("open").addEventListener("click", open);
byId("record").addEventListener("click", record);
byId("keep").addEventListener("click", keep);
byId("listen").addEventListener("click", listenToLine);
byId("hear-all").addEventListener("click", () => listen(takes.sampleUrl("0123456789")));
byId("hear-made").addEventListener("click", () => listen(takes.sampleUrl("048159")));
byId("finish").addEventListener("submit", pack);
document.addEventListener("keydown", (event) => {
  if (!at || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  // A control that has the focus keeps its own keys; the record button's are these.
  if (event.target.closest("input, select, a, button:not(#record)") && event.key !== "l" && !event.key.startsWith("Arrow")) return;
  const action = { " ": record, Enter: keep, l: listenToLine, L: listenToLine, ArrowLeft: () => step(-1), ArrowRight: () => step(1) }[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
// Firefox presses a button when Space comes up, whatever became of its going down.
byId("record").addEventListener("keyup", (event) => event.key === " " && event.preventDefault());
show();
