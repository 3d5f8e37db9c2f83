"""Texts of messages as sound: what is made, when, and what of it is kept."""

import asyncio

import pytest

from onema.domain.delivery.payload import CallPayload
from onema.domain.values.phone import Phone
from onema.speech import Voices
from onema.speech.announcement import Announcements
from onema.speech.clip import Clip
from onema.speech.hearing.decode import hear_wav
from onema.speech.making.render import EspeakRenderer, RenderError
from onema.speech.message import BETWEEN_CHARACTERS, read_out
from onema.speech.pack import Voice
from onema.speech.spoken_texts import SpokenTexts, TooMany

TEXT = "您的验证码是66537，2分钟内有效"


class CountingRenderer:
    """Makes a second of silence of everything; `let_go` lets it end, `refuses` is what it cannot say."""

    def __init__(self, refuses: str = "") -> None:
        self.rendered: list[tuple[str, str]] = []
        self.under_way = 0
        self.most = 0
        self.begun = asyncio.Semaphore(0)
        """Released by each that begins."""
        self.let_go = asyncio.Event()
        self.let_go.set()
        self._refuses = refuses

    async def render(self, text: str, voice: Voice) -> Clip:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.begun.release()
        try:
            await self.let_go.wait()
        finally:
            self.under_way -= 1
        if text == self._refuses:
            raise RenderError("it cannot be said")
        self.rendered.append((voice.id, text))
        return Clip.silence(1.0)


def call(text: str, voice: str = "zh", times: int = 1, rate: float = 1.0) -> CallPayload:
    return CallPayload(
        Phone("+8613911281234"), "", voice, "", None, times, rate, 60, 1_800_000_000_000, spoken_text=text
    )


async def test_only_words_are_rendered_and_each_once(voices: Voices) -> None:
    """A code is spelled with the voice's own clips; what was said before need not be made again."""
    renderer = CountingRenderer()
    texts = SpokenTexts(renderer)
    await texts.prepare(voices["zh"], TEXT)
    await texts.prepare(voices["zh"], TEXT.replace("66537", "11111"))
    assert renderer.rendered == [("zh", "您的验证码是"), ("zh", "2分钟内有效")]
    parts = texts.parts(voices["zh"], TEXT)
    assert [part if isinstance(part, str) else part.seconds for part in parts] == [1.0, "66537", 1.0]


async def test_every_voice_says_it_in_its_own_way(voices: Voices) -> None:
    """What one has said another must still learn."""
    renderer = CountingRenderer()
    texts = SpokenTexts(renderer)
    for voice in ("vi-north", "vi-south"):
        await texts.prepare(voices[voice], "xin chào")
    assert renderer.rendered == [("vi-north", "xin chào"), ("vi-south", "xin chào")]


async def test_two_who_say_the_same_at_once_wait_for_one(voices: Voices) -> None:
    """And never more than so many are made at once."""
    renderer = CountingRenderer()
    renderer.let_go.clear()
    texts = SpokenTexts(renderer, at_once=2)
    waiting = [asyncio.create_task(texts.prepare(voices["en"], text)) for text in ("a", "b", "c", "a")]
    for _ in range(2):
        await renderer.begun.acquire()
    renderer.let_go.set()
    await asyncio.gather(*waiting)
    assert sorted(text for _, text in renderer.rendered) == ["a", "b", "c"]
    assert renderer.most == 2


async def test_who_finds_no_place_comes_later(voices: Voices) -> None:
    """What is known already, or spelled, needs none."""
    renderer = CountingRenderer()
    texts = SpokenTexts(renderer, at_once=1, most_waiting=1)
    await texts.prepare(voices["en"], "known")
    await renderer.begun.acquire()
    renderer.let_go.clear()
    first = asyncio.create_task(texts.prepare(voices["en"], "new"))
    await renderer.begun.acquire()
    with pytest.raises(TooMany):
        await texts.prepare(voices["en"], "another")
    await texts.prepare(voices["en"], "known, 4711")
    renderer.let_go.set()
    await first


