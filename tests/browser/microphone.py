"""A browser whose microphone hears a file: what a voice says, at 48 kHz in a quiet room, again and again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Page, async_playwright, expect

from onema.speech import Clip, Voice

from ..unit.speech.rooms import spoken, take

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

# Looked at with each frame: a word is shorter than the time between two looks of `expect`.
_SPOKEN_AND_QUIET = """() => {
  const now = performance.now();
  if (document.querySelector("#stage").dataset.speaks === "true") window.lastSpoken = now;
  return window.lastSpoken && now - window.lastSpoken > 600;
}"""


class Reader:
    """Who sits at the page. What they say is read by the browser when it opens the microphone: with `open`."""

    def __init__(self, page: Page, file: Path, voice: Voice) -> None:
        self.page = page
        self.problems: list[str] = []
        """What the browser complained of."""
        self._file = file
        self._voice = voice
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda told: self.problems.append(told.text) if told.type == "error" else None)

    def say(self, line: str, *, level: float = 0.5, pace: float = 1.0, noise: float = 0.0004) -> None:
        """From the next `open` on: the line, then some seconds of nothing, and so on."""
        self.hear(take(spoken(self.clip(line), level=level, pace=pace), before=0.2, after=3.4, noise=noise))

    def hear(self, wav: bytes) -> None:
        self._file.write_bytes(wav)

    def clip(self, line: str) -> Clip:
        return self._voice.lines[line]

    async def open(self) -> None:
        """Turn the microphone on, as one does first on the page."""
        await self.page.locator("#open").click()
        await expect(self.page.locator("#reading")).to_be_visible()

    async def begin(self) -> None:
        """Record by a key, between two times that the line is said."""
        # A sentence has short pauses in it.
        await self.page.evaluate("window.lastSpoken = 0")
        await self.page.wait_for_function(_SPOKEN_AND_QUIET)
        await self.page.locator("#record").press(" ")

    async def read(self) -> str:
        """Record a word; what the page says of it."""
        await self.begin()
        return await self.judgement()

    async def judgement(self) -> str:
        judged = self.page.locator("#stage:is([data-state=good], [data-state=bad], [data-state=doubt])")
        await expect(judged).to_be_visible(timeout=15_000)
        return await self.page.locator("#said").inner_text()


@asynccontextmanager
async def reader(
    chromium: str,
    folder: Path,
    voice: Voice,
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
    height: int = 860,
    language: str = "en-GB",
) -> AsyncIterator[Reader]:
    file = folder / "microphone.wav"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=[*_FLAGS, f"--use-file-for-fake-audio-capture={file}"]
        )
        context = await browser.new_context(
            color_scheme=scheme,
            reduced_motion="reduce",  # so that colours have changed over when a state has
            viewport={"width": width, "height": height},
            locale=language,
            permissions=["microphone"],
        )
        yield Reader(await context.new_page(), file, voice)
        await browser.close()
