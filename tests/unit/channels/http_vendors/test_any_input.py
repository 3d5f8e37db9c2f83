"""Whatever a vendor answers, or anybody sends to its webhook."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.channels.http_sender import esms, generic, infobip, twilio, vonage
from onema.channels.http_sender.contract import NotAReceipt, NotAuthentic, VendorApi
from onema.domain.delivery.outcome import RECEIPT_WORDS, OutcomeKind, storable
from onema.http.client.contract import HttpAnswer
from onema.http.messages import Request
from tests.docs.described_gateways import described_gateway

from .sends import PUBLIC, TOKEN, api_of, outgoing

ASKING = {"public_url": PUBLIC, "receipt_token": TOKEN}
MAPPING = {
    "list": "json:results",
    "id": "json:messageId",
    "state": "json:status[*].id",
    "detail": "regex:(.*)",
}


def described(name: str) -> VendorApi:
    """A gateway of docs/carriers/http.md, whose receipts need no signature."""
    settings = described_gateway(name)
    receipts = {**MAPPING, **settings.get("receipts", {}), "signature": {}}
    return api_of(generic.vendor(lambda: 0), **{**settings, **ASKING, "receipts": receipts})


APIS: dict[str, VendorApi] = {
    "esms": api_of(esms.VENDOR, api_key="A", secret_key="S", **ASKING),
    "infobip": api_of(infobip.VENDOR, base_url="https://x.example.com", api_key="A", **ASKING),
    "twilio": api_of(twilio.VENDOR, account_sid="AC", api_key="K", api_secret="S", **ASKING),
    "vonage": api_of(vonage.VENDOR, api_key="A", api_secret="S", **ASKING),
    **{f"http, {name}": described(name) for name in ("android", "kannel", "playsms")},
}
"""Whose receipts are believed by the token alone, so that what follows is reached."""
NAMES = (
    *("CodeResult", "SMSID", "SendStatus", "SendSuccess", "SendFailed", "RequestId", "error", "ErrorMessage"),
    *("messages", "status", "groupId", "id", "name", "messageId", "results", "requestError", "errorCode"),
    *("serviceException", "sid", "code", "message", "error_code", "MessageSid", "MessageStatus", "ErrorCode"),
    *(
        "message-id",
        "network",
        "error-text",
        "err-code",
        "client-ref",
        "network-code",
        "text",
        "mccMnc",
        "telcoid",
    ),
)
WORDS = st.sampled_from(
    ["100", "124", "0", "5", "4", "delivered", "failed", "sent", "30003", "", "3", "expired"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6)
    ),
    max_leaves=20,
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
FORMS = st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=8).map(
    lambda told: "&".join(f"{name}={value}" for name, value in told.items()).encode()
)
STATUSES = st.sampled_from([200, 201, 204, 301, 400, 401, 404, 409, 429, 500, 502, 503, 999])


@pytest.mark.parametrize("name", APIS)
@given(STATUSES, BODIES)
@settings(max_examples=300, deadline=None)
def test_any_answer_ends_in_an_outcome(name: str, status: int, body: bytes) -> None:
    """That can be stored, and names nothing where nothing left."""
    told = storable(APIS[name].outcome_of(outgoing(), HttpAnswer(status, (), body)))
    if told.kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT):
        assert told.references == ()
    assert len(told.detail) <= 300


@pytest.mark.parametrize("name", APIS)
@given(
    st.sampled_from(["GET", "POST"]),
    BODIES | FORMS,
    st.binary(max_size=100) | FORMS,
)
@settings(max_examples=300, deadline=None)
def test_any_request_to_the_webhook_is_receipts_or_none(
    name: str, method: str, body: bytes, query: bytes
) -> None:
    """Words that a receipt may say, about something that has a name; or a refusal, and nothing else is raised."""
    request = Request(method, "/carriers/main/receipts", query, (), body, "203.0.113.9")
    try:
        found = APIS[name].receipts_of(request)
    except (NotAReceipt, NotAuthentic):
        return
    for one in found:
        assert one.reference
        assert one.outcome.kind in RECEIPT_WORDS
        storable(one.outcome)
