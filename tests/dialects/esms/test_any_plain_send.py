"""Whatever arrives where plain sends are served is answered in a vendor shape, in the language of the path."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from onema.dialects.esms.plain_sends import DRESSES
from onema.http.messages import Request

from .plain_client import CONTENT, FIXED, SEND
from .test_any_input import ANY_TEXT, CLIENTS, NUMBERS, PHONES, READABLE, as_json, encoded, serving
from .vendor_client import KEYS, PHONE

MEMBERS = ["CodeResult", "CountRegenerate", "ErrorMessage", "SMSID", "SendStatus"]
RESULTS = {"99", "100", "101", "102", "103", "104", "107", "108", "118", "120", "124", "146", "163", "300"}
CONTENTS = st.sampled_from([CONTENT, "{OTP}", "4711+la+ma", "%41%00", "Mã 4711"]) | READABLE
DATES = (
    st.sampled_from(["2027-01-16 08:30:00", "2027-01-16T08:30:00+99:99", "2027-13-01 00:00:00"]) | READABLE
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "Phone": PHONES | st.lists(PHONES, max_size=4).map(",".join),
        "Content": CONTENTS,
        "SmsType": st.sampled_from(["1", "2", "4", "8"]) | NUMBERS,
        "Brandname": st.sampled_from(["Baotrixemay", ""]) | READABLE,
        "IsUnicode": NUMBERS,
        "Sandbox": NUMBERS,
        "RequestId": st.sampled_from(["r1", "r2", "r" * 51]) | READABLE,
        "SendDate": DATES,
        "campaignid": READABLE,
        "CallbackUrl": st.sampled_from(["https://example.com/", "http://10.0.0.1/"]) | READABLE,
    },
)
SENDS = st.builds(dict.__or__, st.just(SEND), CHANGES)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


def as_rqst(given: dict[str, str]) -> bytes:
    inner = "".join(f"<{name.upper()}>{escape(value)}</{name.upper()}>" for name, value in given.items())
    return f"<RQST>{inner}</RQST>".encode()


def as_channels(given: dict[str, str]) -> bytes:
    return as_json({**KEYS, "Phone": PHONE, "Channels": ["zalo", "sms"], "Data": [{}, given]})


# What RQST allows an element to hold is left to the parser: control characters are no XML.
BODIES = (
    SENDS.map(as_json)
    | SENDS.map(encoded)
    | SENDS.map(as_rqst)
    | SENDS.map(as_channels)
    | st.dictionaries(st.sampled_from([*SEND, "Channels", "Data", "Phones"]), ODD).map(
        lambda odd: as_json({**SEND, **odd})
    )
    | st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda some: b"<RQST><CONTENT>" + some)
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(sorted(DRESSES)).map("/{}".format),
    query=st.just(b"") | CHANGES.map(encoded) | st.binary(max_size=50),
    headers=st.sampled_from(
        [(), ((b"content-type", b"application/json"),), ((b"content-type", b"text/plain"),)]
    ),
    body=BODIES,
    client_ip=CLIENTS,
)


def answer_of(body: bytes, *, in_xml: bool) -> dict[str, Any]:
    if not in_xml:
        answer = json.loads(body)
        assert isinstance(answer, dict)
        return answer
    root = ElementTree.fromstring(body)
    assert root.tag == "SmsResultModel"
    return {element.tag: element.text for element in root} | {"CountRegenerate": int(root[1].text or "")}


def test_anything_is_answered_in_the_language_of_its_path(tmp_path: Path) -> None:
    """Status 200, documented members in order, a documented result; no exception. Money adds up in the end."""
    results = set[str]()
    with serving(tmp_path) as (core, api, run):
        run(core.configure(FIXED))

        @settings(max_examples=200)
        @given(REQUESTS)
        def answers(request: Request) -> None:
            response = run(api.answer(request))
            assert response.status == 200
            in_xml = "/xml/" in request.path
            answer = answer_of(response.body, in_xml=in_xml)
            if answer == {"error": "Invalid request"}:
                return
            assert list(answer) == [member for member in MEMBERS if member in answer]
            assert answer["CodeResult"] in RESULTS
            assert answer["CountRegenerate"] == 0
            assert ("SMSID" in answer) == (answer["CodeResult"] in ("100", "146"))
            results.add(answer["CodeResult"])

        answers()
        held = sum(message.held for message in run(core.messages("shop")))
        assert run(core.balance("shop")) == -held
    # Otherwise the examples would not have come as far as the core.
    assert "100" in results
    assert len(results) > 3
