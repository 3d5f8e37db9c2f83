"""The guard, as clients of onema's own API meet it: docs/guard.md."""

import json
import re
from typing import Any

import msgspec
import pytest

from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .client import ACCOUNT, DOCUMENTS, PHONE, VERIFICATIONS, create, get, post

STRANGER = "+84912345678"


async def api_under(core: RunningCore, **guard: Any) -> NativeApi:
    await core.configure(*DOCUMENTS, doc.Guard(name="*", **({"mode": "block"} | guard)))
    return NativeApi(core.gateway, core.reads)


async def created(api: NativeApi, phone: str = PHONE, **members: Any) -> tuple[int, dict[str, Any]]:
    response = await api.answer(
        create({"to": phone, "sender": "Shop", "text": "{OTP} la ma xac minh x"} | members)
    )
    return response.status, json.loads(response.body)


async def verify(core: RunningCore, api: NativeApi, phone: str, **members: Any) -> None:
    status, told = await created(api, phone, **members)
    assert status == 201, told
    (code,) = re.findall("[0-9]{6}", (await core.queued_sms(int(told["id"]))).text)
    answer = await api.answer(post(f"{VERIFICATIONS}/{told['id']}/check", {"code": code}))
    assert json.loads(answer.body)["valid"]


async def test_what_the_guard_blocks_is_a_problem_that_says_no_more(core: RunningCore) -> None:
    """Which rule it was is the operator's to know."""
    api = await api_under(core, countries=("FR",))
    status, told = await created(api)
    assert (status, told["type"]) == (403, "urn:onema:problem:abuse_suspected")
    assert "countries" not in json.dumps(told)


async def test_what_the_guard_recorded_stands_in_the_timeline(core: RunningCore) -> None:
    """With the rule and the reason."""
    api = await api_under(core, mode="record", countries=("FR",))
    status, told = await created(api)
    assert status == 201
    shown = json.loads((await api.answer(get(f"{VERIFICATIONS}/{told['id']}"))).body)
    found = [line["detail"] for line in shown["timeline"] if line["event"] == "guard"]
    assert found == ["countries (custom_policy): VN, record"]


async def test_budgets_count_the_person_s_address_and_not_the_client_s(core: RunningCore) -> None:
    """Where the client names one; its own stands for all of its users."""
    api = await api_under(core, country_hour=1_000, country_day=1_000, address_hour=1, address_day=1)
    assert [(await created(api, f"+8490{n}345678"))[0] for n in (1, 3, 5)] == [201] * 3
    assert (await created(api, "+84908345678", client_ip="198.51.100.7"))[0] == 201
    assert (await created(api, STRANGER, client_ip="198.51.100.7"))[0] == 403


async def test_a_code_that_was_typed_in_makes_its_number_known(core: RunningCore) -> None:
    """By the whole way: the check, what follows from it, and the next message."""
    api = await api_under(core, country_hour=1, country_day=1)
    await verify(core, api, PHONE)
    assert (await created(api, STRANGER))[0] == 201
    assert (await created(api, "+84913456789"))[0] == 403
    assert (await created(api, PHONE))[0] == 201


async def test_customers_and_strangers_get_one_answer_while_no_budget_is_spent(core: RunningCore) -> None:
    """But for the number itself, the id and the time: nobody learns who is a customer."""
    api = await api_under(core)
    await verify(core, api, PHONE, client_ip="198.51.100.7")
    answers = [await created(api, phone, client_ip="203.0.113.200") for phone in (PHONE, STRANGER)]
    shapes = [
        (
            status,
            {
                name: value
                for name, value in told.items()
                if name not in ("id", "to", "created_at", "expires_at")
            },
        )
        for status, told in answers
    ]
    assert shapes[0] == shapes[1]
    assert [list(told) for _, told in answers] == [list(answers[0][1])] * 2


@pytest.mark.parametrize("phone", [PHONE, STRANGER])
async def test_a_check_of_a_verification_that_is_none_tells_nothing_of_the_number(
    core: RunningCore, phone: str
) -> None:
    """The same for a customer's number and a stranger's."""
    api = await api_under(core)
    await verify(core, api, PHONE)
    response = await api.answer(post(f"{VERIFICATIONS}/123456789/check", {"code": phone[-6:]}))
    assert response.status == 404
    assert json.loads(response.body)["type"] == "urn:onema:problem:verification_unknown"


