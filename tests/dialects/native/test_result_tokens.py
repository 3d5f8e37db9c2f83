"""A right check proves itself: the token of docs/api.md#proof, judged by libraries that are not ours, offline."""

import asyncio
import base64
import json
import shutil
from pathlib import Path
from typing import Any

import jwt
import pytest

from onema.dialects.native.result_tokens import ResultTokens
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.keyring import Keyring
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import CLIENT_IP, DOCUMENTS, PHONE, VERIFICATIONS, post
from .test_codes_of_all_kinds import PAYMENT, PAYMENT_TEXT
from .test_verifications import VOICE, ask, check, code_of, sent, wrong

JOSE = Path(__file__).parents[3] / ".tools/npm/node_modules/jose/dist/webapi/index.js"
SCRIPT = Path(__file__).parent / "verify_with_jose.mjs"
ISSUER, SECONDS = "https://sms.example.com", 600


def tokens(core: RunningCore, number: int = 1) -> ResultTokens:
    return ResultTokens(core.gateway.result_keys, number=number, issuer=ISSUER, seconds=SECONDS)


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    payment = doc.Template(account="shop", brandname="Shop", text=PAYMENT_TEXT, name="payment")
    await core.configure(*DOCUMENTS, *VOICE, payment)
    return NativeApi(core.gateway, core.reads, tokens=tokens(core))


async def published(api: NativeApi) -> dict[str, Any]:
    """Without a login."""
    response = await api.answer(Request("GET", "/.well-known/jwks.json", b"", (), b"", CLIENT_IP))
    assert (response.status, response.content_type) == (200, b"application/jwk-set+json")
    found: dict[str, Any] = json.loads(response.body)
    return found


async def proved(api: NativeApi, core: RunningCore, **members: Any) -> tuple[str, str]:
    """A verification of these members, and the token of its right check."""
    verification = await sent(api, **members)
    named = {name: members[name] for name in PAYMENT if name in members}
    asked = {"code": await _code(core, verification, members), "token": True, **named}
    found = await ask(api, post(f"{VERIFICATIONS}/{verification}/check", asked))
    assert found["valid"] is True
    return verification, str(found["token"])


async def _code(core: RunningCore, verification: str, members: dict[str, Any]) -> str:
    if members.get("channel") == "call":
        return (await core.queued_call(int(verification))).code
    return await code_of(core, verification)


def claims_of(token: str, keys: dict[str, Any], audience: str = "shop") -> dict[str, Any]:
    """As PyJWT reads them that has the keys. Raises jwt.InvalidTokenError."""
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "verification+jwt"
    key = jwt.PyJWKSet.from_dict(keys)[header["kid"]]
    # The test's clock is not this machine's.
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "sub", "aud", "iss"]}
    found: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience=audience, issuer=ISSUER, options=options
    )
    return found


async def judged_by_jose(token: str, keys: dict[str, Any], audience: str, at: int) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(JOSE), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    asked = {"token": token, "keys": keys, "audience": audience, "issuer": ISSUER, "at": at}
    told, _ = await process.communicate(json.dumps(asked).encode())
    found: dict[str, Any] = json.loads(told)
    return found


async def test_pyjwt_verifies_what_a_right_check_answers(api: NativeApi, core: RunningCore) -> None:
    """Which phone, when, for what; for ten minutes."""
    verification, token = await proved(api, core, purpose="login")
    at = core.clock.now() // 1000
    assert claims_of(token, await published(api)) == {
        "iss": ISSUER,
        "aud": "shop",
        "sub": PHONE,
        "purpose": "login",
        "verification": verification,
        "iat": at,
        "exp": at + SECONDS,
    }


async def test_a_call_by_an_application_is_proved_to_it_alone(api: NativeApi, core: RunningCore) -> None:
    """Not to another of the account, nor to the account."""
    _, token = await proved(api, core, channel="call", application="codes")
    keys = await published(api)
    assert claims_of(token, keys, "shop/codes")["sub"] == PHONE
    for audience in ("shop", "shop/other"):
        with pytest.raises(jwt.InvalidAudienceError):
            claims_of(token, keys, audience)


