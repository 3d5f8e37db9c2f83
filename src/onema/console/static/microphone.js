// The microphone, open as long as the page is: how loud it is, and takes as WAV files.

const BEGIN_SECONDS = 0.25; // The key or button that was pressed is heard until then.
const KEY_SECONDS = 0.12; // And the one that ends a take, this long before.
const SILENCE_SECONDS = { character: 1, sentence: 1.6 };
const LONGEST_SECONDS = { character: 6, sentence: 16 };
const QUIETEST = 0.004; // Of full scale: what is softer is never taken for speech.

/** Raises DOMException as getUserMedia does; NotSupportedError where the page came over plain http. */
export async function openMicrophone(onLevel) {
  if (!navigator.mediaDevices) throw new DOMException("no secure context", "NotSupportedError");
  // What browsers do for conversations spoils a recording: it cuts off soft endings and makes levels jump.
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("./tape.js", import.meta.url));
  await context.resume();
  const source = context.createMediaStreamSource(stream);
  const tape = new AudioWorkletNode(context, "tape", { numberOfOutputs: 0 });
  source.connect(tape);
  const microphone = new Microphone(context.sampleRate, onLevel);
  tape.port.onmessage = ({ data }) => microphone.hear(data);
  stream.getAudioTracks()[0].addEventListener("ended", () => microphone.onlost());
  return microphone;
}

class Microphone {
  onlost = () => {};

  constructor(rate, onLevel) {
    this.rate = rate;
    this.onLevel = onLevel;
    this.room = QUIETEST; // How loud the room is when nobody speaks.
    this.take = null;
  }

  /** Begins a take; `onbegin` when it is time to speak, `ondone(wav)` when it is over, null if nothing came. */
  record(kind, onbegin, ondone) {
    this.take = { kind, onbegin, ondone, blocks: [], heard: -BEGIN_SECONDS, spoke: false, silence: 0 };
  }

  /** Ends it by a key or button. */
  stop() {
    this.finish(KEY_SECONDS);
  }

  cancel() {
    this.take = null;
  }

  hear(block) {
    const level = Math.sqrt(block.reduce((sum, sample) => sum + sample * sample, 0) / block.length);
    const speaks = level > Math.max(QUIETEST, this.room * 4);
    if (!speaks) this.room += (level - this.room) * 0.05;
    this.onLevel(level, speaks);
    const take = this.take;
    if (!take) return;
    const seconds = block.length / this.rate;
    const isBegun = take.heard >= 0;
    take.heard += seconds;
    if (!isBegun) {
      if (take.heard >= 0) take.onbegin();
      return;
    }
    take.blocks.push(block);
    take.spoke ||= speaks;
    take.silence = speaks ? 0 : take.silence + seconds;
    if (take.spoke && take.silence > SILENCE_SECONDS[take.kind]) this.finish(0);
    else if (take.heard > LONGEST_SECONDS[take.kind]) this.finish(0);
  }

  finish(cut) {
    const take = this.take;
    if (!take) return;
    this.take = null;
    const samples = take.blocks.reduce((sum, block) => sum + block.length, 0) - Math.round(cut * this.rate);
    take.ondone(samples > 0 ? wav(take.blocks, samples, this.rate) : null);
  }
}

/** 16-bit mono. */
function wav(blocks, samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples, true);
  let at = 0;
  for (const block of blocks) {
    for (const sample of block) {
      if (at === samples) return view.buffer;
      view.setInt16(44 + 2 * at++, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
    }
  }
  return view.buffer;
}