async def test_the_person_s_address_is_looked_up_and_the_client_s_is_not(core: RunningCore) -> None:
    """Offline, before the message is decided; a later message of the code is from where the first was."""
    api = await api_under(core, rules={"address_mismatch": "record"}, country_hour=1_000, country_day=1_000)
    core.gateway.country_of_address = lambda address: {"198.51.100.7": "FR", "198.51.100.8": "VN"}[address]
    assert (await created(api, "+84903345678"))[0] == 201
    assert (await created(api, "+84905345678", client_ip="198.51.100.8"))[0] == 201
    status, told = await created(api, PHONE, client_ip="198.51.100.7")
    assert status == 201
    core.clock.advance(60)
    again = await api.answer(post(f"{VERIFICATIONS}/{told['id']}/resend", {}))
    assert again.status in (200, 201), again.body
    messages = await core.messages("shop")
    found = [
        event.data
        for one in messages
        for event in (await core.story("shop", one.id)).events
        if event.kind == "guard"
    ]
    assert found == ["address_mismatch (location_mismatch): FR, not VN, record"] * 2


async def test_limits_per_device_count_the_device_that_the_client_names(core: RunningCore) -> None:
    """Whatever the number and the address; messages that name none are not counted."""
    limit = doc.GuardLimit(per="device", seconds=3_600, limit=2)
    api = await api_under(core, limits=(limit,), country_hour=1_000, country_day=1_000)
    numbers = [f"+8490{n}345678" for n in (1, 3, 5, 6)]
    answers = [
        await created(api, phone, device_id="d-1", client_ip=f"198.51.{n}.7")
        for n, phone in enumerate(numbers[:3])
    ]
    assert [status for status, _ in answers] == [201, 201, 403]
    assert (await created(api, numbers[3], device_id="d-2"))[0] == 201
    assert (await created(api, numbers[2]))[0] == 201
    status, told = await created(api, numbers[2], device_id="d\n1")
    assert (status, told["pointer"]) == (400, "/device_id")


async def test_an_owner_on_the_own_device_is_no_stranger(core: RunningCore) -> None:
    """It keeps its purse on whatever network it is, when others have used up what anybody may send to the number."""
    api = await api_under(core)
    window = doc.WindowLimit(per="phone", seconds=3_600, limit=2)
    await core.configure(msgspec.structs.replace(ACCOUNT, windows=(window,)))
    await verify(core, api, PHONE, device_id="d-1", client_ip="198.51.100.7")
    elsewhere = {"client_ip": "203.0.113.9"}
    assert (await created(api, PHONE, device_id="d-2", **elsewhere))[0] == 201
    assert (await created(api, PHONE, device_id="d-3", **elsewhere))[0] == 429
    assert (await created(api, PHONE, device_id="d-1", **elsewhere))[0] == 201


LANDLINE = "+842438222222"


async def api_of_a_caller(core: RunningCore, mode: str) -> NativeApi:
    """An account that may send SMS to landlines, and calls too."""
    api = await api_under(core, mode="record", rules={"landline": mode})
    account = next(one for one in DOCUMENTS if isinstance(one, doc.Account))
    rates = (doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400", period=60))
    await core.configure(
        msgspec.structs.replace(account, destinations=("fixed_line",)),
        doc.Tariff(name="default", rates=rates),
        doc.Application(account="shop", name="calls", sentence="Your code is {{OTP}}", voice="en"),
    )
    return api


PLAN: dict[str, Any] = {
    "application": "calls",
    "channels": [{"channel": "sms"}, {"channel": "call", "after": 30}],
}


async def test_a_landline_s_plan_begins_with_its_call(core: RunningCore) -> None:
    """Where the rule is enforced; a mobile's begins as it says."""
    api = await api_of_a_caller(core, "block")
    _, told = await created(api, LANDLINE, **PLAN)
    assert told["channel"] == "call"
    _, told = await created(api, PHONE, **PLAN)
    assert told["channel"] == "sms"
    assert [one.channel for one in await core.messages("shop")] == ["sms", "call"]


async def test_an_sms_to_a_landline_is_found(core: RunningCore) -> None:
    """Without a call there is no other way."""
    api = await api_of_a_caller(core, "block")
    assert (await created(api, LANDLINE))[0] == 403
    assert (await created(api, PHONE))[0] == 201


async def test_while_the_guard_records_a_plan_is_as_it_says(core: RunningCore) -> None:
    """And the SMS to a landline goes out, with what was found."""
    api = await api_of_a_caller(core, "record")
    _, told = await created(api, LANDLINE, **PLAN)
    assert told["channel"] == "sms"
    story = await core.story("shop", int(told["id"]))
    found = [event.data for event in story.events if event.kind == "guard"]
    assert found == ["landline (custom_policy): fixed line, record"]
