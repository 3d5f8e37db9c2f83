"""What a call says: a voice, the application's own sentence or the voice's, and the code; or a text."""

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from onema.domain.delivery.payload import CallPayload
from onema.speech.clip import Clip
from onema.speech.making.render import SentenceRenderer
from onema.speech.message import SpokenMessage, read_out, speak
from onema.speech.pack import Voice
from onema.speech.spoken_texts import NoRenderer, SpokenTexts
from onema.speech.tones import in_tones

CODE_MARKER = "{OTP}"

Sentence = tuple[str, str]
"""(voice id, the sentence's text)."""


def parts(sentence: str) -> tuple[str, str]:
    """What is said before and after the code; without the marker, all of it before."""
    before, _, after = sentence.partition(CODE_MARKER)
    return before.strip(" ,.:;"), after.strip(" ,.:;")


async def render(renderer: SentenceRenderer, sentence: str, voice: Voice) -> tuple[bytes, bytes]:
    """The sentence's two parts as mu-law bytes, empty where nothing is said. Raises RenderError."""

    async def clip(text: str) -> bytes:
        return (await renderer.render(text, voice)).pcmu if text else b""

    before, after = await asyncio.gather(*map(clip, parts(sentence)))
    return before, after


class Announcements:
    """Speaks calls by joining clips that are all in memory; synthesises nothing, but for `prepare`.

    `load` reads the voices when the first of them is asked for: most command lines never speak. `texts` makes sound
    of texts; without it none can be read out.
    """

    def __init__(self, load: Callable[[], Mapping[str, Voice]], texts: SpokenTexts | None = None) -> None:
        self._load = load
        self._texts = texts or SpokenTexts(NoRenderer())
        self._sentences: dict[Sentence, tuple[Clip, Clip | None]] = {}
        """How sentences of applications sound, before the code and after it; `know` adds them."""

    @functools.cached_property
    def voices(self) -> Mapping[str, Voice]:
        return self._load()

    def know(self, voice: str, sentence: str, before: bytes, after: bytes) -> None:
        """Remember how an application's sentence sounds."""
        first, last = parts(sentence)
        self._sentences[voice, sentence] = (Clip(first, before), Clip(last, after) if after else None)

    def unknown(self, wanted: Iterable[Sentence]) -> list[Sentence]:
        return [
            sentence for sentence in wanted if sentence not in self._sentences and not self._is_own(sentence)
        ]

    def _is_own(self, sentence: Sentence) -> bool:
        """Whether a voice says this anyway when it has nothing else to say."""
        voice = self.voices.get(sentence[0])
        return voice is not None and parts(sentence[1]) == (voice.sentence.text, "")

    async def prepare(self, call: CallPayload) -> None:
        """Make sound of the call's text, before it is placed. Raises TooMany, and RenderError."""
        voice = self.voices.get(call.voice)
        if call.spoken_text and voice is not None:
            await self._texts.prepare(voice, call.spoken_text)

    def message(self, call: CallPayload) -> SpokenMessage:
        """Raises ValueError for a voice, code or rate that cannot be spoken, or a text that was not prepared. A
        sentence that was never made is replaced by the voice's own: the code is what matters.
        """
        return self._message(call, self._voice(call))

    def wav_in_tones(self, call: CallPayload) -> bytes:
        """The call with a tone in place of each character of a code. Raises ValueError as `message` does."""
        return self._message(call, in_tones(self._voice(call))).wav()

    def _voice(self, call: CallPayload) -> Voice:
        voice = self.voices.get(call.voice)
        if voice is None:
            raise ValueError(f"there is no voice {call.voice!r}")
        return voice

    def _message(self, call: CallPayload, voice: Voice) -> SpokenMessage:
        if call.spoken_text:
            return read_out(
                voice, self._texts.parts(voice, call.spoken_text), times=call.times, rate=call.rate
            )
        before, after = self._sentences.get((call.voice, call.sentence or ""), (None, None))
        return speak(voice, call.code, before=before, after=after, times=call.times, rate=call.rate)

    def seconds(self, call: CallPayload) -> float:
        """The length of the whole message."""
        return self.message(call).seconds

    def wav(self, call: CallPayload) -> bytes:
        return self.message(call).wav()

    def peaks(self, call: CallPayload, n: int) -> Sequence[float]:
        """The loudest of each of `n` equal stretches, 0.0 to 1.0."""
        return self.message(call).peaks(n)

    def sentence(self, call: CallPayload) -> str:
        """The words that are spoken before the code, or all of a text."""
        if call.spoken_text:
            return call.spoken_text
        if call.sentence:
            return parts(call.sentence)[0]
        voice = self.voices.get(call.voice)
        return voice.sentence.text if voice else ""


def voices_for(voices: Mapping[str, Voice], voice: str) -> list[Voice]:
    """The voices that an application's sentence is made for: all of the language of the application's voice,
    because a request may name any of them. "" is Vietnamese.
    """
    chosen = voices.get(voice or "vi-north")
    return [candidate for candidate in voices.values() if chosen and candidate.language == chosen.language]
