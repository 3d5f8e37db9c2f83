"""The token endpoint (RFC 6749, 4.4 and 5), and the discovery that names it."""

import base64
import json
from urllib.parse import urlencode

import msgspec
import pytest

from onema.dialects.camara.routes import DISCOVERY, TOKEN, CamaraApi
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import CLIENT_ID, CLIENT_IP, CLIENT_SECRET, CREDENTIAL, ask_for_token, send


async def test_a_login_gets_a_token(api: CamaraApi) -> None:
    """By Basic, or in the form; nothing may keep the answer."""
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    in_form = Request("POST", TOKEN, b"", (), urlencode(form).encode(), CLIENT_IP)
    for request in (
        ask_for_token(),
        in_form,
        ask_for_token(scope="openid one-time-password-sms:send-validate"),
    ):
        response = await api.answer(request)
        told = json.loads(response.body)
        assert (b"cache-control", b"no-store") in response.headers
        assert {name: value for name, value in told.items() if name != "access_token"} == {
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "one-time-password-sms:send-validate",
        }
        assert (await api.answer(send(told["access_token"]))).status == 200


@pytest.mark.parametrize(
    ("request_", "status", "expected"),
    [
        (ask_for_token(secret="another"), 401, "invalid_client"),
        (ask_for_token(key="nobody"), 401, "invalid_client"),
        (ask_for_token(grant_type="password"), 400, "unsupported_grant_type"),
        (ask_for_token(scope="everything"), 400, "invalid_scope"),
        (Request("POST", TOKEN, b"", (), b"", CLIENT_IP), 400, "invalid_request"),
        (Request("POST", TOKEN, b"", (), b"grant_type=client_credentials", CLIENT_IP), 401, "invalid_client"),
        (Request("POST", TOKEN, b"", (), b"grant_type=\xff", CLIENT_IP), 400, "invalid_request"),
    ],
    ids=range(7),
)
async def test_what_gets_none(api: CamaraApi, request_: Request, status: int, expected: str) -> None:
    """With the standard's own errors."""
    response = await api.answer(request_)
    assert (response.status, json.loads(response.body)) == (status, {"error": expected})


async def test_a_token_that_is_nested_too_deeply_is_none(api: CamaraApi) -> None:
    """Nobody needs a key to send one."""
    token = base64.urlsafe_b64encode(b'["a",1,' + b"[" * 5_000).rstrip(b"=").decode() + ".bWFj"
    assert (await api.answer(send(token))).status == 401


async def test_a_token_dies_with_its_credential(api: CamaraApi, core: RunningCore, token: str) -> None:
    """When that is retired, and when its secret is changed."""
    for change in ({"state": "inactive"}, {"secret": "quite another secret"}):
        await core.configure(msgspec.structs.replace(CREDENTIAL, **change))
        assert (await api.answer(send(token))).status == 401
    await core.configure(CREDENTIAL)
    assert (await api.answer(send(token))).status == 200


async def test_discovery_names_the_token_endpoint(api: CamaraApi) -> None:
    """By an absolute address, which is https behind a proxy that says so."""
    headers = ((b"host", b"sms.example"), (b"x-forwarded-proto", b"https"))
    told = json.loads((await api.answer(Request("GET", DISCOVERY, b"", headers, b"", CLIENT_IP))).body)
    assert told["issuer"] == "https://sms.example/one-time-password-sms"
    assert told["token_endpoint"] == "https://sms.example/one-time-password-sms/oauth2/token"
