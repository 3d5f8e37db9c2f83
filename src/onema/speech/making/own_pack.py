from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onema.speech.clip import Clip
from onema.speech.making.recording import RecordingError, clip_from_wav
from onema.speech.pack import SENTENCE, Origin, PackError, Voice


def from_recordings(folder: Path, like: Voice, voice_id: str, speaker: str, licence: str) -> Voice:
    """A voice from WAV files named by line: 0.wav ... 9.wav, A.wav ... Z.wav, sentence.wav.

    Texts, language and title come from `like`, the voice whose lines were read. Raises PackError naming
    everything that is wrong, so that a speaker goes back to the microphone once.
    """
    clips: dict[str, Clip] = {}
    wrong: list[str] = []
    for line, model in like.lines.items():
        path = folder / f"{line}.wav"
        try:
            clips[line] = clip_from_wav(path.read_bytes(), model.text)
        except FileNotFoundError:
            wrong.append(f"{path.name} is missing")
        except (OSError, RecordingError) as error:
            wrong.append(f"{path.name}: {error}")
    if wrong:
        raise PackError("; ".join(wrong))
    return own_voice(clips, like, voice_id, speaker, licence, f"onema voice import, lines of {like.id}")


def own_voice(
    clips: Mapping[str, Clip],
    like: Voice,
    voice_id: str,
    speaker: str,
    licence: str,
    made_with: str,
    consent: str = "",
) -> Voice:
    """A voice of a person who read all lines of `like`. Raises PackError where one is missing."""
    missing = [line for line in like.lines if line not in clips]
    if missing:
        raise PackError(f"lines are missing: {', '.join(missing)}")
    origin = Origin(
        engine="recording",
        engine_version="-",
        engine_voice=speaker,
        engine_licence="-",
        licence=licence,
        made_with=made_with,
        consent=consent,
    )
    characters = {line: clips[line] for line in like.characters}
    title = f"{like.title}, {speaker}"
    return Voice(voice_id, like.language, title, like.espeak_voice, origin, characters, clips[SENTENCE])
