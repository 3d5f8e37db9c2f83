"""The ACCESS_TOKEN, as the vendor's samples in four languages make it.

https://api-docs.aicall.vbee.ai/huong-dan-khoi-tao/huong-dan-tao-access-token and docs/vendors/vbee.md#the-access-token.
"""

import json
import warnings

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.types import Options
from jwt.warnings import InsecureKeyLengthWarning

from onema.dialects.vbee.auth import authenticate
from onema.dialects.vbee.errors import Rejected
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.refusals import Refused
from onema.engine.refusals import Asking

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    APPLICATION,
    BODY,
    CLAIMS,
    CREDENTIAL,
    TARIFF,
    VendorClient,
    business_error,
    http_error,
    segment,
    token,
    token_of,
    told,
)

ALG_TYP = b'{"alg":"HS256","typ":"JWT"}'
HEADER, SIGNED_CLAIMS = segment(ALG_TYP), segment(json.dumps(CLAIMS).encode())
UNSIGNED = segment(b'{"alg":"none","typ":"JWT"}')
SMALLEST = json.dumps(BODY).encode()
UNAUTHORIZED = http_error(401, "Unauthorized")
APPLICATION_NOT_FOUND = business_error(1201, "Application is not found")

WORKED = {
    "node": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcGlLZXkiOiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUi"
        "LCJvdHBDb2RlIjoiNjg2ODY4IiwiaWF0IjoxNzAwMDAwMDAwfQ.Dxwko2SBG5XLmu2qbU4VpDYtMEmzUrM2mfBTsQYW7f0"
    ),
    "no iat": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcGlLZXkiOiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUi"
        "LCJvdHBDb2RlIjoiNjg2ODY4In0.6-iw74nCkKGyptKsKUjJh-v40mGSivOI26NMxoe_I4I"
    ),
    "typ first": (
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJvdHBDb2RlIjoiNjg2ODY4IiwiYXBpS2V5IjoiMTExMTExMTEtMjIyMi00MzMz"
        "LTg0NDQtNTU1NTU1NTU1NTU1IiwiaWF0IjoxNzAwMDAwMDAwfQ.OegsFYJpN9M9OhgCDBxOy5O4MAH0gb2g6o1li5coOm8"
    ),
}


# The first is the worked example of docs/vendors/vbee.md#the-access-token.
@pytest.mark.parametrize("maker", WORKED)
async def test_the_worked_examples_are_signed(client: VendorClient, maker: str) -> None:
    """With and without `iat`, in either order of header members; the secret has eight characters."""
    assert (await client.payload_of(await client.post(WORKED[maker], SMALLEST))).code == "686868"


def test_our_client_makes_the_worked_example() -> None:
    """So that the other tests' tokens are the vendor's too."""
    assert token(CLAIMS) == WORKED["node"]


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
async def test_the_scheme_may_be_written_in_any_case(client: VendorClient, scheme: str) -> None:
    """RFC 9110 section 11.1."""
    headers = ((b"authorization", (scheme + token(CLAIMS)).encode()),)
    assert (await client.ask(SMALLEST, headers)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        token(CLAIMS).encode(),
        b"Basic " + token(CLAIMS).encode(),
        b"Bearer " + token(CLAIMS).encode() + b".more",
        b"Bearer " + token(CLAIMS).rpartition(".")[0].encode(),
        b"Bearer " + token(CLAIMS).rpartition(".")[0].encode() + b".",
        b"Bearer " + token(CLAIMS).encode() + b"=",
        b"Bearer .." + HEADER.encode(),
        b"Bearer a.b.c",
        b"Bearer \xff.\xfe.\xfd",
        f"Bearer {HEADER}.{segment(b'[]')}.x".encode(),
        f"Bearer {HEADER}.{segment(b'no JSON')}.x".encode(),
        f"Bearer {HEADER}.{segment(b'[' * 9_000)}.x".encode(),
        f"Bearer {segment(b'[]')}.{SIGNED_CLAIMS}.x".encode(),
        f"Bearer {segment(b'{}')}.{SIGNED_CLAIMS}.x".encode(),
    ],
)
async def test_what_is_no_token_is_unauthorized(client: VendorClient, header: bytes | None) -> None:
    """Whatever else is wrong with the request."""
    headers = () if header is None else ((b"authorization", header),)
    assert told(await client.ask(b"", headers)) == UNAUTHORIZED


