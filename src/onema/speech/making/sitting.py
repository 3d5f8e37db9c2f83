"""A voice while it is recorded: its takes in a folder, so that a speaker may leave and come back.

Every character is read twice, the second time in another order: a second reading must be more like the first of its
own line than like any other, so that a slip of the tongue is found before a call says a wrong digit.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onema.speech import pack
from onema.speech.clip import Clip
from onema.speech.g711 import Law
from onema.speech.making.own_pack import own_voice
from onema.speech.making.take import Take, take_of
from onema.speech.message import speak
from onema.speech.pack import CHARACTERS, LINE_IDS, VOICE_ID, PackError, Voice

MOST_BYTES = 3_000_000
"""Of a take: 30 s at 48 kHz."""
CODES_HEARD = 50
_NOTES = "sitting.json"
# A second reading might be another line's where that is as near as this share of its own. Names of letters rhyme
# ("bê", "pê", "tê"), and people do not say them twice alike: those must be much nearer, or a good reader despairs.
_DIGIT_MARGIN, _LETTER_MARGIN = 1.05, 0.75


class SittingError(ValueError):
    """The recording cannot go on like this; the text says why, for the person who records."""


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a take, and which line it is taken for where that is another one."""

    take: Take
    sounds_like: str = ""


@dataclass(frozen=True)
class Packed:
    """The voice, and of how many random codes the matched filter heard how many exactly."""

    voice: Voice
    codes: int
    heard: int
    doubts: tuple[str, ...]