async def test_what_was_paid_is_proved(api: NativeApi, core: RunningCore) -> None:
    """As the code confirmed it."""
    _, token = await proved(api, core, **PAYMENT)
    claims = claims_of(token, await published(api))
    assert {name: claims[name] for name in PAYMENT} == PAYMENT


async def test_jose_verifies_it_for_as_long_as_it_lives(api: NativeApi, core: RunningCore) -> None:
    """And refuses it later, for somebody else, and changed."""
    _, token = await proved(api, core)
    keys, now = await published(api), core.clock.now()
    found = await judged_by_jose(token, keys, "shop", now)
    assert found["payload"]["sub"] == PHONE
    assert found["protectedHeader"]["alg"] == "EdDSA"
    late = await judged_by_jose(token, keys, "shop", now + SECONDS * 1000)
    assert late == {"refused": "ERR_JWT_EXPIRED"}
    assert await judged_by_jose(token, keys, "rival", now) == {"refused": "ERR_JWT_CLAIM_VALIDATION_FAILED"}
    header, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = (
        base64.urlsafe_b64encode(json.dumps(claims | {"sub": "+84901888485"}).encode()).decode().rstrip("=")
    )
    forged = await judged_by_jose(f"{header}.{other}.{signature}", keys, "shop", now)
    assert forged == {"refused": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}


async def test_nothing_else_is_proved(api: NativeApi, core: RunningCore) -> None:
    """Neither a wrong check, nor the right one's repetition, nor a check that asks for no proof."""
    verification = await sent(api)
    code = await code_of(core, verification)
    path = f"{VERIFICATIONS}/{verification}/check"
    assert "token" not in await ask(api, post(path, {"code": wrong(code), "token": True}))
    assert "token" not in await ask(api, check(verification, code))
    assert "token" not in await ask(api, post(path, {"code": code, "token": True}))


async def test_a_verifier_with_old_keys_knows_the_next_one(api: NativeApi, core: RunningCore) -> None:
    """Nodes move to the next key one after the other: each verifies what the other signs. Two steps on, none does."""
    old = await published(api)
    moved = NativeApi(core.gateway, core.reads, tokens=tokens(core, number=2))
    _, by_the_next = await proved(moved, core, reference="next")
    assert claims_of(by_the_next, old)["sub"] == PHONE
    _, by_the_old = await proved(api, core, reference="old")
    assert claims_of(by_the_old, await published(moved))["sub"] == PHONE
    assert jwt.get_unverified_header(by_the_old)["kid"] != jwt.get_unverified_header(by_the_next)["kid"]
    later = NativeApi(core.gateway, core.reads, tokens=tokens(core, number=3))
    with pytest.raises(KeyError):
        claims_of(by_the_old, await published(later))


async def test_every_node_has_the_same_keys_and_another_server_key_has_others(
    api: NativeApi, core: RunningCore
) -> None:
    """They come from it alone; what is published has no private half."""
    keys = await published(api)
    same = ResultTokens(Keyring(bytes(range(32))).result_keys, number=1, issuer=ISSUER, seconds=SECONDS)
    other = ResultTokens(Keyring(b"k" * 32).result_keys, number=1, issuer=ISSUER, seconds=SECONDS)
    assert json.loads(same.key_set) == keys
    names = {one["kid"] for one in json.loads(other.key_set)["keys"]}
    assert names.isdisjoint(one["kid"] for one in keys["keys"])
    assert all(set(one) == {"alg", "crv", "kid", "kty", "use", "x"} for one in keys["keys"])


def test_a_key_is_named_by_its_thumbprint() -> None:
    """As in RFC 8037, appendix A: its own key, and what that is called."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    (key, *_) = json.loads(ResultTokens(lambda _: (seed,), number=1, issuer=ISSUER, seconds=1).key_set)[
        "keys"
    ]
    assert key["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
