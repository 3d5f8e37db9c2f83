"""The pushes: POSTs that say how far a call is, how it ended and what it cost, and what became of an SMS
(docs/vendors/ytx.md#the-cdr-push, docs/vendors/ytx.md#the-state-push).

The vendor's page of both (https://console.ytx.net/FileDetails/FileCdrCallback) was not found. The shape of a record is
what a receiver in production models: github.com/megatontech/yzbcore,
yzbcore/Controllers/app/CallCallbackController.cs. One of both, which tells them apart by a query of its own, is
github.com/fanshuai/kubrick, server/applibs/callback.py. Both were seen in 2026-11.
"""

import msgspec

from onema.delivery.callback_contract import CallbackRequest, NotTold
from onema.dialects.ytx.call_records import pushed_record
from onema.dialects.ytx.wire import NOTICE_WITH_KEYS, SMS_FUNCTION, function_of, request_id
from onema.dialects.ytx.words import (
    BY_ENDING,
    CALL_STATES,
    KEYS_PRESSED,
    national,
    sms_state_of,
    time_text,
)
from onema.domain.configuration.documents import Application
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_news import CallNews, Told
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId
from onema.domain.records import Call, Channel, Message
from onema.engine.gateway import Gateway

# A receiver in the field is ASP.NET Core's [FromBody], which takes no other type.
_JSON = ((b"content-type", b"application/json; charset=utf-8"),)
# The document's question 3: "in the sandbox there is no such setting".
_SANDBOX = NotTold("its application is a sandbox's")
_NO_KEYS = NotTold("nobody asked for its keys")


class YtxCallbacks:
    """Renders the CDR of every call that came in through this dialect, its states, and the state of every SMS.

    All members are strings: a receiver's System.Text.Json refuses a number for one. `requestid` is in lower case in
    pushes and records alone. Of a sandbox's application nothing is told.
    """

    endings = BY_ENDING
    told_of_calls = Told(frozenset(CallState), keys=True)

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest | NotTold:
        application = self._application(message)
        if _is_sandbox(application):
            return _SANDBOX
        if message.channel == Channel.SMS:
            state, words = sms_state_of(message)
            return _push(url, _state(message, SMS_FUNCTION, state, words, message.ended_at))
        return _push(url, pushed_record(message, application.appid if application else ""))

    def render_call(
        self, message: Message, call: Call, news: CallNews, url: str
    ) -> CallbackRequest | NotTold:
        if _is_sandbox(self._application(message)):
            return _SANDBOX
        state, words = CALL_STATES[news.state]
        if news.keys and news.state is CallState.ANSWERED:
            if message.category != NOTICE_WITH_KEYS:
                return _NO_KEYS
            state, words = KEYS_PRESSED, news.keys
        elif news.state is CallState.ENDED and call.ending:
            words = BY_ENDING[Ending(call.ending)]
        return _push(url, _state(message, function_of(message), state, words, news.at))

    def _application(self, message: Message) -> Application | None:
        """None when it has been removed since."""
        account = self._gateway.directory.accounts.get(message.account)
        application = account.applications.get(message.application) if account else None
        return application.document if application else None


def _is_sandbox(application: Application | None) -> bool:
    return application is not None and application.environment == "sandbox"


def _push(url: str, body: bytes) -> CallbackRequest:
    return CallbackRequest("POST", url, _JSON, body)


def _state(message: Message, function: str, state: str, words: str, at: int) -> bytes:
    return msgspec.json.encode(
        {
            # The request was answered with the id of its first message.
            "requestid": request_id(MessageId(message.together or message.id), function),
            "dsc": national(message.phone),
            "state": state,
            "stateDesc": words,
            "timestamp": time_text(at),
        }
    )
