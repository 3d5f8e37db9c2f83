"""The console's page about voices and caller numbers: docs/operations/console.md."""

import re

import pytest
import pytest_asyncio

from onema.console.operate.pages.voice import CODE_TO_HEAR
from onema.domain.codes.hotlines import EVERY_ACCOUNT, SCOPE
from onema.domain.configuration import documents as doc
from onema.domain.records import Window
from onema.speech import Voices
from onema.speech.hearing.decode import hear_wav

from .office import Office

POOLS: tuple[doc.AnyDocument, ...] = (
    doc.HotlinePool(name="north"),
    doc.HotlinePool(name="south", state="inactive"),
    doc.Hotline(pool="north", number="+842471000001", daily_cap=2),
    doc.Hotline(pool="north", number="+842471000002", state="inactive"),
    doc.Hotline(pool="south", number="+842871000001"),
    doc.Application(account="acme", name="shop", pool="north"),
)


@pytest_asyncio.fixture
async def voices(office: Office) -> Office:
    """An office whose calls are heard, with two pools; one number has reached its cap."""
    await office.core.configure(*POOLS)
    now = office.core.clock.now()
    counter = Window(EVERY_ACCOUNT, SCOPE, "+842471000001", f"86400:{now}:2", now + 86_400_000)
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, [counter])
    return office


async def test_numbers_stand_with_their_caps_and_what_is_left(voices: Office) -> None:
    """Of all pools for an operator."""
    await voices.desk.log_in()
    page = re.sub(r"\s+", " ", await voices.page("/console/voice"))
    assert re.findall(r"<caption>Pool (\w+)", page) == ["north", "south"]
    rows = re.findall(
        r'<tr><td class="number">(\S+)</td><td>(.*?)</td><td class="amount">(\d+)</td><td class="amount">(.*?)</td>',
        page,
    )
    assert [
        (number, re.findall(r'"state (\w+)"', state), used, cap) for number, state, used, cap in rows
    ] == [
        ("+842471000001", ["active", "full"], "2", "2"),
        ("+842471000002", ["inactive"], "0", "–"),
        ("+842871000001", ["active"], "0", "–"),
    ]


async def test_a_customer_sees_the_numbers_that_the_own_calls_come_from(voices: Office) -> None:
    """And no others."""
    await voices.desk.log_in("hoa")
    page = await voices.page("/console/voice")
    assert "+842471000001" in page
    assert "+842871000001" not in page


async def test_every_voice_can_be_heard(voices: Office) -> None:
    """The sample is a call: the matched filter hears the code in it, twice."""
    await voices.desk.log_in("hoa")
    page = await voices.page("/console/voice")
    samples = re.findall(r'<audio controls preload="none" src="/console/voice/([^"]+).wav"', page)
    assert sorted(samples) == sorted(Voices.load())
    for name, pack in Voices.load().items():
        answer = await voices.desk.get(f"/console/voice/{name}.wav")
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
        assert hear_wav(answer.body, pack).codes == (CODE_TO_HEAR, CODE_TO_HEAR)
    assert (await voices.desk.get("/console/voice/nobody.wav")).status == 404


PAGE = "/console/voice"
ONE = {"pool": "north", "number": "+842471000001"}


async def test_an_operator_adds_numbers_to_pools(voices: Office) -> None:
    """With or without a cap, each once."""
    await voices.desk.log_in("tam")
    await voices.submit(PAGE, "pool", name="west")
    await voices.submit(PAGE, "hotline", pool="west", number="+842871000009", daily_cap="500")
    await voices.submit(PAGE, "hotline", pool="west", number="19001234", daily_cap="")
    found = [voices.document(doc.Hotline, f"west/{number}") for number in ("+842871000009", "19001234")]
    assert [one.daily_cap for one in found if one] == [500, 0]
    for do, fields, said in (
        ("pool", {"name": "west"}, 'id="pool-name-error">This is there already.'),
        ("pool", {"name": "no space"}, 'id="pool-name-error">A name has up to 64'),
        (
            "hotline",
            {"pool": "west", "number": "19001234", "daily_cap": ""},
            'id="hotline-number-error">This is there already.',
        ),
        (
            "hotline",
            {"pool": "west", "number": "x", "daily_cap": ""},
            'id="hotline-number-error">Write 3 to 15 digits',
        ),
        (
            "hotline",
            {"pool": "west", "number": "19001235", "daily_cap": "-1"},
            'id="hotline-daily_cap-error">Write a number from 0',
        ),
    ):
        assert said in (await voices.submit(PAGE, do, 422, **fields)).text


async def test_an_operator_changes_switches_and_removes_numbers(voices: Office) -> None:
    """And pools that nothing names any more."""
    await voices.desk.log_in("tam")
    await voices.submit(PAGE, "cap", **ONE, daily_cap="7")
    await voices.submit(PAGE, "off", **ONE)
    found = voices.document(doc.Hotline, "north/+842471000001")
    assert found is not None
    assert (found.daily_cap, found.state) == (7, "inactive")
    assert 'aria-invalid="true"' in (await voices.submit(PAGE, "cap", 422, **ONE, daily_cap="many")).text
    await voices.submit(PAGE, "on", pool="south")
    pool = voices.document(doc.HotlinePool, "south")
    assert pool is not None
    assert pool.state == "active"
    refused = await voices.submit(PAGE, "remove", 422, pool="south")
    assert 'role="alert"' in refused.text
    await voices.submit(PAGE, "remove", pool="south", number="+842871000001")
    await voices.submit(PAGE, "remove", pool="south")
    assert voices.document(doc.HotlinePool, "south") is None


@pytest.mark.parametrize("name", ["mai", "chi", "hoa", "bao"])
async def test_only_operators_change_numbers(voices: Office, name: str) -> None:
    """Nobody else is offered a form, and none is obeyed."""
    await voices.desk.log_in(name)
    assert 'method="post"' not in (await voices.page(PAGE)).split("<main")[1]
    for do, fields in (
        ("pool", {"name": "west"}),
        ("hotline", {"pool": "north", "number": "19001234", "daily_cap": ""}),
        ("cap", {**ONE, "daily_cap": "7"}),
        ("remove", ONE),
    ):
        assert (await voices.desk.post(PAGE, {"do": do, **fields})).status in (404, 422)
    found = voices.document(doc.Hotline, "north/+842471000001")
    assert found is not None
    assert (found.daily_cap, voices.document(doc.HotlinePool, "west")) == (2, None)
