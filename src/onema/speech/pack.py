"""A voice pack: a folder with `manifest.json` and `clips.pcmu`, the clips one after the other (G.711 mu-law).

The manifest says who made the pack under which licence, and for each line its text, place, length and sha256.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onema.speech.clip import Clip
from onema.speech.g711 import SAMPLE_RATE

MANIFEST, CLIPS = "manifest.json", "clips.pcmu"
FORMAT = 1
SENTENCE = "sentence"
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINE_IDS = (*CHARACTERS, SENTENCE)

VOICE_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")


class PackError(ValueError):
    """A voice pack is missing, incomplete or not what its manifest says."""


@dataclass(frozen=True)
class Origin:
    """Who made the audio, and what one may do with it."""

    engine: str
    engine_version: str
    engine_voice: str
    engine_licence: str
    licence: str
    made_with: str
    consent: str = ""
    """What the speaker agreed to and when, where a person was recorded."""


@dataclass(frozen=True)
class Voice:
    """A loaded voice pack."""

    id: str
    language: str
    title: str
    espeak_voice: str
    """Which espeak-ng voice renders an application's own sentence beside this voice's digits."""
    origin: Origin
    characters: Mapping[str, Clip]
    sentence: Clip

    @property
    def lines(self) -> dict[str, Clip]:
        return {**self.characters, SENTENCE: self.sentence}

    @property
    def seconds(self) -> float:
        return sum(clip.seconds for clip in self.lines.values())


def load(folder: Path) -> Voice:
    """Reads a pack and compares every clip with its sha256. Raises PackError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        audio = (folder / CLIPS).read_bytes()
        return _voice(manifest, audio)
    except (OSError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PackError(f"voice pack {folder}: {reason}") from error


def save(voice: Voice, folder: Path) -> None:
    """Writes the pack so that `load` gives the same voice."""
    if not VOICE_ID.fullmatch(voice.id):
        raise PackError(f"a voice id is lower-case letters, digits and hyphens, not {voice.id!r}")
    lines: dict[str, Any] = {}
    audio = bytearray()
    for line, clip in voice.lines.items():
        lines[line] = {
            "text": clip.text,
            "offset": len(audio),
            "bytes": len(clip.pcmu),
            "seconds": clip.seconds,
            "sha256": hashlib.sha256(clip.pcmu).hexdigest(),
        }
        audio += clip.pcmu
    manifest = {
        "format": FORMAT,
        "voice": voice.id,
        "language": voice.language,
        "title": voice.title,
        "espeak_voice": voice.espeak_voice,
        **{name: told for name, told in voice.origin.__dict__.items() if told},
        "encoding": f"PCMU, {SAMPLE_RATE} Hz, mono",
        "lines": lines,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLIPS).write_bytes(audio)
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _voice(manifest: dict[str, Any], audio: bytes) -> Voice:
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']} is not {FORMAT}")
    clips = {line: _clip(line, entry, audio) for line, entry in manifest["lines"].items()}
    return Voice(
        id=manifest["voice"],
        language=manifest["language"],
        title=manifest["title"],
        espeak_voice=manifest["espeak_voice"],
        origin=Origin(
            **{name: manifest[name] for name in Origin.__dataclass_fields__ if name != "consent"},
            consent=manifest.get("consent", ""),
        ),
        characters={character: clips[character] for character in CHARACTERS},
        sentence=clips[SENTENCE],
    )


def _clip(line: str, entry: dict[str, Any], audio: bytes) -> Clip:
    data = audio[entry["offset"] : entry["offset"] + entry["bytes"]]
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ValueError(f"line {line} is not the audio of the manifest")
    return Clip(entry["text"], data)
