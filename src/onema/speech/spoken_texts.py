"""Texts of messages as sound: made before their calls are placed, never while one is, and never kept on a disk."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from onema.domain.values.spoken_text import Part, parts_of
from onema.speech.clip import Clip
from onema.speech.making.render import RenderError, SentenceRenderer
from onema.speech.pack import Voice

MOST_BYTES = 32 * 1024 * 1024
"""Of clips in memory: more than an hour of speech."""
AT_ONCE = 2
"""Each takes a processor for a moment."""
MOST_WAITING = 32

_Spoken = tuple[str, str]
"""(voice, what it says)."""


class TooMany(ValueError):
    """So many texts wait to become sound that the next had better come later."""


class SpokenTexts:
    """What a text shares with others, such as the words around a code, is made once: texts are made clause by clause,
    and codes in them are spelled with the voice's own clips.
    """

    def __init__(
        self,
        renderer: SentenceRenderer,
        *,
        most_bytes: int = MOST_BYTES,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._renderer = renderer
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._places = asyncio.Semaphore(at_once)
        self._clips: OrderedDict[_Spoken, Clip] = OrderedDict()
        """What was made, that which was not asked for longest first."""
        self._bytes = 0
        self._making: dict[_Spoken, asyncio.Task[Clip]] = {}
        """What is being made now, so that nothing is made twice."""

    async def prepare(self, voice: Voice, text: str) -> None:
        """Make what is missing of it. Raises TooMany, and RenderError."""
        missing = [part.text for part in parts_of(text) if not part.spelled and not self._known(voice, part)]
        if missing and len(self._making) >= self._most_waiting:
            raise TooMany
        for piece in dict.fromkeys(missing):
            key = (voice.id, piece)
            if key not in self._making:
                self._making[key] = asyncio.create_task(self._make(voice, piece))
        ended = await asyncio.gather(
            *(asyncio.shield(self._making[voice.id, piece]) for piece in dict.fromkeys(missing)),
            return_exceptions=True,
        )
        for problem in ended:
            if isinstance(problem, BaseException):
                raise problem

    def parts(self, voice: Voice, text: str) -> Sequence[Clip | str]:
        """Clips, and what is spelled between them. Raises ValueError for a text that was not prepared."""
        found: list[Clip | str] = []
        for part in parts_of(text):
            clip = None if part.spelled else self._clips.get((voice.id, part.text))
            if not part.spelled and clip is None:
                raise ValueError("the text was not made into sound")
            found.append(clip or part.text)
        return found

    def _known(self, voice: Voice, part: Part) -> bool:
        key = (voice.id, part.text)
        if key not in self._clips:
            return False
        self._clips.move_to_end(key)
        return True

    async def _make(self, voice: Voice, piece: str) -> Clip:
        try:
            async with self._places:
                clip = await self._renderer.render(piece, voice)
        finally:
            del self._making[voice.id, piece]
        self._clips[voice.id, piece] = clip
        self._bytes += len(clip.pcmu)
        while self._bytes > self._most_bytes and len(self._clips) > 1:
            _, oldest = self._clips.popitem(last=False)
            self._bytes -= len(oldest.pcmu)
        return clip


class NoRenderer:
    """Where nothing makes sound of texts."""

    async def render(self, text: str, voice: Voice) -> Clip:
        raise RenderError("nothing here makes sound of texts")
