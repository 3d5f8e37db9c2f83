from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from onema.domain.values.language import BUILT_IN_VOICES
from onema.speech import pack
from onema.speech.pack import PackError, Voice

BUILT_IN = Path(__file__).parent / "packs"


class Voices(Mapping[str, Voice]):
    """The voices by id, in order of id."""

    def __init__(self, voices: Mapping[str, Voice]) -> None:
        self._voices = dict(sorted(voices.items()))

    @classmethod
    def load(cls, *folders: Path, built_in: Path | None = BUILT_IN) -> Voices:
        """Every pack of the built-in folder, then of `folders`; the later of two with one id wins.

        So an operator's own recording replaces a built-in voice by carrying its id. Raises PackError.
        """
        voices: dict[str, Voice] = {}
        for folder in (built_in, *folders):
            if folder is None:
                continue
            if not folder.is_dir():
                raise PackError(f"{folder} is not a folder of voice packs")
            for manifest in sorted(folder.glob(f"*/{pack.MANIFEST}")):
                voice = pack.load(manifest.parent)
                voices[voice.id] = voice
        return cls(voices)

    @staticmethod
    def ids(*folders: Path) -> tuple[str, ...]:
        """What the voices of the built-in folder and of `folders` are called; what cannot be read has no name."""
        found = set()
        for manifest in (
            manifest for folder in (BUILT_IN, *folders) for manifest in folder.glob(f"*/{pack.MANIFEST}")
        ):
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                found.add(str(json.loads(manifest.read_text("utf-8"))["voice"]))
        return tuple(sorted(found))

    def for_language(self, language: str) -> Voice:
        """The default voice of an ISO 639-1 language. Raises KeyError where there is none."""
        default = self._voices.get(BUILT_IN_VOICES.get(language, ""))
        if default is not None:
            return default
        for voice in self._voices.values():
            if voice.language == language:
                return voice
        raise KeyError(language)

    def __getitem__(self, voice_id: str) -> Voice:
        return self._voices[voice_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._voices)

    def __len__(self) -> int:
        return len(self._voices)
