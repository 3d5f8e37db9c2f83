"""The table of docs/errors.md, and that any request gets an answer in CAMARA's shape."""

import json
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.dialects.camara.errors import REFUSALS
from onema.dialects.camara.routes import DISCOVERY, SEND, VALIDATE, CamaraApi
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import CLIENT_IP, MESSAGE, PHONE

ROOT = Path(__file__).parents[3]


def test_the_table_of_refusals_is_that_of_the_code() -> None:
    """Each once, with status, code and words."""
    section = (ROOT / "docs/errors.md").read_text().split("\n## CAMARA\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\w.]+) \| ([^|]+) \|", section, re.MULTILINE)
    assert len(rows) == len(REFUSALS)
    assert {name: (int(status), code, words) for name, status, code, words in rows} == {
        refusal.value: (error.status, error.code, error.message) for refusal, error in REFUSALS.items()
    }


TEXTS = st.one_of(st.text(max_size=40), st.sampled_from((PHONE, MESSAGE, "123456")))
NAMES = st.sampled_from(("phoneNumber", "message", "authenticationId", "code", "other"))
MEMBERS = st.dictionaries(NAMES, st.one_of(TEXTS, st.integers(), st.none(), st.lists(TEXTS, max_size=2)))
BODIES = st.one_of(st.binary(max_size=100), MEMBERS.map(lambda members: json.dumps(members).encode()))


@given(
    method=st.sampled_from(("GET", "POST", "PUT")),
    path=st.one_of(
        st.sampled_from((SEND, VALIDATE, DISCOVERY)), st.text(max_size=20).map(lambda end: SEND + end)
    ),
    correlator=st.binary(max_size=40),
    body=BODIES,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_request_is_answered_in_the_standards_shape(
    api: CamaraApi, core: RunningCore, token: str, method: str, path: str, correlator: bytes, body: bytes
) -> None:
    """Whatever its body and its correlator hold."""
    headers = (
        (b"authorization", b"Bearer " + token.encode()),
        (b"x-correlator", correlator),
        (b"host", b"onema.test"),
    )
    response = await api.answer(Request(method, path, b"", headers, body, CLIENT_IP))
    if response.status >= 400:
        told = json.loads(response.body)
        assert set(told) == {"status", "code", "message"}
        assert told["status"] == response.status
    else:
        assert response.status in (200, 204)
