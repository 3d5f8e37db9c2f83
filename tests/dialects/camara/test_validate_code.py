"""validate-code: the sixteen cases that CAMARA tests implementations with, in our words.

https://github.com/camaraproject/OTPValidation, release r3.2, code/Test_definitions.
"""

import json
from typing import Any

import msgspec
import pytest

from onema.dialects.camara.auth import LIFE_SECONDS
from onema.dialects.camara.routes import ALIVE_MS, VALIDATE, CamaraApi
from onema.dialects.camara.wire import message_of
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .client import ACCOUNT, CORRELATOR, post, send, token_of, validate
from .test_send_code import error

EXPIRED = (400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
FAILED = (400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED")
INVALID = (400, "ONE_TIME_PASSWORD_SMS.INVALID_OTP")


async def sent(api: CamaraApi, core: RunningCore, token: str) -> tuple[str, str]:
    """(authenticationId, the code that the phone got)."""
    authentication = json.loads((await api.answer(send(token))).body)["authenticationId"]
    payload = await core.queued_sms(message_of(authentication) or 0)
    return authentication, payload.text[:6]


def wrong(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


@pytest.mark.parametrize("correlator", [CORRELATOR, ""])
async def test_a_right_code(api: CamaraApi, core: RunningCore, token: str, correlator: str) -> None:
    """Cases 01 and 02: 204 without a body, with a correlator and without."""
    request = validate(token, *await sent(api, core, token))
    if not correlator:
        headers = tuple(header for header in request.headers if header[0] != b"x-correlator")
        request = msgspec.structs.replace(request, headers=headers)
    response = await api.answer(request)
    assert (response.status, response.body) == (204, b"")
    assert dict(response.headers).get(b"x-correlator", b"").decode() == correlator


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        {"code": "123456"},
        {"authenticationId": "x"},
        {"authenticationId": "x", "code": "thisCodeExceedsTenCharacters"},
        {"authenticationId": "x" * 37, "code": "123456"},
        {"authenticationId": None, "code": "123456"},
        {"authenticationId": "x", "code": 123456},
        {"authenticationId": "x", "code": "123456", "other": ""},
    ],
    ids=range(9),
)
async def test_a_body_that_does_not_fit(api: CamaraApi, token: str, body: Any) -> None:
    """Cases 400.1 to 400.4 and 400.10."""
    assert await error(api, post(VALIDATE, body, token)) == (400, "INVALID_ARGUMENT")


async def test_a_wrong_code(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 400.5: the right one is still right afterwards."""
    authentication, code = await sent(api, core, token)
    assert await error(api, validate(token, authentication, wrong(code))) == INVALID
    assert (await api.answer(validate(token, authentication, code))).status == 204


async def test_an_old_code(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 400.6."""
    authentication, code = await sent(api, core, token)
    core.clock.advance(ALIVE_MS // 1000)
    assert await error(api, validate(token, authentication, code)) == EXPIRED


async def test_a_code_that_another_has_replaced(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 400.7: of two for one phone the newer one is right."""
    first, second = await sent(api, core, token), await sent(api, core, token)
    assert await error(api, validate(token, *first)) == EXPIRED
    assert (await api.answer(validate(token, *second))).status == 204


async def test_a_code_that_was_used(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 400.8."""
    found = await sent(api, core, token)
    assert (await api.answer(validate(token, *found))).status == 204
    assert await error(api, validate(token, *found)) == EXPIRED


async def test_the_last_wrong_code_has_failed(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 400.9: the fifth says so, and so does whatever follows."""
    authentication, code = await sent(api, core, token)
    for _ in range(4):
        assert await error(api, validate(token, authentication, wrong(code))) == INVALID
    assert await error(api, validate(token, authentication, wrong(code))) == FAILED
    assert await error(api, validate(token, authentication, code)) == FAILED


async def test_without_a_valid_token(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Cases 401.1 to 401.3."""
    found = await sent(api, core, token)
    for invalid in (None, "invalid", token[:-1]):
        assert await error(api, validate(invalid, *found)) == (401, "UNAUTHENTICATED")
    core.clock.advance(LIFE_SECONDS)
    assert await error(api, validate(token, *found)) == (401, "UNAUTHENTICATED")


async def test_an_id_that_there_is_not(api: CamaraApi, core: RunningCore, token: str) -> None:
    """Case 404: nor is another account's, or another message's."""
    authentication, code = await sent(api, core, token)
    await core.configure(
        msgspec.structs.replace(ACCOUNT, name="rival"),
        doc.Credential(account="rival", dialect="camara", key="rival", secret="secret of a rival"),
    )
    for unknown in ("unknown", "00000000-0000-0000-0000-000000000001", "f" * 32, ""):
        assert await error(api, validate(token, unknown, code)) == (404, "NOT_FOUND")
    theirs = token_of("rival", "secret of a rival", core.clock.now() + 1_000)
    assert await error(api, validate(theirs, authentication, code)) == (404, "NOT_FOUND")
