"""Whatever is sent, the answer has the vendor's shape."""

import json
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from onema.http.messages import Response

from ..running_core import RunningCore
from .vendor_client import ACCOUNT_SID, CALL_MEMBERS, CALL_OUT, GET_BALANCE, VendorClient

LENIENT = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {}, optional={name: st.just(value) | JSON for name, value in CALL_MEMBERS.items()}
)
HEADER_VALUE = st.binary(max_size=120).map(lambda value: value.replace(b"\n", b"").replace(b"\0", b""))


def has_the_vendors_shape(response: Response) -> bool:
    answer = json.loads(response.body)
    return (
        response.status == 200
        and list(answer) == ["statusCode", "statusMsg", "requestId"]
        and all(isinstance(value, str) for value in answer.values())
        and re.fullmatch("0|-[0-9]{1,3}", answer["statusCode"]) is not None
        and bool(answer["requestId"]) == (answer["statusCode"] == "0")
    )


@LENIENT
@given(members=MEMBERS)
@example(members={**CALL_MEMBERS, "code": "\ud800"})
async def test_any_members_get_an_answer(
    client: VendorClient, core: RunningCore, members: dict[str, object]
) -> None:
    """Signed well, so that all of them are looked at."""
    body = json.dumps(members).encode()
    assert has_the_vendors_shape(await client.post(CALL_OUT, body))


@LENIENT
@given(
    path=st.sampled_from(
        [f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}", f"/201612/sid/{ACCOUNT_SID}/{GET_BALANCE}"]
    )
    | st.text(max_size=60).map(lambda text: "/201512/" + text),
    query=st.binary(max_size=60) | st.binary(max_size=40).map(lambda value: b"Sign=" + value),
    body=st.binary(max_size=200) | MEMBERS.map(lambda members: json.dumps(members).encode()),
    header=HEADER_VALUE,
    host=HEADER_VALUE,
)
async def test_any_bytes_get_an_answer(
    client: VendorClient, path: str, query: bytes, body: bytes, header: bytes, host: bytes
) -> None:
    """Unsigned, in every part of the request."""
    headers = ((b"authorization", header), (b"host", host))
    assert has_the_vendors_shape(await client.ask(path, query, body=body, headers=headers))
