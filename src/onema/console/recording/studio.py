from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from onema.speech.making.sitting import Sitting, SittingError, voice_id_of
from onema.speech.pack import VOICE_ID, Voice


@dataclass
class Studio:
    """The voices that are being recorded in a data folder, and where their packs go."""

    data: Path
    voices: Callable[[], Mapping[str, Voice]]
    """The voices whose lines can be read."""
    _sittings: dict[str, Sitting] = field(default_factory=dict)
    """Those that were opened, by voice id: they remember their clips."""

    @property
    def packs(self) -> Path:
        return self.data / "voices"

    @property
    def takes(self) -> Path:
        return self.data / "recordings"

    def begin(self, like: str, speaker: str, voice_id: str = "") -> Sitting:
        """A new sitting, or the one that was left. Raises SittingError.

        Without `voice_id` the voice is named after its speaker, with a number where they read other lines before.
        """
        voice = self.voices().get(like)
        if voice is None:
            raise SittingError(f"there is no voice {like!r} whose lines could be read")
        name = voice_id or self._free_name(voice, speaker)
        if not VOICE_ID.fullmatch(name):
            raise SittingError(f"a voice id is lower-case letters, digits and hyphens, not {name!r}")
        begun = Sitting.begin(self.takes / name, voice, speaker)
        return self._sittings.setdefault(name, begun)

    def _free_name(self, like: Voice, speaker: str) -> str:
        name = voice_id_of(like.language, speaker)
        for number in count(2):
            try:
                if self.find(name).like.id == like.id:
                    break
            except SittingError:
                break
            name = f"{voice_id_of(like.language, speaker)[:36]}-{number}"
        return name

    def find(self, voice_id: str) -> Sitting:
        """Raises SittingError when it was never begun."""
        if not VOICE_ID.fullmatch(voice_id):
            raise SittingError("there is no such recording")
        known = self._sittings.get(voice_id)
        if known is None or not known.folder.exists():
            known = self._sittings[voice_id] = Sitting.open(self.takes / voice_id, self.voices())
        return known

    def all(self) -> Iterator[Sitting]:
        """Those that can go on, by voice id."""
        for folder in sorted(self.takes.glob("*/")) if self.takes.is_dir() else ():
            try:
                yield self.find(folder.name)
            except SittingError:
                continue
