"""onema before onema: one sends its codes through the other, which makes and checks them."""

import base64
import contextlib
import http.client
import json
import os
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from onema.channels.http_verifier.logins import TokenLogin
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.testing.running_server import RunningServer, eventually
from tests.verify_services import camara_settings, shown_code, twilio_settings, verifier

from .losing_proxy import LosingProxy

KINDS = ("twilio_verify", "camara")
SETTINGS = {"twilio_verify": twilio_settings, "camara": camara_settings}

ROUTES = """
[[routes]]
channel = "sms"
carrier = "twilio_verify"
prefix = "+8490"
[[routes]]
channel = "sms"
carrier = "camara"
prefix = "+8491"
[[routes]]
channel = "call"
carrier = "twilio_verify"
prefix = "+84"
"""


def carrier(kind: str, upstream: RunningServer) -> str:
    """As a file for `onema apply` has it."""
    settings = {**SETTINGS[kind](upstream), "timeout": 1}
    inline = ", ".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    return f'[[carriers]]\nname = "{kind}"\ntype = "{kind}"\nown_codes = true\nsettings = {{{inline}}}\n'


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("upstream") / "data", "demo") as server:
        yield server


@pytest.fixture(scope="module")
def downstream(upstream: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Numbers that begin with +8490 go by one API, those with +8491 by the other, calls by the one that has them."""
    environment = {"ONEMA_HANDSET_BESIDE_CARRIERS": "true"}
    data = tmp_path_factory.mktemp("downstream") / "data"
    with RunningServer(data, "demo", environment=environment) as server:
        server.onema("apply", "-", stdin="".join(carrier(kind, upstream) for kind in KINDS) + ROUTES)
        yield server


class Caller:
    """A customer of the server that has the carriers."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        keys = server.credentials("native")
        login = base64.b64encode(f"{keys['key']}:{keys['secret']}".encode()).decode()
        self._headers = {"authorization": f"Basic {login}", "content-type": "application/json"}

    def ask(self, method: str, path: str, **members: Any) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(members) if members else None, self._headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def start(self, phone: str, channel: str = "sms") -> str:
        """The verification, once the other server has taken it."""
        also = {"application": "verify"} if channel == "call" else {}
        status, told = self.ask("POST", "/v1/verifications", to=phone, channel=channel, **also)
        assert status == 201, told
        eventually(lambda: [one["status"] for one in self.attempts(told["id"])] == ["submitted"])
        return str(told["id"])

    def attempts(self, verification: str) -> list[dict[str, Any]]:
        found = self.ask("GET", f"/v1/verifications/{verification}")[1]
        return [attempt for message in found["messages"] for attempt in message["attempts"]]

    def check(self, verification: str, code: str) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", f"/v1/verifications/{verification}/check", code=code)


@pytest.fixture
def caller(downstream: RunningServer) -> Caller:
    return Caller(downstream)


def code_on(upstream: RunningServer, phone: str) -> str:
    shown = eventually(lambda: upstream.json("/handset/messages", to=phone))
    return str(shown[0]["code"])


@pytest.mark.parametrize(
    ("phone", "channel"), [("+84901888601", "sms"), ("+84911888602", "sms"), ("+84901888603", "call")]
)
def test_a_code_of_the_other_server_s_is_checked_there(
    upstream: RunningServer, caller: Caller, phone: str, channel: str
) -> None:
    """Wrong is wrong, and right is right once."""
    verification = caller.start(phone, channel)
    code = code_on(upstream, phone)
    wrong = "0" * 6 if code != "0" * 6 else "1" * 6
    assert caller.check(verification, wrong)[1]["valid"] is False
    assert caller.check(verification, code)[1] == {"id": verification, "valid": True, "status": "verified"}
    assert caller.check(verification, code)[1]["valid"] is False
    (attempt,) = caller.attempts(verification)
    assert attempt["carrier"] == ("camara" if phone.startswith("+8491") else "twilio_verify")


@pytest.mark.parametrize("phone", ["+84901888604", "+84911888605"])
def test_a_check_that_the_other_server_does_not_answer_costs_no_try(
    upstream: RunningServer, caller: Caller, phone: str
) -> None:
    """It stands still for a while: the person may try again, and is right then."""
    verification = caller.start(phone)
    code = code_on(upstream, phone)
    assert upstream.process is not None
    os.kill(upstream.process.pid, signal.SIGSTOP)
    try:
        asked = [caller.check(verification, code) for _ in range(7)]
    finally:
        os.kill(upstream.process.pid, signal.SIGCONT)
    assert {status for status, _ in asked} == {503}
    # What it heard while it stood still it has judged meanwhile, and the first was right: nobody heard that.
    status, told = caller.check(verification, code)
    assert (status, told["valid"]) == (200, False)
    assert told["status"] != "exhausted"
    assert caller.check(caller.start(phone), code_on(upstream, phone))[1]["valid"] is True


def asked(phone: str, number: int = 1) -> AskedCode:
    return AskedCode(AccountId(7), MessageId(number), 1, Channel.SMS, Phone(phone), 2**52)


async def test_a_lost_answer_is_looked_up_where_that_can_be_done(upstream: RunningServer) -> None:
    """The code is there, was sent once, and can be checked."""
    proxy = LosingProxy(upstream.port)
    async with proxy.running():
        carrier = verifier("twilio_verify", twilio_settings(upstream, proxy.port))
        await carrier.start(lambda: None)
        service = twilio_settings(upstream)["service_sid"]
        proxy.lose = f"POST /v2/Services/{service}/Verifications HTTP/1.1".encode()
        outcome = await carrier.send_code(asked("+84901888606"))
        assert (proxy.lost, outcome.kind) == (1, OutcomeKind.SUBMITTED)
        (reference,) = outcome.references
        code = code_on(upstream, "+84901888606")
        assert await carrier.check_code(reference, code) is Verdict.RIGHT
        assert len(upstream.json("/handset/messages", to="+84901888606")) == 1
        await carrier.stop()


async def test_a_lost_answer_is_unknown_where_it_cannot_be_looked_up(upstream: RunningServer) -> None:
    """The code was sent, and nobody sends another."""
    proxy = LosingProxy(upstream.port)
    async with proxy.running():
        carrier = verifier("camara", camara_settings(upstream, proxy.port))
        await carrier.start(lambda: None)
        proxy.lose = b"POST /one-time-password-sms/v1/send-code "
        outcome = await carrier.send_code(asked("+84911888607"))
        assert (outcome.kind, outcome.references, proxy.lost) == (OutcomeKind.UNKNOWN, (), 1)
        assert code_on(upstream, "+84911888607")
        assert len(upstream.json("/handset/messages", to="+84911888607")) == 1
        await carrier.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_is_away_took_nothing(upstream: RunningServer, kind: str) -> None:
    """Another carrier may take the code at once."""
    carrier = verifier(kind, SETTINGS[kind](upstream, 1))
    await carrier.start(lambda: None)
    outcome = await carrier.send_code(asked("+84901888608"))
    assert (outcome.kind, outcome.ending) == (OutcomeKind.TEMPORARY, "the carrier is down")
    assert await carrier.check_code("VE" + "0" * 32, "123456") is not Verdict.WRONG
    await carrier.stop()


async def test_a_token_that_ended_early_is_replaced(upstream: RunningServer) -> None:
    """One is got for many requests, and another once the server refuses it: here its key is a new one."""
    carrier = verifier("camara", camara_settings(upstream))
    await carrier.start(lambda: None)
    login = carrier._api.login
    assert isinstance(login, TokenLogin)
    first = await carrier.send_code(asked("+84911888609", 1))
    token = login._value
    assert (await carrier.send_code(asked("+84911888610", 2))).kind is OutcomeKind.SUBMITTED
    assert login._value == token
    login._value = token[:-4]
    code = shown_code(upstream, uuid.UUID(first.references[0]).int)
    assert await carrier.check_code(first.references[0], code) is Verdict.RIGHT
    assert login._value not in (b"", token[:-4])
    await carrier.stop()
