"""Feature files as CAMARA writes them: ours in features/, and with `./dev test --camara DIR` the originals, which
whoever runs them fetches from code/Test_definitions of https://github.com/camaraproject/OTPValidation.

Where a file of theirs says what no implementation of their own description can do, SAID_OTHERWISE has what is tested.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from pytest_bdd import parsers, scenarios, step

from onema.dialects.camara.auth import LIFE_SECONDS
from onema.dialects.camara.routes import ALIVE_MS, SEND, VALIDATE, CamaraApi, description
from onema.dialects.camara.wire import message_of
from onema.domain.codes.verification import ATTEMPTS
from onema.domain.configuration import documents as doc
from onema.http.messages import Request, Response

from ..running_core import RunningCore
from .client import (
    ACCOUNT,
    CLIENT_ID,
    CLIENT_IP,
    CLIENT_SECRET,
    CORRELATOR,
    DOCUMENTS,
    MESSAGE,
    PHONE,
    ask_for_token,
    token_of,
)
from .test_send_code import Blocking

SAID_OTHERWISE: Mapping[str, str] = {
    "`$.status` is 200 or 204": "only errors have such a member, and 204 has no body: the HTTP status is compared",
    "scenarios without x-correlator": "they take none away and want it back: it is sent",
    "a wrong code's scenario": "it looks at the answer without a step that sends the request: looking sends it",
    "`max_send`-1 sends and one more": "the one more is refused, so that at most `max_send`-1 are allowed",
    "`max_try`-1 wrong checks and one more": "the one more has a wrong code as well",
    "vwip": "stands for the version that is served, v1",
}
"""What of the originals is read in another way, and how."""

MAX_SEND = 3
CONFIGURATION = {"phone_number": PHONE, "message": MESSAGE, "max_send": MAX_SEND, "max_try": ATTEMPTS}
NUMBERS = {
    "cannot receive SMS": "+8419001234",
    "target a landline": "+842438223344",
    "has an active SMS barring": PHONE,
    "did not belong to the operator": "+12025550143",
}
BARRED = "has an active SMS barring"

scenarios("features")
if folder := os.environ.get("ONEMA_CAMARA_FEATURES"):
    scenarios(folder)


class World:
    """A server, a client, and the request that a scenario makes up."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self.core = RunningCore(folder)
        self.run(self.core.start())
        window = doc.WindowLimit(per="phone", seconds=600, limit=MAX_SEND - 1)
        limited = msgspec.structs.replace(ACCOUNT, windows=(window,))
        self.run(self.core.configure(*(limited if one is ACCOUNT else one for one in DOCUMENTS)))
        self.api = CamaraApi(self.core.gateway, self.core.reads)
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] | None = {}
        self.sent: list[tuple[str, str]] = []
        """(authenticationId, code) of each code that was sent."""
        self._response: Response | None = None

    def close(self) -> None:
        self.run(self.core.stop())
        self._runner.close()

    def run(self, awaited: Any) -> Any:
        return self._runner.run(awaited)

    @property
    def response(self) -> Response:
        if self._response is None:
            self.ask()
        assert self._response is not None
        return self._response

    def ask(self) -> None:
        headers = tuple((name.lower().encode(), value.encode()) for name, value in self.headers.items())
        body = b"" if self.body is None else json.dumps(self.body).encode()
        self._response = self.run(self.api.answer(Request("POST", self.path, b"", headers, body, CLIENT_IP)))

    def said(self, name: str) -> Any:
        return json.loads(self.response.body)[name]

    def authorize(self, token: str) -> None:
        self.headers["Authorization"] = f"Bearer {token}"

    def valid_token(self) -> str:
        return str(json.loads(self.run(self.api.answer(ask_for_token())).body)["access_token"])

    def send(self) -> None:
        """A code to the phone, in a request of its own."""
        token = self.valid_token()
        body = json.dumps({"phoneNumber": PHONE, "message": MESSAGE}).encode()
        headers = ((b"authorization", f"Bearer {token}".encode()),)
        answer = self.run(self.api.answer(Request("POST", SEND, b"", headers, body, CLIENT_IP)))
        identifier = json.loads(answer.body)["authenticationId"]
        payload = self.run(self.core.queued_sms(message_of(identifier) or 0))
        self.sent.append((identifier, payload.text[:6]))

    def put(self, name: str, value: Any) -> None:
        assert self.body is not None
        self.body[name] = value

    def wrong(self) -> str:
        return str((int(self.sent[-1][1]) + 1) % 1_000_000).zfill(6)


