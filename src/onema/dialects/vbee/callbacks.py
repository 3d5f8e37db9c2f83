"""How a call ended, as a webhook of our own design (docs/vendors/vbee.md#the-webhook).

The vendor's page says "if you have enabled the webhook, see Webhook API", and that page was found nowhere; no
public program receives one. So this one claims no compatibility.
"""

import datetime as dt
import hmac
from collections.abc import Mapping

import msgspec

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.vbee.auth import DIALECT
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Call, Message, MessageState
from onema.domain.values.money import as_number
from onema.engine.gateway import Gateway

SIGNATURE = b"x-onema-signature"
"""The header that says who sends it: an HMAC-SHA256 (RFC 2104) of the body for each API_SECRET of the application."""

_JSON = (b"content-type", b"application/json; charset=utf-8")

# After the flags of `re_call` in the vendor's scenarios: is_busy, is_failed, is_no_answer and is_voice_mail
# (https://api-docs.aicall.vbee.ai/danh-sach-api/call-scenario-apis/api-lay-thong-tin-kich-ban).
_ANSWERED, _BUSY, _NO_ANSWER, _VOICEMAIL, _FAILED = "answered", "busy", "no_answer", "voice_mail", "failed"
_BY_ENDING: Mapping[Ending, str] = {
    Ending.ANSWERED: _ANSWERED,
    Ending.HUNG_UP: _ANSWERED,
    Ending.BUSY: _BUSY,
    Ending.NO_ANSWER: _NO_ANSWER,
    # The vendor has no flag for a call that was declined; its phone was not free either.
    Ending.DECLINED: _BUSY,
    Ending.VOICEMAIL: _VOICEMAIL,
    Ending.SWITCHED_OFF: _FAILED,
    Ending.UNREACHABLE: _FAILED,
    Ending.NOT_IN_SERVICE: _FAILED,
    Ending.SUSPENDED: _FAILED,
    Ending.CUT_OFF: _FAILED,
    Ending.BLOCKED: _FAILED,
    Ending.OUR_LIMIT: _FAILED,
    Ending.CARRIER_DOWN: _FAILED,
    Ending.NOT_SPEAKABLE: _FAILED,
}
_BY_STATE = {MessageState.DELIVERED: _ANSWERED, MessageState.UNCONFIRMED: "unknown"}


class VbeeCallbacks:
    """Renders the webhook of every call that came in through this dialect."""

    endings = _BY_ENDING

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        """Members in alphabetical order, as in all of the vendor's answers; those of the last call where the phone was
        called again. Unsigned when the application's credentials have gone since.
        """
        told = {
            "calls": call.attempt if call else 0,
            "contact_id": message.reference,
            "ended_at": _time(message.ended_at),
            "keys": call.keys if call else "",
            "phone_number": message.phone,
            "price": as_number(message.charged),
            "ring_seconds": call.ring_ms / 1000 if call else 0,
            "state": _state(message),
            "talk_seconds": (call.talk_ms if call else message.talked_ms) / 1000,
        }
        body = msgspec.json.encode(told)
        secrets = self._gateway.directory.live_secrets(message.account, DIALECT, message.application)
        signatures = ",".join(signature(secret, body) for secret in secrets)
        headers = (_JSON, (SIGNATURE, signatures.encode())) if signatures else (_JSON,)
        return CallbackRequest("POST", url, headers, body)


def signature(secret: str, body: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def _state(message: Message) -> str:
    if message.ending:
        return _BY_ENDING[Ending(message.ending)]
    return _BY_STATE.get(MessageState(message.state), _FAILED)


def _time(milliseconds: int) -> str:
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
