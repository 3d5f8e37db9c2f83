"""What became of a message, as an event of the Standard Webhooks specification (https://www.standardwebhooks.com).

An event has one `webhook-id`, however often it is told. The time in its signature is that of each try: receivers refuse
what was signed more than five minutes ago.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from onema.delivery.callback_contract import CallbackRequest, NotTold
from onema.delivery.patience import EVENTS
from onema.dialects.native.auth import DIALECT
from onema.dialects.native.wire import purpose_of
from onema.domain.configuration.directory import AccountView
from onema.domain.delivery.outcome import Ending
from onema.domain.money.low_balance import BALANCE_LOW, LowBalanceNews
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
        return self._event(f"msg_{message.id}", told, message, url)

    def render_low_balance(
        self, job: int, account: AccountView, news: LowBalanceNews, message: Message, url: str
    ) -> CallbackRequest | NotTold:
        if not self._secrets(message):
            return NotTold("the account has no key of the API that tells of balances")
        told = {
            "type": BALANCE_LOW,
            "timestamp": show_time(news.at),
            "data": {
                "account": account.name,
                "balance": format_amount(news.balance),
                "threshold": format_amount(news.threshold),
                "currency": account.document.currency,
            },
        }
        return self._event(f"evt_{job}", told, message, url)

    def _event(self, identifier: str, told: Mapping[str, Any], message: Message, url: str) -> CallbackRequest:
        # One library for receivers, Elixir's, signs the members anew and in the order of their names:
        # https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries/elixir
        body = msgspec.json.encode(told, order="sorted")
        at = self._gateway.now() // 1000
        signed = f"{identifier}.{at}.".encode() + body
        headers = [
            (b"content-type", b"application/json"),
            (b"webhook-id", identifier.encode()),
            (b"webhook-timestamp", str(at).encode()),
        ]
        signatures = " ".join(_signature(secret, signed) for secret in self._secrets(message))
        if signatures:
            headers.append((b"webhook-signature", signatures.encode()))
        return CallbackRequest("POST", url, tuple(headers), body)

    def _secrets(self, message: Message) -> list[str]:
        """Of whoever may listen to what is told of the message: its application, and its account."""
        directory, owners = self._gateway.directory, dict.fromkeys((message.application, ""))
        return [one for owner in owners for one in directory.live_secrets(message.account, DIALECT, owner)]


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
