"""`onema voice record` as a speaker uses it: the real command, a browser, a microphone that hears real speech."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import expect

from onema.speech import Voices
from onema.speech.making.sitting import Sitting
from onema.speech.pack import LINE_IDS

from ..unit.speech.rooms import spoken, take
from .conftest import Shoot
from .contrast import CONTRAST
from .microphone import Reader, reader

VOICE = Voices.load()["vi-north"]


class Command:
    """`onema voice record --language vi --name Lan` in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "onema.cli",
                "voice",
                "record",
                "--language",
                "vi",
                "--name",
                "Lan",
                "--json",
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = "".join(iter(self._process.stdout.readline, "}\n")) + "}"
        self.told: dict[str, str] = json.loads(told)
        self.address = self.told["address"]

    @property
    def sitting(self) -> Sitting:
        return Sitting.open(self.folder / self.told["takes"], {VOICE.id: VOICE})

    def read(self, *lines: str, second: bool = True) -> None:
        """Lines that were read at another time."""
        for line in lines:
            self.sitting.write(line, 0, take(spoken(VOICE.lines[line])))
            self.sitting.keep(line)
            if second and line in VOICE.characters:
                self.sitting.write(line, 0, take(spoken(VOICE.lines[line], pace=0.95)))
                self.sitting.keep(line, second=True)

    def end(self) -> str:
        """Ctrl-C; what it says then."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        _, complaint = self._process.communicate(timeout=10)
        assert self._process.returncode == 0
        return str(complaint)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command.end()


@pytest_asyncio.fixture
async def lan(chromium: str, tmp_path: Path) -> AsyncIterator[Reader]:
    async with reader(chromium, tmp_path, VOICE) as lan:
        yield lan


async def test_a_line_is_read_heard_kept_and_left(command: Command, lan: Reader, shoot: Shoot) -> None:
    """With the keyboard alone: Space, the word, Enter. Who comes back finds the next line."""
    lan.say("0")
    page = lan.page
    await page.goto(command.address)
    await expect(page.locator("#welcome")).to_contain_text("Find a quiet room")
    await shoot(page, "record-welcome")
    await page.locator("#open").press("Enter")
    await expect(page.locator("#line")).to_have_text("không")
    assert await lan.read() == "Good"
    await expect(page.locator("#wave i")).to_have_count(72)
    await shoot(page, "record-good")
    await page.keyboard.press("l")
    await expect(page.locator("#stage")).to_have_attribute("data-state", "good")
    await page.keyboard.press("Enter")
    await expect(page.locator("#line")).to_have_text("một")
    await expect(page.locator("#count")).to_have_text("1 of 73 read")
    assert command.sitting.clip("0").seconds == pytest.approx(VOICE.lines["0"].seconds, abs=0.12)

    await page.reload()
    await expect(page.locator("#count")).to_have_text("1 of 73 read")
    lan.say("1")
    await lan.open()
    await expect(page.locator("#line")).to_have_text("một")
    assert await lan.read() == "Good"
    assert lan.problems == []


async def test_a_bad_take_is_said_at_once(command: Command, lan: Reader, shoot: Shoot) -> None:
    """In plain words, and it cannot be kept: the reader is too near."""
    lan.say("0", level=8.0)
    page = lan.page
    await page.goto(command.address)
    await lan.open()
    assert await lan.read() == "Too loud, the sound is distorted. Move away a little."
    await expect(page.locator("#keep")).to_be_hidden()
    await shoot(page, "record-bad")
    await page.keyboard.press("Enter")
    await expect(page.locator("#line")).to_have_text("không")
    assert not command.sitting.has("0")


async def test_a_word_for_another_is_doubted(command: Command, lan: Reader, shoot: Shoot) -> None:
    """In the second reading a 9 was said for the 6; the page says so, and it may be read again."""
    command.read(*LINE_IDS)
    command.sitting.kept_file("6", second=True).unlink()
    lan.say("9", pace=1.05)
    page = lan.page
    await page.goto(command.address)
    await lan.open()
    await expect(page.locator("#step")).to_contain_text("Once more")
    await expect(page.locator("#line")).to_have_text("sáu")
    assert "This sounds like your 9." in await lan.read()
    await expect(page.locator("#keep")).to_have_text("Keep it anyway")
    await shoot(page, "record-doubt")
    await page.locator("[data-line='6']").click()
    await expect(page.locator("#step")).to_have_text("Line 7 of 37")


async def test_a_voice_is_made_when_all_is_read(command: Command, lan: Reader, shoot: Shoot) -> None:
    """The last line, consent, 50 random codes heard; the pack is there, and the command says so."""
    command.read(*LINE_IDS[:-1])
    lan.say("sentence")
    page = lan.page
    await page.goto(command.address)
    await lan.open()
    await expect(page.locator("#line")).to_have_text("Mã xác thực của bạn là")
    assert await lan.read() == "Good"
    await page.keyboard.press("Enter")
    await expect(page.locator("#finish")).to_be_visible()
    await shoot(page, "record-finish")
    await page.get_by_label("What others may do with this voice").select_option("CC0-1.0")
    await page.get_by_role("button", name="Make the voice").click()
    await expect(page.locator("#made")).to_be_hidden()  # Nobody has agreed yet.
    await page.get_by_label("Lan agrees that this voice reads codes out in calls.").check()
    await page.get_by_role("button", name="Make the voice").click()
    await expect(page.locator("#made-heard")).to_have_text(
        "50 of 50 random codes were heard exactly.", timeout=20_000
    )
    await shoot(page, "record-made")
    made = Voices.load(command.folder / "data" / "voices")["vi-lan"]
    assert made.origin.licence == "CC0-1.0"
    assert made.origin.consent.startswith("Lan agreed on 20")
    assert lan.problems == []
    assert "a server reads it when it starts" in await asyncio.to_thread(command.end)


async def test_takes_may_follow_each_other_by_themselves(command: Command, lan: Reader) -> None:
    """Good ones are kept and the next line begins; the first bad one stops it."""
    lan.hear(take(*(spoken(VOICE.lines[line]) for line in "01"), before=0.2, after=3.4, pause=4.0))
    page = lan.page
    await page.goto(command.address)
    await lan.open()
    await page.locator("#by-itself").check()
    await lan.begin()
    await expect(page.locator("#count")).to_have_text("2 of 73 read", timeout=20_000)
    assert command.sitting.has("1")


@pytest.mark.parametrize(
    ("scheme", "width", "language", "line"),
    [
        ("light", 360, "vi-VN", "Dòng 2/37"),
        ("dark", 360, "zh-CN", "第 2 行，共 37 行"),
    ],
)
async def test_everybody_can_read_and_reach_it(
    chromium: str,
    command: Command,
    tmp_path: Path,
    shoot: Shoot,
    scheme: Literal["light", "dark"],
    width: int,
    language: str,
    line: str,
) -> None:
    """At a phone's width, in both colour schemes and three languages: contrast, names of controls, large targets."""
    command.read("0", second=False)
    async with reader(chromium, tmp_path, VOICE, scheme=scheme, width=width, language=language) as lan:
        lan.say("0")
        page = lan.page
        await page.goto(command.address)
        await shoot(page, f"record-{width}-{scheme}-welcome")
        await check(lan, width)
        await lan.open()
        await expect(page.locator("#step")).to_have_text(line)
        await expect(page.locator("html")).to_have_attribute("lang", language[:2])
        await expect(page.locator("#line")).to_have_attribute("lang", "vi")
        await lan.read()
        await shoot(page, f"record-{width}-{scheme}")
        await check(lan, width)
        await page.locator("[data-line='sentence']").click()
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert lan.problems == []


