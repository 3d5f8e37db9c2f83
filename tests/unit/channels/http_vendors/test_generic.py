"""A gateway that settings alone describe."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.contract import Receipt
from onema.channels.http_sender import generic
from onema.channels.http_sender.contract import NotAReceipt, NotAuthentic, VendorApi
from onema.channels.http_sender.placeholders import PLACEHOLDERS
from onema.channels.http_sender.places import Said, place_of, texts
from onema.domain.configuration.needs import Need
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.http.client.contract import HttpAnswer
from onema.http.messages import Request
from onema.wiring.carriers import needs_of
from tests.docs.described_gateways import described_files, described_gateway

from .sends import NAME, NOW, PUBLIC, TEXT, TOKEN, answer, api_of, document, outgoing, problems, request

VENDOR = generic.vendor(lambda: NOW)
URL = "https://gateway.example.com/send"
ASKING = {"public_url": PUBLIC, "receipt_token": TOKEN}
RECEIPT_URL = f"{PUBLIC}/carriers/main/receipts/{TOKEN}"


def api(**settings: Any) -> VendorApi:
    assert problems(VENDOR, **{"url": URL, **settings}) == []
    return api_of(VENDOR, **{"url": URL, **settings})


def pair(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


# Requests.


@given(st.text(max_size=60))
def test_whatever_the_text_is_it_arrives_as_it_is(text: str) -> None:
    """In a query, a form, JSON and XML: each escapes in its own way, and nothing breaks out."""
    what = outgoing(text.encode("utf-8", "ignore").decode())
    sent = what.payload
    query = request(api(method="GET", query=[pair("t", "<{text}>")]), what)
    assert dict(parse_qsl(urlsplit(query.url).query, True, errors="strict")) == {"t": f"<{sent.text}>"}  # type: ignore[union-attr]
    form = request(api(form=[pair("t", "<{text}>")]), what)
    assert dict(parse_qsl(form.body.decode(), True)) == {"t": f"<{sent.text}>"}  # type: ignore[union-attr]
    body = request(api(json='{"a": ["<{text}>"], "n": 1}'), what).body
    assert json.loads(body) == {"a": [f"<{sent.text}>"], "n": 1}  # type: ignore[union-attr]
    raw = request(api(raw='{"a": "{text}"}', raw_escape="json"), what).body
    assert json.loads(raw) == {"a": sent.text}  # type: ignore[union-attr]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60))
def test_a_text_is_a_text_in_xml(text: str) -> None:
    """And no markup, in elements and in attributes."""
    made = request(api(raw='<m t="{text}">{text}</m>', raw_escape="xml"), outgoing(text))
    found = ElementTree.fromstring(made.body)
    assert (found.text or "", found.get("t")) == (text, text)


def test_every_placeholder_is_filled_in() -> None:
    """From the message, its account's facts and the secrets."""
    wanted = {
        "phone": "+84901888484",
        "phone_plain": "84901888484",
        "sender": "Acme",
        "text": TEXT,
        "name": NAME,
        "message_id": "1267",
        "attempt": "2",
        "receipt_url": RECEIPT_URL,
        "coding": "2",
        "is_unicode": "1",
        "valid_seconds": "90",
        "valid_minutes": "2",
    }
    assert set(wanted) == set(PLACEHOLDERS)
    names = [*wanted, "fact.entity_id", "secret.key"]
    made = request(
        api(
            json=json.dumps({name: f"{{{name}}}" for name in names}),
            secrets=[pair("key", "s3cret")],
            **ASKING,
        ),
        outgoing(TEXT, valid_ms=90_000, entity_id="110"),
    )
    assert json.loads(made.body) == {**wanted, "fact.entity_id": "110", "secret.key": "s3cret"}


def test_a_number_in_json_is_a_number() -> None:
    """Where it is written so; brackets that are none of ours stay."""
    made = request(api(json='{"ttl": "!{valid_seconds}", "x": "{{text}} {a b}"}'), outgoing())
    assert json.loads(made.body) == {"ttl": 300, "x": "{text} {a b}"}