@pytest.mark.parametrize("secret", ["secret8c", "Secret8", "", API_KEY])
async def test_another_secret_does_not_sign(client: VendorClient, secret: str) -> None:
    """The secret is compared as it is."""
    assert told(await client.post(token(CLAIMS, secret), SMALLEST)) == UNAUTHORIZED


# RFC 7518 section 3.6 and the classic attacks on JWT libraries.
@pytest.mark.parametrize(
    "access_token",
    [
        f"{UNSIGNED}.{SIGNED_CLAIMS}.",
        f"{UNSIGNED}.{SIGNED_CLAIMS}.x",
        token_of(b'{"alg":"none"}', json.dumps(CLAIMS).encode()),
        token_of(b'{"alg":"hs256"}', json.dumps(CLAIMS).encode()),
        token_of(b'{"alg":"RS256"}', json.dumps(CLAIMS).encode()),
        token_of(b'{"alg":["HS256"]}', json.dumps(CLAIMS).encode()),
        token_of(b'{"alg":"HS512"}', json.dumps(CLAIMS).encode(), algorithm="sha512"),
        token_of(b'{"alg":"HS256"}', json.dumps(CLAIMS).encode(), algorithm="sha512"),
        token_of(b'{"alg":"HS256","crit":["b64"],"b64":false}', json.dumps(CLAIMS).encode()),
    ],
)
async def test_only_hmac_with_sha256_signs(client: VendorClient, access_token: str) -> None:
    """No algorithm that a token chooses for itself."""
    assert told(await client.post(access_token, SMALLEST)) == UNAUTHORIZED


async def test_a_token_signed_with_rsa_is_unauthorized(client: VendorClient) -> None:
    """As made by PyJWT, which would verify it with a public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    access_token = jwt.encode(dict(CLAIMS), key, algorithm="RS256")
    assert told(await client.post(access_token, SMALLEST)) == UNAUTHORIZED


async def test_a_changed_claim_breaks_the_signature(client: VendorClient) -> None:
    """Somebody else's code cannot be put into a token."""
    header, _, signature = token(CLAIMS).split(".")
    forged = segment(json.dumps({**CLAIMS, "otpCode": "000000"}).encode())
    assert told(await client.post(f"{header}.{forged}.{signature}", SMALLEST)) == UNAUTHORIZED


# The document of 1201: "check API_KEY". It is looked up before the signature can be verified.
@pytest.mark.parametrize("key", [..., "", "unknown", API_KEY.replace("1", "2")])
async def test_an_unknown_api_key_names_no_application(client: VendorClient, key: object) -> None:
    """1201, whoever signed it."""
    assert told(await client.post(token({**CLAIMS, "apiKey": key}, "any"), SMALLEST)) == APPLICATION_NOT_FOUND


@pytest.mark.parametrize("key", [7, None, ["x"], {}])
async def test_an_api_key_that_is_no_string_is_no_token(client: VendorClient, key: object) -> None:
    """401."""
    assert told(await client.call_with(apiKey=key)) == UNAUTHORIZED


# jsonwebtoken, the library of the vendor's own sample, checks `exp` and `nbf` unasked and nothing of these.
@pytest.mark.parametrize(
    "claims",
    [
        {"iat": ...},
        {"iat": 9_999_999_999},
        {"iat": "yesterday"},
        {"aud": "someone else", "sub": 7, "iss": ["x"], "jti": 1},
        {"unknown": {"a": [1]}},
    ],
)
async def test_other_claims_do_not_matter(client: VendorClient, claims: dict[str, object]) -> None:
    """The vendor's stack refuses none of them."""
    assert (await client.call_with(**claims)).status == 200


@pytest.mark.parametrize("seconds", [1, 3600, 1.5])
async def test_a_token_expires(client: VendorClient, core: RunningCore, seconds: float) -> None:
    """At its `exp`, by our clock."""
    expires = core.clock.now() / 1000 + seconds
    core.clock.advance(seconds - 0.001)
    assert (await client.call_with(exp=expires)).status == 200
    core.clock.advance(0.001)
    assert told(await client.call_with(exp=expires)) == UNAUTHORIZED


