"""Texts from which phones fill the code in: `origin` and `app_hash` of docs/api.md#text-that-phones-fill-in."""

import re
from typing import Any

import pytest

from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.values.money import parse_amount

from ..running_core import RunningCore
from .client import DOCUMENTS, VERIFICATIONS, create, post, preview
from .test_verifications import VOICE, ask, check, sent

APP = "FA+9qCX9VSu"
# https://wicg.github.io/sms-one-time-codes/#parsing, 2bb70db: what an origin-bound code is, of its last line.
ORIGIN_BOUND = re.compile(r"@(?P<host>[^ #]+) #(?P<code>[^ #]+)")


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS, *VOICE)
    return NativeApi(core.gateway, core.reads)


async def text_of(core: RunningCore, verification: str) -> str:
    return (await core.queued_sms(int(verification))).text


async def test_a_code_is_bound_to_an_origin(api: NativeApi, core: RunningCore) -> None:
    """By the very last line, which no line end follows; the code in it is the one above, and the right one."""
    verification = await sent(api, origin="Shop.Example")
    text = await text_of(core, verification)
    found = ORIGIN_BOUND.fullmatch(text.rpartition("\n")[2])
    assert found is not None
    assert (found["host"], found["code"]) == ("shop.example", text[:6])
    assert (await ask(api, check(verification, found["code"])))["valid"] is True


async def test_an_app_reads_its_code(api: NativeApi, core: RunningCore) -> None:
    """Its hash is the last line."""
    assert (await text_of(core, await sent(api, app_hash=APP))).endswith(f"\n{APP}")


async def test_the_line_stays_when_the_code_is_sent_again(api: NativeApi, core: RunningCore) -> None:
    """The text is the same, letter by letter."""
    verification = await sent(api, origin="shop.example")
    core.clock.advance(30)
    again = await ask(api, post(f"{VERIFICATIONS}/{verification}/resend"), 201)
    assert await text_of(core, again["message"]["id"]) == await text_of(core, verification)


async def test_the_line_is_paid_for(api: NativeApi, core: RunningCore) -> None:
    """A text of one segment takes two with it; the preview of the same text says so, and what it costs."""
    text = "{OTP} " + "x" * 145
    await core.configure(doc.Template(account="shop", brandname="Shop", text=text, name="long"))
    alone = await sent(api, template="long")
    with_line = await sent(api, template="long", origin="shop.example")
    messages = [await core.message("shop", int(one)) for one in (alone, with_line)]
    assert [(one.segments, one.price) for one in messages] == [
        (1, parse_amount("850")),
        (2, parse_amount("1700")),
    ]
    previewed = await ask(api, preview({"text": text, "to": "+84", "origin": "shop.example"}))
    assert (previewed["preview"]["segments"], previewed["price"]["total"]) == (2, "1700")
    assert previewed["preview"]["text"].endswith("\n@shop.example #000000")


async def test_the_preview_says_when_an_app_cannot_read_it(api: NativeApi) -> None:
    """The SMS Retriever takes one segment."""
    short = await ask(api, preview({"text": "{OTP} is your code", "app_hash": APP}))
    long = await ask(api, preview({"text": "{OTP} " + "x" * 160, "app_hash": APP}))
    note = "Android's SMS Retriever reads a text of one segment alone."
    assert (note in short["notes"], note in long["notes"]) == (False, True)
    assert short["preview"]["text"].endswith(f"\n{APP}")


async def test_a_template_may_have_the_line_itself(api: NativeApi, core: RunningCore) -> None:
    """Where a registry wants each word."""
    text = "{OTP} is your code.\n@shop.example #{OTP}"
    await core.configure(doc.Template(account="shop", brandname="Shop", text=text, name="bound"))
    told = await text_of(core, await sent(api, template="bound"))
    found = ORIGIN_BOUND.fullmatch(told.rpartition("\n")[2])
    assert found is not None
    assert found["code"] == told[:6]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"origin": "https://shop.example"}, "/origin"),
        ({"origin": "shop"}, "/origin"),
        ({"origin": "shop.example #1"}, "/origin"),
        ({"origin": "shop.example\n@evil.example"}, "/origin"),
        ({"origin": "-shop.example"}, "/origin"),
        ({"origin": f"{'a' * 64}.example"}, "/origin"),
        ({"app_hash": "FA+9qCX9VS"}, "/app_hash"),
        ({"app_hash": "FA+9qCX9VS\n"}, "/app_hash"),
        ({"app_hash": APP, "origin": "shop.example"}, "/app_hash"),
        ({"channel": "call", "application": "codes", "origin": "shop.example"}, "/origin"),
    ],
)
async def test_what_is_no_last_line_is_refused(
    api: NativeApi, core: RunningCore, members: dict[str, Any], pointer: str
) -> None:
    """Nothing can be smuggled into a text by it."""
    assert (await ask(api, create(members), 400))["pointer"] == pointer
    assert await core.messages("shop") == []
