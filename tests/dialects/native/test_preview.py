"""`POST /v1/sms/preview`: docs/api.md."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.cli.program import main
from onema.dialects.native.credentials import problems_of
from onema.dialects.native.errors import REFUSALS
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.configuration.template_matching import LONGEST_MESSAGE
from onema.domain.refusals import Refusal
from onema.http.messages import Request, Response

from ..running_core import RunningCore
from .client import CLIENT_IP, DOCUMENTS, KEY, PATH, SECRET, TEXT, login, preview

ERRORS_DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"
PAGE = Path(__file__).parents[3] / "docs" / "api.md"


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS)
    return NativeApi(core.gateway, core.reads)


async def told(api: NativeApi, members: Any) -> Any:
    response = await api.answer(preview(members))
    assert (response.status, response.content_type) == (200, b"application/json")
    return json.loads(response.body)


def problem(response: Response) -> dict[str, Any]:
    assert response.content_type == b"application/problem+json"
    found: dict[str, Any] = json.loads(response.body)
    assert found["status"] == response.status
    return found


async def test_a_preview_tells_of_alphabet_segments_price_and_sender(api: NativeApi) -> None:
    """All members are there; what nobody asked for is null."""
    found = await told(api, {"text": TEXT, "to": "0901888484", "sender": "Shop"})
    assert found["price"] == {"currency": "VND", "segment": "850", "total": "1700", "folded": "850"}
    assert found["sender"] == {
        "sender": "Shop",
        "kind": "alphanumeric",
        "problem": "",
        "brandname": "active",
    }
    text = found["preview"]
    assert (text["encoding"], text["segments"], text["units"]) == ("ucs2", 2, 83)
    assert [part["units"] for part in text["parts"]] == [67, 16]
    assert text["folded"]["saves"] == 1
    alone = await told(api, {"text": "It’s {OTP}", "code_length": 4})
    assert (alone["price"], alone["sender"]) == (None, None)
    assert alone["preview"]["text"] == "It’s 0000"
    assert alone["preview"]["outsiders"] == [
        {"character": "’", "code_point": "U+2019", "name": "RIGHT SINGLE QUOTATION MARK", "at": [2]}
    ]


async def test_it_says_what_the_command_line_says(
    api: NativeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both stand on one function."""
    with pytest.raises(SystemExit):
        main(["--json", "--data", str(tmp_path / "data"), "sms", "preview", TEXT, "--code-length", "8"])
    by_command_line = json.loads(capsys.readouterr().out)
    assert await told(api, {"text": TEXT, "code_length": 8}) == by_command_line


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b'{"text": "\\u0000"}', ""),
        (b'{"text": "\\ud800"}', ""),
        ({}, "/text"),
        ({"text": 5}, "/text"),
        ({"text": "x", "to": None}, "/to"),
        ({"text": "x", "code_length": "6"}, "/code_length"),
        ({"text": "x", "code_length": True}, "/code_length"),
        ({"text": "x", "code_length": 11}, "/code_length"),
        ({"text": "x", "from": "Shop"}, "/from"),
        ({"text": "x", "a/b~c": 1}, "/a~1b~0c"),
    ],
)
async def test_what_does_not_fit_is_named(api: NativeApi, members: Any, pointer: str) -> None:
    """By a JSON pointer; a misspelt member is no member."""
    response = await api.answer(preview(members))
    found = problem(response)
    assert (response.status, found["type"]) == (400, "urn:onema:problem:invalid_request")
    assert found.get("pointer", "") == pointer


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"text": "x", "to": "12"}, Refusal.PHONE_INVALID),
        ({"text": "x", "to": "+1"}, Refusal.PRICE_MISSING),
        ({"text": "x" * (LONGEST_MESSAGE + 1)}, Refusal.TEXT_NOT_SENDABLE),
    ],
)
async def test_what_cannot_be_looked_at_is_refused(api: NativeApi, members: Any, refusal: Refusal) -> None:
    """With the type of the refusal, and nothing of the request in it."""
    found = problem(await api.answer(preview(members)))
    assert found == {
        "type": f"urn:onema:problem:{refusal.value}",
        "title": REFUSALS[refusal].title,
        "status": REFUSALS[refusal].status,
    }


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Basic",
        b"Basic !!!",
        b"Basic " + base64.b64encode(KEY.encode()),
        b"Basic " + base64.b64encode(b"\xff:x"),
        b"Bearer " + base64.b64encode(f"{KEY}:{SECRET}".encode()),
        b"Basic " + base64.b64encode(f"{KEY}:{SECRET}x".encode()),
        b"Basic " + base64.b64encode(f"{KEY}: {SECRET}".encode()),
    ],
)
async def test_who_shows_no_key_and_secret_is_asked_for_them(
    api: NativeApi, authorization: bytes | None
) -> None:
    """401 with a challenge (RFC 9110 section 11.6.1), whatever was wrong."""
    headers = () if authorization is None else ((b"authorization", authorization),)
    response = await api.answer(Request("POST", PATH, b"", headers, b"{}", CLIENT_IP))
    assert problem(response)["type"] == "urn:onema:problem:credential_unknown"
    assert dict(response.headers)[b"www-authenticate"].startswith(b"Basic ")


