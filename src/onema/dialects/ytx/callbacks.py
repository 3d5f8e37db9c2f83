"""The pushes: a POST that says how a call ended and what it cost, or what became of an SMS
(docs/vendors/ytx.md#the-cdr-push, docs/vendors/ytx.md#the-state-push).

The vendor's page of records (console.ytx.net/FileDetails/FileCdrCallback) was not found. The shape is what a
receiver in production models: github.com/megatontech/yzbcore,
yzbcore/Controllers/app/CallCallbackController.cs, seen 2026-11.
"""

import msgspec

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.ytx.call_records import pushed_record
from onema.dialects.ytx.wire import SMS_FUNCTION, request_id
from onema.dialects.ytx.words import BY_ENDING, national, sms_state_of, time_text
from onema.domain.ids import MessageId
from onema.domain.records import Channel, Message
from onema.engine.gateway import Gateway

# A receiver in the field is ASP.NET Core's [FromBody], which takes no other type.
_JSON = ((b"content-type", b"application/json; charset=utf-8"),)


class YtxCallbacks:
    """Renders the CDR of every call that came in through this dialect, and the state of every SMS."""

    endings = BY_ENDING

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def render(self, message: Message, url: str) -> CallbackRequest:
        """All members are strings: that receiver's System.Text.Json refuses a number for one. `requestid` is in lower
        case in pushes and records alone.
        """
        if message.channel == Channel.SMS:
            return CallbackRequest("POST", url, _JSON, _sms_state(message))
        return CallbackRequest("POST", url, _JSON, pushed_record(message, self._appid(message)))

    def _appid(self, message: Message) -> str:
        """Empty when the application has been removed since."""
        account = self._gateway.directory.accounts.get(message.account)
        application = account.applications.get(message.application) if account else None
        return application.document.appid if application else ""


def _sms_state(message: Message) -> bytes:
    state, words = sms_state_of(message)
    return msgspec.json.encode(
        {
            # The request was answered with the id of its first message.
            "requestid": request_id(MessageId(message.together or message.id), SMS_FUNCTION),
            "dsc": national(message.phone),
            "state": state,
            "stateDesc": words,
            "timestamp": time_text(message.ended_at),
        }
    )