class Sitting:
    """One voice that is being recorded. All of it is in its folder, which only its owner may read."""

    def __init__(self, folder: Path, like: Voice, speaker: str) -> None:
        self.folder = folder
        self.like = like
        self.speaker = speaker
        self._clips: dict[Path, tuple[float, Clip]] = {}
        """Clips of kept takes by file, each with the time that the file was written at."""
        self._lock = threading.Lock()
        """Held while a take is written or kept: a browser may send twice."""

    @property
    def voice_id(self) -> str:
        return self.folder.name

    @classmethod
    def begin(cls, folder: Path, like: Voice, speaker: str) -> Sitting:
        """A new one, or the one that is in the folder already. Raises SittingError."""
        if not VOICE_ID.fullmatch(folder.name):
            raise SittingError(f"a voice id is lower-case letters, digits and hyphens, not {folder.name!r}")
        if not speaker.strip():
            raise SittingError("say who reads")
        if (folder / _NOTES).exists():
            return cls.open(folder, {like.id: like})
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes = {"like": like.id, "speaker": speaker.strip()[:80]}
        _write(folder / _NOTES, json.dumps(notes, ensure_ascii=False).encode())
        return cls(folder, like, notes["speaker"])

    @classmethod
    def open(cls, folder: Path, voices: Mapping[str, Voice]) -> Sitting:
        """Raises SittingError when there is none, or its lines are those of a voice that is not among `voices`."""
        try:
            notes = json.loads((folder / _NOTES).read_text("utf-8"))
            return cls(folder, voices[notes["like"]], str(notes["speaker"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SittingError(f"{folder.name} is not being recorded with these lines") from error

    @property
    def second_order(self) -> Sequence[str]:
        """Characters in an order that nobody says by heart; the same whenever one comes back."""
        order = list(CHARACTERS)
        random.Random(self.voice_id).shuffle(order)  # noqa: S311  # nothing is guarded by it
        return order

    def has(self, line: str, *, second: bool = False) -> bool:
        return self.kept_file(line, second=second).exists()

    def kept_file(self, line: str, *, second: bool = False) -> Path:
        return self.folder / f"{_known(line)}{'.again' if second else ''}.wav"

    def new_file(self, line: str) -> Path:
        """The take that was made last and is neither kept nor replaced yet."""
        return self.folder / f"{_known(line)}.new.wav"

    def write(self, line: str, offset: int, data: bytes) -> None:
        """The next bytes of a take's WAV file; from offset 0 on it is a new take. Raises SittingError."""
        path = self.new_file(line)
        with self._lock:
            size = path.stat().st_size if offset and path.exists() else 0
            if offset != size or offset + len(data) > MOST_BYTES:
                raise SittingError("the take did not come whole; read the line again")
            _write(path, data, append=offset > 0)

    def judge(self, line: str, *, second: bool = False) -> Judgement:
        """Of the new take. Raises SittingError, RecordingError (`recording.py`)."""
        take = self._new_take(line)
        other = self._confused_with(line, take.clip) if second and take.clip and not take.faults else ""
        return Judgement(take, other)

    def keep(self, line: str, *, second: bool = False) -> None:
        """The new take from now on. Raises SittingError when it has faults, RecordingError."""
        with self._lock:
            faults = self._new_take(line).faults
            if faults:
                raise SittingError(f"the take cannot be kept: {', '.join(faults)}")
            self.new_file(line).replace(self.kept_file(line, second=second))
            if not second:
                # It was a second reading of what is gone.
                self.kept_file(line, second=True).unlink(missing_ok=True)

    def clip(self, line: str) -> Clip:
        """What a phone would carry of the kept take. Raises SittingError, RecordingError."""
        return self._clip(line, self.kept_file(line))

    def new_clip(self, line: str) -> Clip:
        """The same of the take that was made last, which may be kept by now: whoever asked to hear it still can."""
        kept = (self.kept_file(line), self.kept_file(line, second=True))
        there = [path for path in (self.new_file(line), *kept) if path.exists()]
        return self._clip(
            line, max(there, key=lambda path: path.stat().st_mtime, default=self.new_file(line))
        )

    def missing(self) -> list[str]:
        """What is still to be read, second readings as `6, second reading`."""
        first = [line for line in LINE_IDS if not self.has(line)]
        return first + [f"{line}, second reading" for line in CHARACTERS if not self.has(line, second=True)]

    def voice(self, licence: str, consent: str) -> Voice:
        """Raises SittingError where lines are missing."""
        if missing := self.missing():
            raise SittingError(f"still to be read: {'; '.join(missing)}")
        clips = {line: self.clip(line) for line in LINE_IDS}
        made_with = f"onema voice record, lines of {self.like.id}"
        return own_voice(clips, self.like, self.voice_id, self.speaker, licence, made_with, consent)

    def pack(self, packs: Path, licence: str, consent: str) -> Packed:
        """Lets the matched filter hear random codes of the voice and, where it heard all, puts the pack into `packs`.

        Raises SittingError, PackError.
        """
        from onema.speech.hearing.verify import faults

        voice = self.voice(licence, consent)
        heard = _codes_heard(voice)
        packed = Packed(voice, CODES_HEARD, heard, tuple(faults(voice)))
        if heard == CODES_HEARD:
            # Beside the takes first: whoever loads voices never sees half a pack.
            made = self.folder / "pack"
            shutil.rmtree(made, ignore_errors=True)
            pack.save(voice, made)
            try:
                packs.mkdir(mode=0o700, parents=True, exist_ok=True)
                _replace(packs / voice.id, made)
            except OSError as error:
                raise PackError(f"the pack cannot be put into {packs}: {error.strerror}") from error
        return packed

    def _new_take(self, line: str) -> Take:
        return self._take(line, self.new_file(line))

    def _take(self, line: str, path: Path) -> Take:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SittingError(f"line {line} has no such take") from error
        return take_of(data, line, self.like.lines[line].text)

    def _clip(self, line: str, path: Path) -> Clip:
        try:
            written = path.stat().st_mtime
        except OSError as error:
            raise SittingError(f"line {line} has no such take") from error
        known = self._clips.get(path)
        if known and known[0] == written:
            return known[1]
        clip = self._take(line, path).clip
        if clip is None:
            raise SittingError(f"nothing is heard in the take of line {line}")
        self._clips[path] = (written, clip)
        return clip

    def _confused_with(self, line: str, clip: Clip) -> str:
        """The other line that this second reading is nearest to, if it might as well be that one."""
        from onema.speech import samples
        from onema.speech.hearing.same_word import difference, sound_of

        heard = sound_of(samples.from_g711(clip.pcmu))
        differences = {
            other: difference(heard, sound_of(samples.from_g711(self.clip(other).pcmu)))
            for other in CHARACTERS
            if self.has(other)
        }
        own = differences.pop(line, 0.0)
        nearest = min(differences, key=differences.__getitem__, default=line)
        margin = _DIGIT_MARGIN if line.isdigit() else _LETTER_MARGIN
        return nearest if nearest != line and differences[nearest] < own * margin else ""


def voice_id_of(language: str, speaker: str) -> str:
    """`vi-lan` for Lan, `vi-hong-anh` for Hồng Ánh; `zh-own` where the name has no Latin letter."""
    latin = unicodedata.normalize("NFKD", speaker.lower().replace("đ", "d"))
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in _bare(latin)).split()
    return f"{language}-{'-'.join(words) or 'own'}"[:40].rstrip("-")


def _bare(text: str) -> str:
    return "".join(sign for sign in text if not unicodedata.combining(sign))


def _known(line: str) -> str:
    if line not in LINE_IDS:
        raise SittingError(f"there is no line {line!r}")
    return line


def _codes_heard(voice: Voice) -> int:
    """Of CODES_HEARD random codes, as a phone gets them, those that are heard exactly."""
    from onema.speech.hearing.decode import hear_frames

    choice = random.Random(voice.id)  # noqa: S311  # they are no secrets
    heard = 0
    for number in range(CODES_HEARD):
        alphabet = CHARACTERS[:10] if number % 2 else CHARACTERS
        code = "".join(choice.choices(alphabet, k=choice.randint(4, 8)))
        # A voice is not to blame for packets that are lost.
        heard += hear_frames(speak(voice, code).frames(Law.PCMA), Law.PCMA, voice).code == code
    return heard


def _replace(target: Path, made: Path) -> None:
    old = made.with_name("pack.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    made.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes, *, append: bool = False) -> None:
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    # A voice is as personal as a face.
    descriptor = os.open(path, how, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
