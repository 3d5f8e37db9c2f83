"""What clients hear of a node whose account is on its way to another cell (docs/operations/cells.md)."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from onema.dialects.contract import Dialect
from onema.domain.configuration.move_account import PlaceAccount
from onema.domain.decision import Command
from onema.http.messages import Request, Response
from onema.settings import Settings
from onema.wiring.demo import demo_documents, new_credentials
from onema.wiring.dialects import DIALECTS, SAMPLES, build_dialects

from .camara import client as camara
from .esms import vendor_client as esms
from .native import client as native
from .running_core import RunningCore
from .test_checks_tell_nothing import BY_ID, BY_NUMBER
from .test_registry import request_of
from .test_shared_security import TRY_AGAIN, VENDORS, Vendor, right
from .twilio_verify import client as twilio

CODE = "123456"
CHECKED = [vendor for vendor in VENDORS if vendor.name in BY_NUMBER | BY_ID]
MOVED = [("moving_to",), ("moving_to", "moved_to")]
"""The marks that the store gets, one after the other."""


async def place(core: RunningCore, account: str, marks: Sequence[str]) -> None:
    for mark in marks:
        command: Command = PlaceAccount(account=account, **{mark: "south"})
        await core.gateway.execute(command)


def moves_underway(core: RunningCore, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is there when a request's keys are looked at, and moving when its command is decided."""
    execute = core.committer.execute

    async def late(command: Command) -> Any:
        monkeypatch.setattr(core.committer, "execute", execute)
        await place(core, account, ("moving_to",))
        return await execute(command)

    monkeypatch.setattr(core.committer, "execute", late)


@pytest.fixture
def registry(core: RunningCore) -> Sequence[Dialect]:
    return build_dialects(core.gateway, core.storage, Settings())


@pytest.mark.parametrize("marks", MOVED, ids=["moving", "moved"])
@pytest.mark.parametrize("name", DIALECTS)
async def test_every_request_of_an_account_that_is_away_is_told_to_try_again(
    core: RunningCore, registry: Sequence[Dialect], name: str, marks: Sequence[str]
) -> None:
    """Sends, checks and queries that the dialect's samples have: its clients take no other answer for temporary."""
    core.clock.advance(seconds=time.time() - core.clock.now() / 1000)
    credentials = new_credentials()
    await core.configure(*demo_documents(credentials, None))
    (dialect,) = (one for one in registry if one.name == name)
    steps = [request_of(step.request) for step in DIALECTS[name].steps(credentials[name])]
    here = [(await dialect.answer(one)).outcome for one in steps]
    assert here[0] == "ok"
    assert "store_unavailable" not in here
    # A path that is to be filled in by hand leads nowhere.
    requests = [one for one, outcome in zip(steps, here, strict=True) if outcome != "not_found"]
    before = len(await core.messages("demo"))
    await place(core, "demo", marks)
    away = [await dialect.answer(one) for one in requests]
    assert {answer.outcome for answer in away} == {"store_unavailable"}
    if name in SAMPLES:
        samples = SAMPLES[name](credentials[name])
        told = {samples.answered(answer.status, answer.body) for answer in away}
        assert samples.accepted not in told
    assert len(await core.messages("demo")) == before


@pytest.mark.parametrize("marks", MOVED, ids=["moving", "moved"])
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
async def test_it_is_told_in_the_vendors_shape(
    core: RunningCore, vendor: Vendor, marks: Sequence[str]
) -> None:
    """As of a store that is away: not as a fault, and not that the key is unknown."""
    await core.configure(*vendor.documents)
    api = vendor.api(core)
    await place(core, "shop", marks)
    answer = await api.answer(right(vendor, core))
    assert (vendor.code(answer), answer.outcome) == (TRY_AGAIN[vendor.name], "store_unavailable")


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
async def test_a_send_that_the_move_overtakes_is_told_to_try_again(
    core: RunningCore, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys were good, and then the store has nothing decided for it."""
    await core.configure(*vendor.documents)
    api = vendor.api(core)
    moves_underway(core, "shop", monkeypatch)
    answer = await api.answer(right(vendor, core))
    assert (vendor.code(answer), answer.outcome) == (TRY_AGAIN[vendor.name], "store_unavailable")
    assert await core.messages("shop") == []


def check(core: RunningCore, name: str, sent: Response) -> Request:
    """Of the code that a dialect's `right` request has sent."""
    match name:
        case "esms":
            asked = esms.query_of({**esms.KEYS, "Phone": esms.PHONE, "Code": CODE})
            return Request("GET", esms.CHECKCODE, asked, (), b"", esms.CLIENT_IP)
        case "twilio_verify":
            return twilio.check({"Code": CODE})
        case "native":
            identifier = json.loads(sent.body)["id"]
            return native.post(f"{native.VERIFICATIONS}/{identifier}/check", {"code": CODE})
        case _:
            token = camara.token_of(camara.CLIENT_ID, camara.CLIENT_SECRET, core.clock.now() + 1_000)
            return camara.validate(token, json.loads(sent.body)["authenticationId"], CODE)


@pytest.mark.parametrize("vendor", CHECKED, ids=lambda vendor: vendor.name)
async def test_a_check_that_the_move_overtakes_is_told_to_try_again(
    core: RunningCore, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that the code is wrong or unknown: its person would type it in once more, or ask for another."""
    await core.configure(*vendor.documents)
    api = vendor.api(core)
    sent = await api.answer(right(vendor, core))
    moves_underway(core, "shop", monkeypatch)
    answer = await api.answer(check(core, vendor.name, sent))
    assert (vendor.code(answer), answer.outcome) == (TRY_AGAIN[vendor.name], "store_unavailable")
    assert (await api.answer(check(core, vendor.name, sent))).outcome == "store_unavailable"
