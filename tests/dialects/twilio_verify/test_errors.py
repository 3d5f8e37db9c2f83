"""The table of docs/errors.md, and that any request gets an answer in the vendor's shape."""

import json
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.dialects.twilio_verify.errors import REFUSALS
from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import CLIENT_IP, SERVICE, login

ROOT = Path(__file__).parents[3]


def test_the_table_of_refusals_is_that_of_the_code() -> None:
    """Each once, with number, status and words."""
    section = (ROOT / "docs/errors.md").read_text().split("\n## Twilio Verify\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([^|]+) \|", section, re.MULTILINE)
    assert len(rows) == len(REFUSALS)
    assert {name: (int(status), int(code), words) for name, status, code, words in rows} == {
        refusal.value: (error.status, error.code, error.message) for refusal, error in REFUSALS.items()
    }


NAMES = st.sampled_from(
    (
        "To",
        "Channel",
        "Locale",
        "CustomCode",
        "Templates",
        "TemplateSid",
        "DeviceIp",
        "Code",
        "Status",
        "Tags",
    )
)
VALUES = st.one_of(
    st.text(max_size=20), st.sampled_from(("sms", "call", "+84901888484", "approved", "[]", "{}"))
)
FORMS = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(NAMES, VALUES).map(
        lambda form: "&".join(f"{name}={value}" for name, value in form.items()).encode(
            errors="surrogatepass"
        )
    ),
)
PATHS = st.one_of(
    st.sampled_from(
        (
            SERVICE,
            f"{SERVICE}/Verifications",
            f"{SERVICE}/VerificationCheck",
            f"{SERVICE}/Verifications/+84901888484",
            "/v2/Services",
            "/v2/Templates",
        )
    ),
    st.text(max_size=30).map(lambda end: f"{SERVICE}/{end}"),
)


@given(
    method=st.sampled_from(("GET", "POST", "PUT")),
    path=PATHS,
    query=st.binary(max_size=60),
    form=FORMS,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_request_is_answered_in_the_vendors_shape(
    api: TwilioVerifyApi, core: RunningCore, method: str, path: str, query: bytes, form: bytes
) -> None:
    """Whatever its path, its query and its form hold."""
    headers = (login(), (b"host", b"onema.test"))
    response = await api.answer(Request(method, path, query, headers, form, CLIENT_IP))
    told = json.loads(response.body)
    if response.status >= 400:
        assert set(told) == {"code", "message", "more_info", "status"}
    else:
        assert response.status in (200, 201)
