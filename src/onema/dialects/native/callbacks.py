"""What became of a message, as an event of the Standard Webhooks specification (https://www.standardwebhooks.com).

An event has one `webhook-id`, however often it is told. The time in its signature is that of each try: receivers refuse
what was signed more than five minutes ago.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from onema.delivery.callback_contract import CallbackRequest
from onema.delivery.patience import EVENTS
from onema.dialects.native.auth import DIALECT
from onema.dialects.native.wire import purpose_of
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Call, Message
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.engine.gateway import Gateway

_ENDINGS: Mapping[Ending, str] = {ending: ending.name.lower() for ending in Ending}


class NativeEvents:
    """Tells of messages that came in through this API, signed with every live secret of their application, and of
    their account: who reads the account's address knows one of these.
    """

    endings = _ENDINGS
    patience = EVENTS

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        """Unsigned when the account's credentials have gone since."""
        account = self._gateway.directory.accounts.get(message.account)
        told = {
            "type": f"message.{message.state}",
            "timestamp": show_time(message.ended_at),
            "data": {
                "id": str(message.id),
                "channel": message.channel,
                "to": message.phone,
                "purpose": purpose_of(message) if message.verification else "",
                "reference": message.reference,
                "delivery": {
                    "status": message.state,
                    "reason": message.reason,
                    "ending": _ENDINGS[Ending(message.ending)] if message.ending else "",
                },
                "cost": {
                    "currency": account.document.currency if account else "",
                    "charged": format_amount(message.charged),
                },
                "call": _call(call) if call else None,
            },
        }
        # One library for receivers, Elixir's, signs the members anew and in the order of their names:
        # https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries/elixir
        body = msgspec.json.encode(told, order="sorted")
        identifier, at = f"msg_{message.id}", self._gateway.now() // 1000
        signed = f"{identifier}.{at}.".encode() + body
        headers = [
            (b"content-type", b"application/json"),
            (b"webhook-id", identifier.encode()),
            (b"webhook-timestamp", str(at).encode()),
        ]
        directory = self._gateway.directory
        owners = dict.fromkeys((message.application, ""))
        secrets = [one for owner in owners for one in directory.live_secrets(message.account, DIALECT, owner)]
        signatures = " ".join(_signature(secret, signed) for secret in secrets)
        if signatures:
            headers.append((b"webhook-signature", signatures.encode()))
        return CallbackRequest("POST", url, tuple(headers), body)


def webhook_secret(secret: str) -> str:
    """A credential's secret as receivers' libraries take it."""
    return f"whsec_{base64.b64encode(secret.encode()).decode()}"


def _signature(secret: str, signed: bytes) -> str:
    return f"v1,{base64.b64encode(hmac.digest(secret.encode(), signed, 'sha256')).decode()}"


def _call(call: Call) -> dict[str, Any]:
    return {
        "attempts": call.attempt,
        "ring_seconds": call.ring_ms / 1000,
        "talk_seconds": call.talk_ms / 1000,
        "keys": call.keys,
    }
