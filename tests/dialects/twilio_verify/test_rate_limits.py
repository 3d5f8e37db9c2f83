"""https://www.twilio.com/docs/verify/api/service-rate-limits and .../service-rate-limit-buckets"""

import asyncio
import hashlib
import json
import re

import pytest

from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.domain.records import Window

from ..running_core import RunningCore
from .asked import ask, error
from .client import ACCOUNT_SID, SERVICE, SERVICE_SID, get, post, start

LIMITS = f"{SERVICE}/RateLimits"


async def limited(api: TwilioVerifyApi, *buckets: tuple[int, int]) -> str:
    """The path of a limit `session` with buckets of (max, interval)."""
    made = await ask(api, post(LIMITS, {"UniqueName": "session"}), 201)
    path = f"{LIMITS}/{made['sid']}"
    for most, interval in buckets:
        await ask(api, post(f"{path}/Buckets", {"Max": str(most), "Interval": str(interval)}), 201)
    return path


def started(value: str, phone: str = "+84901888484") -> dict[str, str]:
    return {"To": phone, "RateLimits": json.dumps({"session": value})}


async def test_a_limit_and_its_buckets_have_every_documented_member(api: TwilioVerifyApi) -> None:
    """Made, read, listed, changed and deleted."""
    made = await ask(api, post(LIMITS, {"UniqueName": "session", "Description": "per login"}), 201)
    assert re.fullmatch("RK[0-9a-f]{32}", made["sid"])
    path = f"{LIMITS}/{made['sid']}"
    assert made == {
        "sid": made["sid"],
        "service_sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "unique_name": "session",
        "description": "per login",
        "date_created": made["date_created"],
        "date_updated": made["date_created"],
        "url": f"http://onema.test:8400{path}",
        "links": {"buckets": f"http://onema.test:8400{path}/Buckets"},
    }
    assert made["date_created"] > "2020"
    assert (await ask(api, get(LIMITS)))["rate_limits"] == [made]
    changed = await ask(api, post(path, {"Description": ""}))
    assert await ask(api, get(path)) == changed == made | {"description": ""}
    bucket = await ask(api, post(f"{path}/Buckets", {"Max": "4", "Interval": "60"}), 201)
    assert bucket == {
        "sid": bucket["sid"],
        "rate_limit_sid": made["sid"],
        "service_sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "max": 4,
        "interval": 60,
        "date_created": bucket["date_created"],
        "date_updated": bucket["date_created"],
        "url": f"http://onema.test:8400{path}/Buckets/{bucket['sid']}",
    }
    of_bucket = f"{path}/Buckets/{bucket['sid']}"
    assert await ask(api, post(of_bucket, {"Max": "5"})) == bucket | {"max": 5}
    assert await ask(api, get(of_bucket)) == bucket | {"max": 5}
    assert (await ask(api, get(f"{path}/Buckets")))["buckets"] == [bucket | {"max": 5}]
    for one in (of_bucket, path):
        assert (await api.answer(post(one, {}, method="DELETE"))).status == 204
        assert await error(api, get(one)) == (404, 20404)


async def test_a_verification_is_counted_for_the_value_that_it_gives(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Whatever its phone; another value has counts of its own, and with the interval it begins anew."""
    await limited(api, (2, 60))
    phones = [f"+8490188848{number}" for number in range(4)]
    for phone in phones[:2]:
        await ask(api, start(started("one", phone)), 201)
    for phone in phones[2:]:
        assert await error(api, start(started("one", phone))) == (429, 20429)
    await ask(api, start(started("two", phones[2])), 201)
    core.clock.advance(60)
    await ask(api, start(started("one", phones[3])), 201)
    assert len(await core.messages("shop")) == 4


async def test_each_bucket_holds(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The first that is full refuses; many at once are decided one after the other."""
    await limited(api, (10, 60), (3, 3600))
    phones = [f"+8490188848{number}" for number in range(8)]
    answers = await asyncio.gather(*(api.answer(start(started("one", phone))) for phone in phones))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [429] * 5


async def test_what_is_counted_is_not_kept(api: TwilioVerifyApi, core: RunningCore) -> None:
    """It may be a person's address: only its hash stands in the window."""
    await limited(api, (2, 60))
    await ask(api, start(started("203.0.113.77")), 201)
    hashed = hashlib.sha256(b"203.0.113.77").hexdigest()[:32]
    kept = {
        subject: bool(
            await core.storage.read([(Window, core.account("shop").id, "limit login/session", subject)])
        )
        for subject in ("203.0.113.77", hashed)
    }
    assert kept == {"203.0.113.77": False, hashed: True}


@pytest.mark.parametrize("named", ["x", "[]", '{"unknown": "1"}', '{"session": null}', '{"session": ["a"]}'])
async def test_a_limit_that_there_is_not(api: TwilioVerifyApi, core: RunningCore, named: str) -> None:
    """And nothing is sent."""
    await limited(api, (2, 60))
    assert await error(api, start({"RateLimits": named})) == (400, 60200)
    assert await core.messages("shop") == []


async def test_what_a_limit_cannot_be(api: TwilioVerifyApi) -> None:
    """With the vendor's own numbers."""
    path = await limited(api, (2, 60))
    assert await error(api, post(LIMITS, {})) == (400, 60200)
    assert await error(api, post(LIMITS, {"UniqueName": "a b"})) == (400, 60209)
    assert await error(api, post(LIMITS, {"UniqueName": "session"})) == (409, 60208)
    for unfit in (
        {"Max": "1"},
        {"Interval": "1"},
        {"Max": "0", "Interval": "1"},
        {"Max": "x", "Interval": "1"},
    ):
        assert await error(api, post(f"{path}/Buckets", unfit)) == (400, 60200)
    assert await error(api, post(f"{path}/Buckets", {"Max": "9", "Interval": "60"})) == (409, 60211)
    for number in range(1, 10):
        await ask(api, post(LIMITS, {"UniqueName": f"l{number}"}), 201)
        await ask(api, post(f"{path}/Buckets", {"Max": "1", "Interval": str(number)}), 201)
    assert await error(api, post(LIMITS, {"UniqueName": "more"})) == (400, 60207)
    assert await error(api, post(f"{path}/Buckets", {"Max": "1", "Interval": "99"})) == (400, 60210)
    for unknown in (f"{LIMITS}/RK{'0' * 32}", f"{path}/Buckets/BL{'0' * 32}", f"{path}/More"):
        assert await error(api, get(unknown)) == (404, 20404)


async def test_limits_that_are_made_at_once_do_not_replace_each_other(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Who comes second is told to ask again."""
    names = ("one", "two")
    answers = await asyncio.gather(*(api.answer(post(LIMITS, {"UniqueName": name})) for name in names))
    assert [one.status for one in answers] == [201, 409]
    assert [one.name for one in core.account("shop").applications["login"].document.limits] == ["one"]
    await ask(api, post(LIMITS, {"UniqueName": "two"}), 201)
    assert len(core.account("shop").applications["login"].document.limits) == 2