async def test_the_scheme_may_be_in_any_case(api: NativeApi) -> None:
    """RFC 9110 section 11.1."""
    name, value = login()
    request = Request(
        "POST", PATH, b"", ((name, value.replace(b"Basic", b"bAsIc")),), b'{"text":"x"}', CLIENT_IP
    )
    assert (await api.answer(request)).status == 200


async def test_other_paths_and_methods_are_told_apart(api: NativeApi) -> None:
    """404, and 405 with what is allowed."""
    other = msgspec.structs.replace(preview({"text": "x"}), path="/v1/sms/previews")
    assert problem(await api.answer(other))["type"] == "urn:onema:problem:not_found"
    response = await api.answer(Request("GET", PATH, b"", (login(),), b"", CLIENT_IP))
    assert (response.status, dict(response.headers)) == (405, {b"allow": b"POST"})


BODIES = st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["text", "to", "sender", "code_length", "x"]),
    st.none() | st.integers() | st.text(max_size=300) | st.sampled_from(["+84", "Shop", "{OTP}"]),
).map(lambda members: json.dumps(members).encode())


@given(BODIES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_body_is_answered(api: NativeApi, body: bytes) -> None:
    """With a preview or a problem, and never a fault."""
    response = await api.answer(preview(body))
    assert response.status in (200, 400, 422)
    json.loads(response.body)


def test_the_documented_table_is_that_of_the_code() -> None:
    """docs/errors.md names each refusal with its status and title."""
    section = ERRORS_DOCUMENT.read_text().partition("## onema's own API")[2]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \|", section, re.MULTILINE)
    assert {name: (int(status), title) for name, status, title in rows} == {
        refusal.value: (one.status, one.title) for refusal, one in REFUSALS.items()
    }
    assert [one for one in REFUSALS.values() if one.name not in {refusal.value for refusal in Refusal}] == []


async def test_the_answer_in_the_page_is_the_servers(api: NativeApi) -> None:
    """The sample of docs/api.md, asked for and answered."""
    section = PAGE.read_text().partition("## Preview of an SMS")[2]
    asked, answer = re.findall(r"```json\n(.*?)```", section, re.DOTALL)[:2]
    assert await told(api, json.loads(asked)) == json.loads(answer)


def test_a_key_with_a_colon_is_refused_when_it_is_saved() -> None:
    """Nobody could show it."""
    (found,) = problems_of(doc.Credential(account="shop", dialect="native", key="a:b", secret=SECRET))
    assert found.place == "key"
    assert list(problems_of(doc.Credential(account="shop", dialect="native", key=KEY, secret="a:b"))) == []