def test_where_and_how_it_is_sent_are_settings() -> None:
    """Method, path, headers, authentication."""
    made = request(
        api(
            url=f"{URL}/{{phone_plain}}?x=1",
            method="PUT",
            query=[pair("y", "&")],
            raw="t",
            user="u",
            password="p",
        ),
        outgoing(),
    )
    assert (made.method, made.url) == ("PUT", f"{URL}/84901888484?x=1&y=%26")
    basic = b"Basic " + base64.b64encode(b"u:p")
    assert made.headers == ((b"Content-Type", b"text/plain; charset=utf-8"), (b"Authorization", basic))
    made = request(api(bearer="tok", json="{}", headers=[pair("X-To", "{phone}")]), outgoing())
    assert made.headers == (
        (b"Content-Type", b"application/json"),
        (b"Authorization", b"Bearer tok"),
        (b"X-To", b"+84901888484"),
    )


def test_what_needs_a_fact_is_not_sent_without_it() -> None:
    """Routing knows beforehand; at the last moment it goes to another carrier."""
    settings = {"url": URL, "json": '{"e": "{fact.entity_id}"}'}
    assert list(needs_of(document("http", settings))) == [Need("entity_id")]
    missing = api(**settings).request_of(outgoing(), NOW)
    assert missing == Outcome(
        kind=OutcomeKind.TEMPORARY, reason="not registered", detail="the fact entity_id"
    )


# Answers.

RULES = [
    {"status": "200", "code": "0", "outcome": "accepted"},
    {"code": "7,8", "outcome": "temporary", "ending": "our limit at the carrier"},
    {"status": "4xx", "pattern": "bad (number|phone)", "outcome": "permanent", "ending": "not in service"},
    {"status": "500", "pattern": "^busy", "outcome": "temporary", "reason": "busy"},
    {"code": "9", "outcome": "unknown", "reason": "it may be queued"},
]


@pytest.mark.parametrize(
    ("status", "body", "kind", "word", "references"),
    [
        (200, '{"r": 0, "ids": [{"id": 1}, {"id": "b"}]}', OutcomeKind.SUBMITTED, "", ("1", "b")),
        (200, '{"r": 7, "ids": [{"id": "a"}]}', OutcomeKind.TEMPORARY, Ending.OUR_LIMIT, ()),
        (422, "a bad phone, +84901888484", OutcomeKind.PERMANENT, Ending.NOT_IN_SERVICE, ()),
        (500, "busy", OutcomeKind.TEMPORARY, "busy", ()),
        (500, "not busy", OutcomeKind.UNKNOWN, "no clear answer", ()),
        (200, '{"r": "9", "ids": [{"id": "a"}]}', OutcomeKind.UNKNOWN, "it may be queued", ("a",)),
        (200, '{"r": 1, "ids": [{"id": "a"}]}', OutcomeKind.UNKNOWN, "no clear answer", ()),
        (429, "", OutcomeKind.TEMPORARY, Ending.OUR_LIMIT, ()),
        (401, "", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN, ()),
        (400, "", OutcomeKind.PERMANENT, "refused by the carrier", ()),
    ],
)
def test_the_first_rule_that_fits_counts(
    status: int, body: str, kind: OutcomeKind, word: str, references: tuple[str, ...]
) -> None:
    """By status, code and pattern; then the table of statuses. Numbers do not get into the words."""
    found = api(code="json:r", id="json:ids[*].id", rules=RULES).outcome_of(
        outgoing(), HttpAnswer(status, (), body.encode())
    )
    assert (found.kind, found.word, found.references) == (kind, word, references)
    assert "84901888484" not in found.detail


def test_success_without_rules_is_a_status_and_an_id() -> None:
    """An answer that has no id, where one is asked for, says nothing."""
    one = api(id="json:id")
    assert one.outcome_of(outgoing(), answer(202, {"id": "x"})).references == ("x",)
    assert one.outcome_of(outgoing(), answer(202, {"id": None})).kind is OutcomeKind.UNKNOWN
    assert api().outcome_of(outgoing(), HttpAnswer(204)).kind is OutcomeKind.SUBMITTED


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("json:a.b[0].c", ["1"]),
        ("json:a.b[*].c", ["1", "true"]),
        ("json:a.b[7].c", []),
        ("json:a.b", []),
        ("json:n", []),
        ("header:x-id", ["h1"]),
        ("regex:a=(\\w+)", []),
        ('regex:"c": ([0-9]+)', ["1"]),
        ('regex:"c"', ['"c"']),
        ("query:ID", ["q 1"]),
        ("query:none", []),
    ],
)
def test_places(place: str, found: list[str]) -> None:
    """What is not there is nothing; tables and lists are no texts."""
    body = json.dumps({"a": {"b": [{"c": 1}, {"c": True}, {"d": 2}, 3]}, "n": None}).encode()
    said = Said([(b"x-id", b"h1")], body, b"id=q%201")
    assert texts(place_of(place, ("json", "header", "regex", "query")), said) == found