@pytest.fixture(autouse=True)
def _quiet_steps(caplog: pytest.LogCaptureFixture) -> None:
    """pytest-bdd logs every step, and their words are those of secrets; what is scanned is what we log."""
    caplog.set_level(logging.WARNING, logger="pytest_bdd")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


_PROPERTY = r'(?:the )?request body property "\$\.(?P<name>\w+)"'


@step('an environment at "apiRoot"')
def environment(world: World) -> None:
    pass


@step(parsers.re(r'the resource "(?P<path>[^"]*)"'))
def resource(world: World, path: str) -> None:
    world.path = path.replace("/vwip/", "/v1/")
    assert world.path in (SEND, VALIDATE)


@step(parsers.re(r'the header "Content-Type" is set to "(?P<value>[^"]*)"'))
def content_type(world: World, value: str) -> None:
    world.headers["Content-Type"] = value


@step('the header "Authorization" is set to a valid access token')
def valid_token(world: World) -> None:
    world.authorize(world.valid_token())


@step('the header "Authorization" is set to an expired access token')
def expired_token(world: World) -> None:
    world.authorize(token_of(CLIENT_ID, CLIENT_SECRET, world.core.clock.now() - LIFE_SECONDS))


@step('the header "Authorization" is set to an invalid access token')
def invalid_token(world: World) -> None:
    world.authorize("invalid")


@step('the header "Authorization" is removed')
def no_token(world: World) -> None:
    del world.headers["Authorization"]


@step('the header "Authorization" is set')
def some_token(world: World) -> None:
    assert world.headers["Authorization"]


@step('the header "x-correlator" complies with the schema at "#/components/schemas/XCorrelator"')
def correlator(world: World) -> None:
    jsonschema.validate(CORRELATOR, schema("XCorrelator"))
    world.headers["x-correlator"] = CORRELATOR


@step("the request body is set by default to a request body compliant with the schema")
def default_body(world: World) -> None:
    if world.path == SEND:
        world.body = {"phoneNumber": PHONE, "message": MESSAGE}
    else:
        world.body = {"authenticationId": "00000000-0000-0000-0000-000000000001", "code": "123456"}


@step("the request body is not included")
def no_body(world: World) -> None:
    world.body = None


@step('the request body is set to "{}"')
def empty_body(world: World) -> None:
    world.body = {}


@step(parsers.re(_PROPERTY + r' is set to config_var: "(?P<value>\w+)"'))
def configured(world: World, name: str, value: str) -> None:
    world.put(name, CONFIGURATION[value])


@step(parsers.re(_PROPERTY + r' is set to "(?P<value>[^"]*)"'))
def literal(world: World, name: str, value: str) -> None:
    world.put(name, value)


@step(parsers.re(_PROPERTY + r" is not valued"))
def not_valued(world: World, name: str) -> None:
    assert world.body is not None
    world.body.pop(name, None)


@step(parsers.re(_PROPERTY + r" is longer than (?P<length>\d+)"))
def longer(world: World, name: str, length: str) -> None:
    world.put(name, "{{code}}" + "x" * int(length))


@step(parsers.re(_PROPERTY + r" is set to a phone number that (?P<what>.+)"))
def phone_that(world: World, name: str, what: str) -> None:
    world.put(name, NUMBERS[what])
    if what == BARRED:
        blocking: Any = Blocking(world.core)
        world.api = CamaraApi(blocking, world.core.reads)


