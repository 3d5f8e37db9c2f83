import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.administration.story import PHRASES
from onema.channels.handset.scripted_numbers import Script
from onema.cli.demo import hints
from onema.console.door.login import _NO_CODE, _NO_MATCH, _NO_PASSKEY
from onema.console.door.welcome import ROLES
from onema.console.operate.pages.system import VERDICTS
from onema.console.operate.sections import SECTIONS
from onema.console.words import ENGLISH, languages
from onema.domain.delivery.breaker import BreakerState
from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending
from onema.domain.records import MessageState
from onema.domain.state_machines import VerificationState

from .desk import Desk, MemoryInbox
from .office import OURS, Office

CONSOLE = Path(__file__).parents[3] / "src" / "onema" / "console"
OTHERS = sorted(set(languages()) - {ENGLISH})
CREDENTIALS = {
    "esms": {"ApiKey": "k", "SecretKey": "s", "Brandname": "B", "message": "{OTP}"},
    "vbee": {"apiKey": "k", "apiSecret": "s" * 32},
    "ytx": {"accountSID": "a", "authToken": "t", "appid": "i"},
    "native": {"key": "k", "secret": "s"},
    "twilio_verify": {"accountSid": "a", "authToken": "t", "serviceSid": "v"},
    "receivers": {"key": "k", "secret": "s"},
    "camara": {"clientId": "c", "clientSecret": "s"},
}


def said() -> Iterator[str]:
    """Every text that the pages say: literally, or because the server or the demo tells it."""
    for file in (*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.js"), *CONSOLE.rglob("*.py")):
        yield from re.findall(r'\bsay\(\s*"([^"]+)"', file.read_text("utf-8"))
    yield from ("Pause", "Play the call", _NO_MATCH)
    for states in (MessageState, Ending, CallState, VerificationState, BreakerState):
        yield from (one.value for one in states)
    yield from ("ready", "waiting", "active", "inactive", "full", "draining")
    yield from (script.value for script in Script)
    yield from PHRASES
    yield from (*ROLES.values(), _NO_CODE, _NO_PASSKEY)
    yield from VERDICTS.values()
    yield from (section.title for section in SECTIONS)
    for hint in hints("http://127.0.0.1:8400", CREDENTIALS):
        yield hint.title
        if hint.note:
            yield hint.note


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_nothing_else(language: str) -> None:
    """Neither a forgotten text nor one that nobody says any more."""
    assert set(languages()[language].texts) == set(said())


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_same_gaps(language: str) -> None:
    """A number that is left out would be lost."""
    for english, other in languages()[language].texts.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", other))


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("zh-Hant-TW, en;q=0.5", "zh"),
        ("fr-FR, zh;q=0.4, en;q=0.3", "zh"),
        ("en;q=0.3, VI;q=0.4", "vi"),
        ("vi;q=0, zh;q=0.1", "zh"),
        ("fr, *;q=0.1", "en"),
        (";;q=,vi;q=x", "en"),
    ],
)
async def test_the_page_speaks_the_first_language_that_the_browser_asks_for(
    asked: str, language: str
) -> None:
    """By weight, whatever the region; English when we have none of them."""
    desk = Desk(inbox=MemoryInbox())
    assert f'<html lang="{language}">' in (await desk.get("/handset", accept_language=asked)).text


async def test_the_login_speaks_it_too() -> None:
    """Its errors included."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    desk.headers["accept-language"] = "vi"
    assert "Đăng nhập onema" in (await desk.get("/login")).text
    assert "Tên và mật khẩu không khớp." in (await desk.log_in("lan", "wrong")).text
    for _ in range(4):
        await desk.log_in("lan", "wrong")
    assert "15 giây" in (await desk.log_in("lan", "wrong")).text or "30 giây" in (await desk.log_in()).text


async def test_no_text_can_end_the_block_that_it_is_in() -> None:
    """The page hands its words to the scripts as data."""
    assert "<" not in languages()["vi"].as_json()


async def test_a_messages_story_is_told_in_the_readers_language(office: Office) -> None:
    """What happened, who asked, what it cost; a refusal's reason is a word that each catalogue has."""
    identifier = await office.send("acme", OURS)
    await office.desk.log_in()
    for language, words in (
        ("en", ("requested", "native asked for an SMS to +84901888484")),
        ("vi", ("đã yêu cầu", "native yêu cầu gửi SMS tới +84901888484", "tạm giữ tiền")),
        ("zh", ("已请求", "native 请求向 +84901888484 发送短信", "冻结金额")),
    ):
        office.desk.headers["accept-language"] = language
        page = await office.page(f"/console/messages/{identifier}")
        for word in words:
            assert word in page, (language, word)
