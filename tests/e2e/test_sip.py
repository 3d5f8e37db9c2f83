"""The real program before a SIP trunk: codes that integrators ask for are heard at the far end."""

import asyncio
import base64
import datetime as dt
import hashlib
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import apsw
import pytest
import pytest_asyncio

from onema.protocols.sip.call_events import By
from onema.protocols.sip.called import Script
from onema.speech import Voices
from onema.speech.g711 import Law
from onema.speech.hearing.decode import hear_frames
from onema.testing.running_server import DEADLINE_SECONDS, RunningServer, eventually
from tests.e2e.acme import CONFIGURATION, call
from tests.sip import FarPhones

SID, TOKEN, APPID = "abcdefghijklmnopqrstuvwxyz012345", "0123456789abcdef0123456789abcdef", "app-1"
MANY = 200
SETTINGS = (
    CONFIGURATION.partition("[[carriers]]")[0]
    + f"""
[[accounts.applications]]
name = "mandarin"
appid = "{APPID}"
voice = "zh"
pool = "pool"
[[accounts.credentials]]
dialect = "ytx"
key = "{SID}"
secret = "{TOKEN}"
"""
)


async def in_a_thread(work: Any, *arguments: Any, **named: Any) -> Any:
    """The phones are in this loop, and must go on answering."""
    return await asyncio.to_thread(work, *arguments, **named)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phones() -> AsyncIterator[FarPhones]:
    async with FarPhones() as far:
        yield far


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(phones: FarPhones, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    """With a trunk that was added as operators do."""
    server = RunningServer(
        tmp_path_factory.mktemp("sip") / "data", "serve", environment={"ONEMA_DELIVERY_LEASE": "1"}
    )
    await in_a_thread(server.start)
    try:
        await in_a_thread(server.onema, "apply", "-", stdin=SETTINGS)
        trunk = ["--setting", f"domain=127.0.0.1:{phones.port}", "--setting", "ring_seconds=30"]
        await in_a_thread(server.onema, "carrier", "add", "sip", "trunk", "--capacity", "300", *trunk)
        await in_a_thread(server.onema, "route", "add", "call", "trunk")
        await in_a_thread(eventually, lambda: ready(server))
        yield server
    finally:
        await in_a_thread(server.stop)


def ready(server: RunningServer) -> bool:
    return any(one["name"] == "trunk" and one["ready"] for one in server.onema("carrier", "status"))


def told(server: RunningServer, message: str) -> Any:
    return server.onema("message", "show", message)


async def ended(server: RunningServer, message: str) -> Any:
    """What is told of a message whose call is over."""

    def found() -> Any:
        story = told(server, message)
        return story if story["attempts"] and story["attempts"][-1]["state"] != "started" else None

    return await in_a_thread(eventually, found)


@pytest.mark.asyncio(loop_scope="module")
async def test_codes_of_both_voice_apis_are_heard_at_the_far_end(
    server: RunningServer, phones: FarPhones
) -> None:
    """Digit for digit, from the account's hotline; each call is charged by its periods, and its end is told."""
    voices = Voices.load()
    first = await in_a_thread(call, server, "0901888484", "0307")
    second = await in_a_thread(code_call_out, server, "13911281234", "1584")
    await phones.until(lambda: len(phones.calls) == 2 and all(one.ended for one in phones.calls))
    vietnamese, mandarin = sorted(phones.calls, key=lambda heard: "139" in heard.number)
    assert hear_frames(vietnamese.frames, Law.PCMU, voices["vi-north"]).code == "0307"
    assert hear_frames(mandarin.frames, Law.PCMU, voices["zh"]).code == "1584"
    assert (vietnamese.number, mandarin.number) == ("+84901888484", "+8613911281234")
    assert "+842871000001" in phones.invites[0].from_.uri
    (found,) = await in_a_thread(
        server.onema, "message", "list", "acme", "--reference", first["result"]["contact_id"]
    )
    story = await ended(server, found["id"])
    assert story["state"] == "delivered"
    assert (await ended(server, second["requestId"]))["state"] == "delivered"
    await shown_to_operators(server, first["result"]["contact_id"], "0307")


async def shown_to_operators(server: RunningServer, name: str, code: str) -> None:
    """The call's states, figures and signalling, and never its code."""
    (kept,) = await in_a_thread(server.onema, "call", "show", name)
    assert (kept["state"], kept["ending"], kept["status"], kept["codec"]) == (
        "ended",
        "answered",
        200,
        "PCMU",
    )
    assert kept["ringing_at"] <= kept["answered_at"] < kept["ended_at"]
    assert kept["talk_seconds"] > 1
    assert kept["packets_sent"] > 50 * kept["talk_seconds"] / 2
    drawn = await in_a_thread(server.text, "call", "show", name)
    assert all(word in drawn for word in ("INVITE", "200", "ACK", "BYE"))
    assert code not in drawn


def code_call_out(server: RunningServer, phone: str, code: str) -> Any:
    """What ytx.net's CodeCallOut answers."""
    stamp = f"{dt.datetime.now(dt.timezone(dt.timedelta(hours=8))):%Y%m%d%H%M%S}"
    sign = hashlib.md5((SID + TOKEN + stamp).encode()).hexdigest()
    headers = {"Authorization": base64.b64encode(f"{SID}|{stamp}".encode()).decode()}
    members = {"action": "callOutCode", "dst": phone, "appid": APPID, "code": code, "time": "1"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    try:
        path = f"/201512/sid/{SID}/call/CodeCallOut.wx?Sign={sign}"
        connection.request("POST", path, json.dumps(members), {**headers, "Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_is_stopped_lets_calls_end(server: RunningServer, phones: FarPhones) -> None:
    """It waits for them, and then its engine ends too."""
    before = len(phones.calls)
    await in_a_thread(call, server, "0901888485", "0307")
    await phones.until(lambda: phones.calls[before:] and phones.calls[before].frames)
    assert await in_a_thread(server.stop) == 0
    (heard,) = phones.calls[before:]
    await phones.until(lambda: heard.ended)
    assert hear_frames(heard.frames, Law.PCMU, Voices.load()["vi-north"]).code == "0307"
    await in_a_thread(server.start)
    await in_a_thread(eventually, lambda: ready(server))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_is_killed_leaves_no_call_up(server: RunningServer, phones: FarPhones) -> None:
    """Its engine sees that it is gone, and hangs up what talks, rings and was only called: by BYE or CANCEL."""
    phones.scripts = {
        f"+8490188{number:04}": Script(final_after=None) if number % 3 else Script(final_after=0.0)
        for number in range(MANY)
    }
    before = len(phones.calls)
    await asyncio.gather(*(in_a_thread(call, server, f"090188{number:04}", "0307") for number in range(MANY)))
    await phones.until(lambda: len(phones.calls) - before == MANY)
    calls = phones.calls[before:]
    await phones.until(lambda: sum(bool(one.frames) for one in calls) > MANY // 4)
    await in_a_thread(server.kill)
    await phones.until(lambda: all(one.ended for one in calls))
    assert all(one.ended is not None and one.ended.by is By.THEM for one in calls)
    assert len({one.number for one in calls}) == MANY
    await its_calls_end_truly(server)
    assert len(phones.calls) - before == MANY, "nobody is called twice"


async def its_calls_end_truly(server: RunningServer) -> None:
    """Whoever takes over writes down what is certain: what rang was cut off, and only what was answered is paid for."""
    await in_a_thread(start_with_all_due, server)

    def all_over() -> Any:
        found = server.onema("call", "list", "acme", "--limit", "1000")
        return found if all(one["state"] == "ended" for one in found) else None

    calls = [one for one in await in_a_thread(eventually, all_over) if one["ending"] != "answered"]
    assert {one["ending"] for one in calls} <= {"cut off", ""}
    assert sum(one["ending"] == "cut off" for one in calls) > MANY // 2
    await in_a_thread(server.kill)
    # The late words of a process that seemed dead are waited for no longer, either.
    await in_a_thread(start_with_all_due, server)

    def all_settled() -> Any:
        found = server.onema("message", "list", "acme", "--limit", "1000")
        return found if all(one["held"] == "0" for one in found) else None

    messages = await in_a_thread(eventually, all_settled)
    talked = {one["message"] for one in calls if one["talk_seconds"]}
    lost = [one for one in messages if one["state"] == "unconfirmed"]
    assert len(lost) == MANY
    assert {one["id"] for one in lost if one["charged"] != "0"} == talked
    await in_a_thread(server.onema, "doctor")


def start_with_all_due(server: RunningServer) -> None:
    """As if all leases had run out while it was down."""
    with closing(apsw.Connection(str(server.data / "onema.db"))) as store:
        store.execute("UPDATE jobs SET due_at = 0")
    server.start()