async def test_a_token_is_not_valid_before_its_time(client: VendorClient, core: RunningCore) -> None:
    """Its `nbf`."""
    begins = core.clock.now() // 1000 + 60
    core.clock.advance(59.999)
    assert told(await client.call_with(nbf=begins)) == UNAUTHORIZED
    core.clock.advance(0.001)
    assert (await client.call_with(nbf=begins)).status == 200


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize("value", [None, "9999999999", True, [1], 10**400])
async def test_a_time_that_is_no_number_is_unauthorized(
    client: VendorClient, name: str, value: object
) -> None:
    """As in the vendor's library."""
    assert told(await client.call_with(**{name: value})) == UNAUTHORIZED


async def test_two_credentials_of_an_application_may_live(client: VendorClient, core: RunningCore) -> None:
    """Each with its own key and secret; a retired one names no application."""
    second = doc.Credential(account="shop", dialect="vbee", key="2", secret="s" * 32, application="otp")
    await core.configure(second)
    assert (await client.post(token({**CLAIMS, "apiKey": "2"}, "s" * 32), SMALLEST)).status == 200
    assert (await client.call()).status == 200
    await core.configure(msgspec.structs.replace(second, state="inactive"))
    assert (
        told(await client.post(token({**CLAIMS, "apiKey": "2"}, "s" * 32), SMALLEST)) == APPLICATION_NOT_FOUND
    )


async def test_a_credential_needs_an_application(client: VendorClient, core: RunningCore) -> None:
    """The account alone has no sentence to speak."""
    await core.configure(doc.Credential(account="shop", dialect="vbee", key="2", secret=API_SECRET))
    assert told(await client.call_with(apiKey="2")) == APPLICATION_NOT_FOUND


DOCUMENTS = (TARIFF, ACCOUNT, APPLICATION, CREDENTIAL)
DIRECTORY = Directory({(document.kind, document.identity): document for document in DOCUMENTS})
NOW = 4_000_000_000

VALUES = st.none() | st.booleans() | st.integers(-10, NOW * 2) | st.text(max_size=10)
# PyJWT compares with the wall clock, so times lie far from it; and it takes numbers in strings, we do not.
TIMES = st.sampled_from([0, 1, NOW * 2, NOW * 3])
PY_CLAIMS = st.fixed_dictionaries(
    {"apiKey": st.just(API_KEY)},
    optional={"otpCode": VALUES, "iat": VALUES, "aud": VALUES, "sub": VALUES, "exp": TIMES, "nbf": TIMES},
)
PY_HEADERS = st.fixed_dictionaries({}, optional={"typ": st.sampled_from(["JWT", "jwt"]), "x": VALUES})
ALGORITHMS = st.sampled_from(["HS256", "HS256", "HS256", "HS384", "HS512"])
CHECKED: Options = {
    "verify_iat": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_iss": False,
    "verify_jti": False,
}


def pyjwt_accepts(access_token: str) -> bool:
    try:
        jwt.decode(access_token, API_SECRET, algorithms=["HS256"], options=CHECKED)
    except jwt.PyJWTError:
        return False
    return True


def we_accept(access_token: str) -> bool:
    try:
        authenticate(DIRECTORY, b"Bearer " + access_token.encode(), NOW * 1000, Asking("vbee", ""))
    except (Rejected, Refused):
        return False
    return True


@settings(max_examples=400)
@given(
    claims=PY_CLAIMS,
    headers=PY_HEADERS,
    algorithm=ALGORITHMS,
    secret=st.sampled_from([API_SECRET, API_SECRET, "other"]),
    cut=st.none() | st.integers(0, 400),
    put=st.sampled_from("Ab9-_.="),
)
def test_we_accept_exactly_what_pyjwt_accepts(
    claims: dict[str, object],
    headers: dict[str, object],
    algorithm: str,
    secret: str,
    cut: int | None,
    put: str,
) -> None:
    """Tokens that PyJWT made, whole or with one character changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        access_token = jwt.encode(claims, secret, algorithm=algorithm, headers=headers)
        if cut is not None:
            place = cut % len(access_token)
            access_token = access_token[:place] + put + access_token[place + 1 :]
        expected = pyjwt_accepts(access_token)
    assert we_accept(access_token) == expected