@step(parsers.re(_PROPERTY + r" is set to an unknown value"))
def unknown(world: World, name: str) -> None:
    world.put(name, "00000000-0000-0000-0000-000000000002")


@step(parsers.re(_PROPERTY + r" is set to a format valid value"))
def fitting(world: World, name: str) -> None:
    world.put(name, "123456")


@step("an authenticationId has been retrieved from a send-code request")
def retrieved(world: World) -> None:
    world.send()
    world.put("authenticationId", world.sent[-1][0])


@step(parsers.re(_PROPERTY + r" is set to the value from send-code request"))
def retrieved_for(world: World, name: str) -> None:
    assert name == "authenticationId"
    retrieved(world)


@step(
    parsers.re(
        _PROPERTY + r" is set to the (?:value |code )?received in the SMS(?P<first> for this first request)?"
    )
)
def received(world: World, name: str, first: str | None) -> None:
    world.put(name, world.sent[0 if first else -1][1])


@step(parsers.re(_PROPERTY + r" is set to a value distinct from the value received in the SMS"))
def another(world: World, name: str) -> None:
    world.put(name, world.wrong())


@step("Two send-code request has been sequentially triggered for the same phoneNumber")
def two(world: World) -> None:
    world.send()
    world.send()


@step(parsers.re(_PROPERTY + r" is set to the value got for the first send-code request"))
def of_the_first(world: World, name: str) -> None:
    world.put(name, world.sent[0][0])


@step("a validate-code has been succesfully performed for a authenticationId")
def used(world: World) -> None:
    retrieved(world)
    world.put("code", world.sent[-1][1])
    world.ask()
    assert world.response.status == 204


@step(parsers.re(_PROPERTY + r" is valued again with this authenticationId"))
def again(world: World, name: str) -> None:
    world.put(name, world.sent[-1][0])


@step("the time elapsed since the send-code exceed the allowed time")
def too_late(world: World) -> None:
    world.core.clock.advance(ALIVE_MS // 1000)


@step('(config_var:"max_send"-1) of send-code requests for this phone number has been submitted')
def sends(world: World) -> None:
    for _ in range(MAX_SEND - 1):
        world.send()


@step(
    '(config_var:"max_try"-1) calls with the request body property "$.code" set to a value distinct from the value'
    " received in the SMS were performed"
)
def tries(world: World) -> None:
    world.put("code", world.wrong())
    for _ in range(ATTEMPTS - 1):
        world.ask()
        assert world.said("code") == "ONE_TIME_PASSWORD_SMS.INVALID_OTP"


@step('the HTTP "POST" request is sent')
def ask(world: World) -> None:
    world.ask()


@step(parsers.re(r"the response status code is (?P<status>\d+)"))
def status_code(world: World, status: str) -> None:
    assert world.response.status == int(status)


@step(parsers.re(r't?the response property "\$\.status" is (?P<status>\d+)'))
def status_property(world: World, status: str) -> None:
    assert world.response.status == int(status)
    if int(status) >= 400:
        assert world.said("status") == int(status)


@step(parsers.re(r'the response property "\$\.code" is "(?P<code>[^"]*)"'))
def code_property(world: World, code: str) -> None:
    assert world.said("code") == code


@step('the response property "$.message" contains a user friendly text')
def message_property(world: World) -> None:
    assert len(world.said("message")) > 10


@step('the response header "x-correlator" has same value as the request header "x-correlator"')
def same_correlator(world: World) -> None:
    assert dict(world.response.headers)[b"x-correlator"] == world.headers["x-correlator"].encode()


@step(parsers.re(r'the response header "Content-Type" is "(?P<value>[^"]*)"'))
def answered_as(world: World, value: str) -> None:
    assert world.response.content_type == value.encode()


@step(parsers.re(r'the response body complies with the OAS schema at "/components/schemas/(?P<name>\w+)"'))
def complies(world: World, name: str) -> None:
    jsonschema.validate(json.loads(world.response.body), schema(name))


def schema(name: str) -> Any:
    return yaml.safe_load(description())["components"]["schemas"][name]
