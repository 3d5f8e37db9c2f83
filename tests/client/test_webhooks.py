"""`verify_webhook`: docs/api.md#events."""

import datetime as dt
import json

import pytest
from standardwebhooks.webhooks import Webhook

from onema.client import Event, NotGenuine, verify_webhook, webhook_secret

SECRET = "ns-Zq83hfTTopSecretOfTheShop"
BODY = json.dumps({"type": "message.delivered", "timestamp": "2026-11-28T10:15:12Z", "data": {"id": "7"}})
AT = dt.datetime(2026, 11, 28, 10, 15, 20, tzinfo=dt.UTC)


def signed(*secrets: str, body: str = BODY, at: dt.datetime = AT) -> dict[str, str]:
    """Headers of a request, signed by the specification's own library."""
    signatures = [Webhook(webhook_secret(secret)).sign("msg_7", at, body) for secret in secrets]
    return {
        "Webhook-Id": "msg_7",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": " ".join(signatures),
    }


def verified(headers: dict[str, str], *secrets: str, body: str = BODY, later: float = 0) -> Event:
    return verify_webhook(body.encode(), headers, secrets, now=lambda: AT.timestamp() + later)


def test_what_the_specifications_library_signed_is_an_event() -> None:
    """Under any of the secrets that the receiver has, in either spelling, and whatever else signed it."""
    event = Event("msg_7", "message.delivered", "2026-11-28T10:15:12Z", {"id": "7"})
    assert verified(signed(SECRET), SECRET) == event
    assert verified(signed("another", SECRET), webhook_secret(SECRET)) == event
    assert verified(signed(SECRET), "old", SECRET) == event
    assert verify_webhook(BODY.encode(), signed(SECRET), SECRET, now=AT.timestamp) == event


@pytest.mark.parametrize("later", [-299, 299])
def test_five_minutes_are_allowed_either_way(later: int) -> None:
    """Clocks differ; more than that is a request that somebody kept."""
    assert verified(signed(SECRET), SECRET, later=later).id == "msg_7"
    with pytest.raises(NotGenuine):
        verified(signed(SECRET), SECRET, later=later + 2 * (1 if later > 0 else -1))


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,AAAA v1a,BBBB ,"},
        {"Webhook-Signature": "v1,café"},
        {"Webhook-Id": "msg_8"},
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": "x"},
        {"Webhook-Timestamp": "²"},
        {"Webhook-Timestamp": "1795860920.0"},
    ],
)
def test_what_was_not_signed_so_is_refused(change: dict[str, str]) -> None:
    """In the one way that a receiver has to handle."""
    with pytest.raises(NotGenuine):
        verified(signed(SECRET) | change, SECRET)


def test_another_body_or_secret_is_refused() -> None:
    """And a signed body that is no event."""
    with pytest.raises(NotGenuine):
        verified(signed(SECRET), SECRET, body=BODY + " ")
    with pytest.raises(NotGenuine):
        verified(signed(SECRET), SECRET + "x")
    with pytest.raises(NotGenuine):
        verified(signed(SECRET), *())
    with pytest.raises(NotGenuine):
        verified(signed(SECRET, body="[]"), SECRET, body="[]")