def test_a_pattern_is_never_slow() -> None:
    """One that takes Python's own engine for ever."""
    place = place_of("regex:^(a+)+(b|a)*(a*)*$", ("regex",))
    began = time.process_time()
    assert texts(place, Said((), b"a" * 4_000 + b"!")) == []
    assert time.process_time() - began < 1


# Receipts.


def receipt(settings: dict[str, Any], **changed: Any) -> tuple[Receipt, ...]:
    given = {"method": "POST", "query": b"", "headers": (), "body": b"", **changed}
    asked = Request(path="/", client_ip="", **given)
    return api(**ASKING, receipts={"state": "query:s", **settings}).receipts_of(asked)


def test_receipts_are_read_where_settings_say() -> None:
    """Several of one request each by its own; an unknown word ends nothing."""
    states = [
        {"word": "D", "outcome": "delivered"},
        {"word": "F", "outcome": "undelivered", "reason": "lost"},
    ]
    results = [
        {"id": 1, "s": "D", "t": "12:00"},
        {"id": "b", "s": "F", "e": "no +84901888484"},
        {"id": "c", "s": "?"},
    ]
    mapping = {
        "list": "json:results",
        "id": "json:id",
        "state": "json:s",
        "detail": "json:e",
        "time": "json:t",
        "states": states,
    }
    found = receipt(mapping, body=json.dumps({"results": results}).encode())
    assert [(one.carrier, one.reference, one.outcome.kind, one.outcome.word) for one in found] == [
        ("main", "1", OutcomeKind.DELIVERED, ""),
        ("main", "b", OutcomeKind.UNDELIVERED, "lost"),
        ("main", "c", OutcomeKind.UNKNOWN, "a word that is not known"),
    ]
    assert found[0].outcome.detail == "D 12:00"
    assert "84901888484" not in found[1].outcome.detail
    (form,) = receipt({"id": "form:id", "state": "form:s", "states": states}, body=b"id=x&s=D")
    assert (form.reference, form.outcome.kind) == ("x", OutcomeKind.DELIVERED)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"results": []}', b'{"results": [{"s": "D"}]}'])
def test_what_names_no_message_is_no_receipt(body: bytes) -> None:
    """It is answered 400, so that somebody sees it."""
    with pytest.raises(NotAReceipt):
        receipt({"list": "json:results", "id": "json:id", "state": "json:s"}, body=body)


