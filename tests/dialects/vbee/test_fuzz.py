"""Whatever is sent, the answer has the vendor's shape."""

import json

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from onema.http.messages import Response

from .vendor_client import BODY, CLAIMS, VOICE_OTP, VendorClient, segment, token, token_of

LENIENT = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {}, optional={name: st.just(value) | JSON for name, value in {**BODY, "rate": 1}.items()}
)
OTHER_CLAIMS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("apiKey", "otpCode", "iat", "exp", "nbf", "aud"), JSON)
)
SEGMENTS = st.lists(st.binary(max_size=80).map(segment) | st.text("ab.-_= ", max_size=8), max_size=4)


def has_the_vendors_shape(response: Response) -> bool:
    answer = json.loads(response.body)
    if answer["status"] == 1:
        return response.status == 200 and list(answer) == ["message", "result", "status"]
    order = ["code", "message", "status"] if response.status == 200 else ["status", "code", "message"]
    return (
        list(answer) == order
        and answer["status"] == 0
        and type(answer["code"]) is int
        and type(answer["message"]) is str
        and response.status in (200, answer["code"])
    )


@LENIENT
@given(fields=FIELDS)
@example(fields={**BODY, "phone_number": "\ud800"})
async def test_any_fields_get_an_answer(client: VendorClient, fields: dict[str, object]) -> None:
    """Signed well, so that all of them are looked at."""
    assert has_the_vendors_shape(await client.post(token(CLAIMS), json.dumps(fields).encode()))


@LENIENT
@given(claims=OTHER_CLAIMS)
@example(claims={"otpCode": "\ud800"})
@example(claims={"otpCode": 10**4_299})
async def test_any_claims_get_an_answer(client: VendorClient, claims: dict[str, object]) -> None:
    """Signed well, whatever they claim."""
    body = json.dumps(BODY).encode()
    assert has_the_vendors_shape(await client.post(token({**CLAIMS, **claims}), body))


@LENIENT
@given(header=st.binary(max_size=60), claims=st.binary(max_size=60))
async def test_any_signed_bytes_get_an_answer(client: VendorClient, header: bytes, claims: bytes) -> None:
    """A token whose parts are anything at all."""
    assert has_the_vendors_shape(await client.post(token_of(header, claims), b"{}"))


@LENIENT
@given(
    parts=SEGMENTS,
    authorization=st.none() | st.binary(max_size=60),
    body=st.binary(max_size=200) | FIELDS.map(lambda fields: json.dumps(fields).encode()),
    path=st.just(VOICE_OTP) | st.text(max_size=40).map(lambda text: "/api/" + text),
    query=st.binary(max_size=40),
)
async def test_any_bytes_get_an_answer(
    client: VendorClient,
    parts: list[str],
    authorization: bytes | None,
    body: bytes,
    path: str,
    query: bytes,
) -> None:
    """Unsigned, in every part of the request."""
    value = authorization if authorization is not None else f"Bearer {'.'.join(parts)}".encode()
    response = await client.ask(body, ((b"authorization", value),), path=path, query=query)
    assert has_the_vendors_shape(response)