async def test_what_cannot_be_said_is_told_and_may_be_tried_again(voices: Voices) -> None:
    """The rest of the text is there the next time."""
    renderer = CountingRenderer(refuses="bad")
    texts = SpokenTexts(renderer)
    for _ in range(2):
        with pytest.raises(RenderError):
            await texts.prepare(voices["en"], "good, bad")
    assert renderer.rendered == [("en", "good")]
    with pytest.raises(ValueError, match="was not made"):
        texts.parts(voices["en"], "good, bad")


async def test_memory_is_bounded_by_what_was_not_asked_for_longest(voices: Voices) -> None:
    """A second of speech is 8,000 octets."""
    renderer = CountingRenderer()
    texts = SpokenTexts(renderer, most_bytes=16_000)
    for text in ("first", "second", "first", "third"):
        await texts.prepare(voices["en"], text)
    assert len(texts.parts(voices["en"], "first, third")) == 2
    with pytest.raises(ValueError, match="was not made"):
        texts.parts(voices["en"], "second")


async def test_a_call_reads_its_text_out_as_often_as_it_was_asked(voices: Voices) -> None:
    """Clauses, the spelled code, and pauses; at the pace of the call."""
    announcements = Announcements(lambda: voices, SpokenTexts(CountingRenderer()))
    with pytest.raises(ValueError, match="was not made"):
        announcements.message(call(TEXT))
    for times in (1, 2, 3):
        await announcements.prepare(call(TEXT, times=times))
        message = announcements.message(call(TEXT, times=times))
        spelled = [clip.text for clip, _ in message.paced if clip in voices["zh"].characters.values()]
        assert spelled == [voices["zh"].characters[digit].text for digit in "66537"] * times
        assert sum(clip.seconds == 1.0 for clip, _ in message.paced) == 2 * times
    slow, fast = (announcements.seconds(call(TEXT, rate=rate)) for rate in (0.6, 1.4))
    assert slow > 2 * fast


async def test_a_code_is_heard_apart_from_the_words_around_it(voices: Voices) -> None:
    """By a pause, of which there is none before the first word and behind the last."""
    clips = read_out(voices["en"], [Clip.silence(1.0), "47", Clip.silence(2.0)]).clips
    pauses = [clip.seconds for clip in clips if not clip.text and clip.seconds not in (1.0, 2.0)]
    assert (
        pauses.count(round(BETWEEN_CHARACTERS, 2)) == 4
    )  # around the code and within it, and to begin with the lead-out


def test_nothing_to_say_is_no_call(voices: Voices) -> None:
    """Nor is saying it no times."""
    for parts, times in (([], 1), (["47"], 0)):
        with pytest.raises(ValueError, match="nothing to say"):
            read_out(voices["en"], parts, times=times)


def test_the_words_of_a_text_are_the_text(voices: Voices) -> None:
    """For who looks at the simulated phone."""
    assert Announcements(lambda: voices).sentence(call(TEXT)) == TEXT


async def test_without_a_renderer_no_text_is_read_out(voices: Voices) -> None:
    """A text is refused, a code is spoken as ever."""
    announcements = Announcements(lambda: voices)
    with pytest.raises(RenderError):
        await announcements.prepare(call(TEXT))
    await announcements.prepare(call(""))


async def test_espeak_reads_a_text_of_each_language(voices: Voices) -> None:
    """The clauses are sound, at the loudness of the voice's own clips."""
    assert EspeakRenderer.is_installed()
    texts = SpokenTexts(EspeakRenderer())
    for voice, text in (("zh", "联想监控中心通知，单据REQ00012345"), ("vi-south", "Kho số 2 đã hết hàng")):
        await texts.prepare(voices[voice], text)
        message = read_out(voices[voice], texts.parts(voices[voice], text))
        assert 1.0 < message.seconds < 20.0
        assert max(message.peaks(20)) > 0.2
    # What is spelled is understood as every code is.
    await texts.prepare(voices["zh"], TEXT)
    spoken = read_out(voices["zh"], texts.parts(voices["zh"], TEXT))
    words = [part for part in texts.parts(voices["zh"], TEXT) if isinstance(part, Clip)]
    assert hear_wav(spoken.wav(), voices["zh"], beside=words).code == "66537"
