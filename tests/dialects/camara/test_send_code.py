"""send-code: the sixteen cases that CAMARA tests implementations with, in our words, and what they leave open.

https://github.com/camaraproject/OTPValidation, release r3.2, code/Test_definitions.
"""

import json
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest

from onema.dialects.camara.auth import LIFE_SECONDS
from onema.dialects.camara.routes import SEND, CamaraApi
from onema.dialects.camara.wire import message_of
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal, Refused
from onema.http.messages import Request, Response

from ..running_core import RunningCore
from .client import ACCOUNT, CLIENT_IP, CORRELATOR, MESSAGE, PHONE, post, send


def told_of(response: Response, *, correlated: bool = True) -> dict[str, Any]:
    """The answer's members; every one repeats the correlator."""
    assert dict(response.headers).get(b"x-correlator") == (CORRELATOR.encode() if correlated else None)
    assert response.content_type == b"application/json"
    found: dict[str, Any] = json.loads(response.body)
    return found


async def error(api: CamaraApi, request: Request) -> tuple[int, str]:
    """(status, code), of an answer with every documented member."""
    response = await api.answer(request)
    told = told_of(response)
    assert set(told) == {"status", "code", "message"}
    assert told["status"] == response.status
    assert len(told["message"]) > 10
    return response.status, told["code"]


async def test_a_code_is_sent(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 01: the answer names it by an id of at most 36 characters, and the phone gets the text with the code."""
    response = await api.answer(send(token))
    told = told_of(response)
    assert (response.status, set(told)) == (200, {"authenticationId"})
    assert len(told["authenticationId"]) <= 36
    payload = await core.queued_sms(message_of(told["authenticationId"]) or 0)
    assert payload.text.endswith(" la ma xac minh cua ban")
    assert payload.text[:6].isdigit()


async def test_no_correlator_is_needed(api: CamaraApi, token: str) -> None:
    """Case 02: and then none comes back."""
    request = send(token)
    headers = tuple(header for header in request.headers if header[0] != b"x-correlator")
    response = await api.answer(msgspec.structs.replace(request, headers=headers))
    assert response.status == 200
    told_of(response, correlated=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        {"phoneNumber": "3301", "message": MESSAGE},
        {"phoneNumber": PHONE},
        {"phoneNumber": PHONE, "message": "message without code"},
        {"phoneNumber": PHONE, "message": MESSAGE + "x" * 160},
        {"phoneNumber": PHONE, "message": None},
        {"phoneNumber": PHONE, "message": MESSAGE, "other": 1},
        {"phoneNumber": PHONE, "message": "{OTP} {{code}}"},
        {"phoneNumber": PHONE, "message": "{{code}} is in no registered text"},
        {"phoneNumber": "+84123", "message": MESSAGE},
        {"phoneNumber": PHONE + "\n", "message": MESSAGE},
        b"[]",
        b"\xff",
    ],
    ids=range(14),
)
async def test_a_body_that_does_not_fit(api: CamaraApi, core: RunningCore, token: str, body: Any) -> None:
    """Cases 400.1 to 400.6, and members that nobody knows: they will be refused in version 2."""
    assert await error(api, post(SEND, body, token)) == (400, "INVALID_ARGUMENT")
    assert not [one for one in await core.messages("shop") if one.state != "refused"]


async def test_without_a_valid_token(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Cases 401.1 to 401.3: none, an expired one, and ones that nobody made."""
    for invalid in (
        None,
        "",
        "invalid",
        token[:-2],
        token + "x",
        token.swapcase(),
        "." + token,
        f"{token}.x",
    ):
        assert await error(api, send(invalid)) == (401, "UNAUTHENTICATED")
    core.clock.advance(LIFE_SECONDS)
    assert await error(api, send(token)) == (401, "UNAUTHENTICATED")
    assert await core.messages("shop") == []


async def test_a_phone_that_got_too_many_codes(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 403.1: as many as the account's window per phone has; 403, not 429."""
    window = doc.WindowLimit(per="phone", seconds=600, limit=3)
    await core.configure(msgspec.structs.replace(ACCOUNT, windows=(window,)))
    for _ in range(3):
        assert (await api.answer(send(token))).status == 200
    assert await error(api, send(token)) == (403, "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED")


@pytest.mark.parametrize("phone", ["+8419001234", "+842438223344"], ids=["no SMS", "landline"])
async def test_a_phone_that_cannot_get_sms(api: CamaraApi, token: str, phone: str) -> None:
    """Cases 403.2 and 403.3."""
    expected = (403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED")
    assert await error(api, send(token, phoneNumber=phone)) == expected


class Blocking:
    """A core that has blocked every phone."""

    def __init__(self, core: RunningCore) -> None:
        self._gateway = core.gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def execute(self, command: object) -> Awaitable[Any]:
        raise Refused(Refusal.PHONE_BLOCKED)


async def test_a_blocked_phone(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 403.4."""
    blocking: Any = Blocking(core)
    expected = (403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED")
    assert await error(CamaraApi(blocking, core.reads), send(token)) == expected


async def test_a_phone_that_is_not_ours(api: CamaraApi, token: str) -> None:
    """Case 404.1: of a country that the account may not send to."""
    assert await error(api, send(token, phoneNumber="+12025550143")) == (404, "NOT_FOUND")


async def test_a_correlator_without_the_form(api: CamaraApi, token: str) -> None:
    """It is refused, and not repeated."""
    request = send(token)
    for unfit in (b"two words", b"x" * 257, "mã".encode()):
        headers = (*(one for one in request.headers if one[0] != b"x-correlator"), (b"x-correlator", unfit))
        response = await api.answer(msgspec.structs.replace(request, headers=headers))
        assert (response.status, told_of(response, correlated=False)["code"]) == (400, "INVALID_ARGUMENT")


async def test_an_empty_wallet_is_a_quota(api: CamaraApi, core: RunningCore, token: str) -> None:
    """429."""
    await core.configure(msgspec.structs.replace(ACCOUNT, wallet="prepaid"))
    assert await error(api, send(token)) == (429, "QUOTA_EXCEEDED")


async def test_paths_and_methods(api: CamaraApi, token: str) -> None:
    """A path takes its method, and is spelled as it is."""
    assert await error(api, post(f"{SEND}/", {}, token)) == (404, "NOT_FOUND")
    asked = Request("GET", SEND, b"", send(token).headers, b"", CLIENT_IP)
    assert await error(api, asked) == (405, "METHOD_NOT_ALLOWED")