def signed(algorithm: str, encoding: str, prefix: str, signs: str, stamp: int = NOW // 1000) -> Request:
    body = b'{"id": "x{timestamp}", "s": "D"}'
    said = signs.replace("{timestamp}", str(stamp)).encode().replace(b"{body}", body)
    made = hmac.new(b"key", said, getattr(hashlib, algorithm))
    text = made.hexdigest().encode() if encoding == "hex" else base64.b64encode(made.digest())
    return Request(
        "POST", "/", b"", ((b"x-sig", prefix.encode() + text), (b"x-time", b"%d" % stamp)), body, ""
    )


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize(
    ("prefix", "signs"), [("", "{body}{timestamp}"), ("v1=", "v1:{timestamp}:{body}"), ("", "{body}")]
)
def test_signatures_as_gateways_make_them(algorithm: str, encoding: str, prefix: str, signs: str) -> None:
    """Also where what is signed has the word for a placeholder in it; what is too old is refused."""
    how = {
        "header": "X-Sig",
        "key": "key",
        "algorithm": algorithm,
        "encoding": encoding,
        "prefix": prefix,
        "signs": signs,
    }
    if "timestamp" in signs:
        how["timestamp_header"] = "X-Time"
    one = api(receipts={"id": "json:id", "state": "json:s", "signature": how})
    assert [one.reference for one in one.receipts_of(signed(algorithm, encoding, prefix, signs))] == [
        "x{timestamp}"
    ]
    if "timestamp" in signs:
        with pytest.raises(NotAuthentic):
            one.receipts_of(signed(algorithm, encoding, prefix, signs, NOW // 1000 - 301))


# What is refused when it is saved.


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"json": '{"a": "{txt}"}'}, "settings.json"),
        ({"json": "{"}, "settings.json"),
        ({"url": "https://gateway.example.com/{phon}"}, "settings.url"),
        ({"url": "https://{sender}.example.com/"}, "settings.url"),
        ({"url": "ftp://gateway.example.com/"}, "settings.url"),
        ({"query": [pair("a", "{secret.none}")]}, "settings.query[0].value"),
        ({"form": [pair("a", "b")], "raw": "x"}, "settings"),
        ({"user": "u", "bearer": "b"}, "settings.bearer"),
        ({"headers": [pair("Content-Length", "1")]}, "settings.headers[0].name"),
        ({"headers": [pair("X Y", "1")]}, "settings.headers[0].name"),
        ({"id": "xpath:/a"}, "settings.id"),
        ({"id": "json:a..b"}, "settings.id"),
        ({"id": "query:a"}, "settings.id"),
        ({"id": "regex:("}, "settings.id"),
        ({"id": "regex:(a)\\1"}, "settings.id"),
        ({"id": "regex:(a?){0,400}b"}, "settings.id"),
        ({"rules": [{"outcome": "accepted"}]}, "settings.rules[0]"),
        ({"rules": [{"status": "20", "outcome": "accepted"}]}, "settings.rules[0].status"),
        ({"rules": [{"code": "1", "outcome": "accepted"}]}, "settings.rules[0].code"),
        ({"rules": [{"pattern": "(?=a)", "outcome": "accepted"}]}, "settings.rules[0].pattern"),
        ({"rules": [{"status": "200", "outcome": "accepted", "ending": "busy"}]}, "settings.rules[0].ending"),
        ({"receipts": {"id": "query:id"}, **ASKING}, "settings.receipts.state"),
        ({"receipts": {"id": "query:id", "state": "query:s"}}, "settings.receipt_token"),
        ({"receipts": {"signature": {"header": "X"}}}, "settings.receipts.signature.key"),
        (
            {"receipts": {"signature": {"header": "X", "key": "k", "signs": "{timestamp}{body}"}}},
            "settings.receipts.signature.timestamp_header",
        ),
        (
            {
                "receipts": {
                    "states": [{"word": "x", "outcome": "undelivered", "ending": "the carrier is down"}]
                }
            },
            "settings.receipts.states[0].ending",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_its_place(settings: dict[str, Any], place: str) -> None:
    """When it is saved, and not at the first message."""
    assert place in problems(VENDOR, **{"url": URL, **settings})


@pytest.mark.parametrize("url", ["http://10.0.0.5/send", "http://localhost:9710/sms", "http://[::1]/{text}"])
def test_a_gateway_in_a_private_network_needs_private_targets(url: str) -> None:
    """The client would refuse each message to it."""
    assert problems(VENDOR, url=url) == ["settings.url"]
    assert problems(VENDOR, url=url, private_targets=True) == []


# The gateways of docs/carriers/http.md.


def test_every_gateway_of_the_page_can_be_saved() -> None:
    """As it stands there."""
    assert set(described_files()) == {"android", "kannel", "playsms"}
    for name in described_files():
        assert problems(VENDOR, **described_gateway(name)) == []


def test_playsms_as_its_documents_have_it() -> None:
    """https://github.com/playsms/playsms/blob/master/documents/development/WEBSERVICES.md"""
    one = api_of(VENDOR, **described_gateway("playsms"))
    made = request(one, outgoing(TEXT))
    assert dict(parse_qsl(urlsplit(made.url).query)) == {
        "app": "ws",
        "op": "pv",
        "u": "onema",
        "h": "the user's webservices token",
        "from": "Acme",
        "to": "+84901888484",
        "msg": TEXT,
        "unicode": "1",
        "nofooter": "1",
    }
    ok = b'{"data":[{"status":"OK","error":"0","smslog_id":"30","queue":"afb5","to":"0987654321"}],"error_string":null}'
    assert one.outcome_of(outgoing(), HttpAnswer(200, (), ok)).references == ("30",)
    no = b'{"status":"ERR","error":"103","error_string":"not enough credit for this operation"}'
    refused = one.outcome_of(outgoing(), HttpAnswer(200, (), no))
    assert (refused.kind, refused.word) == (OutcomeKind.TEMPORARY, "no credit")
    assert refused.detail == "HTTP 200 103 not enough credit for this operation"