async def check(lan: Reader, width: int) -> None:
    page = lan.page
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    texts = "p, h1, h2, li, label, code, #count, .record span, .primary, .quiet, .lines button, kbd"
    contrasts = await page.evaluate(CONTRAST, texts)
    assert len(contrasts) > 40
    assert [found for found in contrasts if found[1] < 4.5] == []
    nameless = (
        "[...document.querySelectorAll('button, input, select, a')].filter((one) => one.checkVisibility())"
    )
    assert (
        await page.evaluate(
            f"{nameless}.filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"
        )
        == 0
    )
    # WCAG 2.2, 2.5.8: 24 pixels at least, but for a box whose label is pressed as well.
    small = "one.closest('label') === null && one.getBoundingClientRect().height < 24"
    assert await page.evaluate(f"{nameless}.filter((one) => {small}).length") == 0


async def test_without_a_microphone_the_page_says_what_to_do(
    chromium: str, command: Command, tmp_path: Path
) -> None:
    """The browser was told not to: the reason is on the page, and one may try again."""
    async with reader(chromium, tmp_path, VOICE) as lan:
        await lan.page.add_init_script(
            "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') }"
        )
        await lan.page.goto(command.address)
        await lan.page.locator("#open").click()
        await expect(lan.page.get_by_role("alert").first).to_contain_text("Allow it for this page")
        await expect(lan.page.locator("#open")).to_be_visible()


async def test_a_second_browser_is_told_to_run_it_again(
    chromium: str, command: Command, tmp_path: Path
) -> None:
    """The address is good once."""
    async with reader(chromium, tmp_path, VOICE) as lan, reader(chromium, tmp_path, VOICE) as stranger:
        await lan.page.goto(command.address)
        answer = await stranger.page.goto(command.address)
        assert answer is not None
        assert answer.status == 403
        await expect(stranger.page.locator("body")).to_contain_text("Run it again")
