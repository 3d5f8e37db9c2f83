"""The pushes: a POST that says how a call ended and what it cost, or what became of an SMS
(docs/vendors/ytx.md#the-cdr-push, docs/vendors/ytx.md#the-state-push).

The vendor's page of records (console.ytx.net/FileDetails/FileCdrCallback) was not found. The shape is what a
receiver in production models: github.com/megatontech/yzbcore,
yzbcore/Controllers/app/CallCallbackController.cs, seen 2026-11.
"""

import math
from collections.abc import Mapping

import msgspec

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.ytx.wire import FUNCTION, SMS_FUNCTION, local_time, request_id
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId, time_of_id
from onema.domain.records import Channel, Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway

# A receiver in the field is ASP.NET Core's [FromBody], which takes no other type.
_JSON = ((b"content-type", b"application/json; charset=utf-8"),)

# That receiver calls somebody else on nine words: 未知 关机 空号 停机 正在通话中 用户拒接 无法拨通 暂停服务
# 用户正忙. Which ending the vendor tells by which of them was never seen, so ours are a reading of the words.
# Of a call that was answered only the record of a double call was seen (github.com/fanshuai/kubrick,
# server/voice/ytxz/ytx_apis.py).
_ANSWERED = "应答|正常"
_NOT_REACHED = "无法拨通"
_UNKNOWN = "未知"
_BY_ENDING: Mapping[Ending, str] = {
    Ending.ANSWERED: _ANSWERED,
    Ending.HUNG_UP: _ANSWERED,
    Ending.BUSY: "用户正忙",
    Ending.NO_ANSWER: _NOT_REACHED,
    Ending.DECLINED: "用户拒接",
    # The phone's owner did not hear the code, and a receiver that reads "answered" would try nobody else.
    Ending.VOICEMAIL: _NOT_REACHED,
    Ending.SWITCHED_OFF: "关机",
    Ending.UNREACHABLE: _NOT_REACHED,
    Ending.NOT_IN_SERVICE: "空号",
    Ending.SUSPENDED: "停机",
    Ending.CUT_OFF: _NOT_REACHED,
    Ending.BLOCKED: _NOT_REACHED,
    Ending.OUR_LIMIT: _NOT_REACHED,
    Ending.CARRIER_DOWN: _NOT_REACHED,
    Ending.NOT_SPEAKABLE: _NOT_REACHED,
}
_BY_STATE = {MessageState.DELIVERED: _ANSWERED, MessageState.UNCONFIRMED: _UNKNOWN}


# No receiver of a push about an SMS was found, so its words are ours. Its members are those of the vendor's push about
# the state of a call, as a receiver of both knows them.
_ARRIVED, _NOT_ARRIVED, _NOBODY_KNOWS = (
    ("delivered", "发送成功"),
    ("undelivered", "发送失败"),
    ("unknown", _UNKNOWN),
)
_SMS_STATES = {MessageState.DELIVERED: _ARRIVED, MessageState.UNCONFIRMED: _NOBODY_KNOWS}


class YtxCallbacks:
    """Renders the CDR of every call that came in through this dialect, and the state of every SMS."""

    endings = _BY_ENDING

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def render(self, message: Message, url: str) -> CallbackRequest:
        """All members are strings: that receiver's System.Text.Json refuses a number for one. The vendor's pull
        of records, which is not served, has numbers. `requestid` is in lower case in pushes alone.
        """
        if message.channel == Channel.SMS:
            return CallbackRequest("POST", url, _JSON, _sms_state(message))
        record = {
            "requestid": request_id(message.id),
            "appid": self._appid(message),
            "fid": str(int(FUNCTION)),
            "tel": national(message.phone),
            "stime": _time(time_of_id(message.id)),
            "etime": _time(message.ended_at),
            "duration": str(math.ceil(message.talked_ms / 1000)),
            "oriamount": format_amount(message.charged, 2),
            "stateDesc": _state(message),
        }
        return CallbackRequest("POST", url, _JSON, msgspec.json.encode({"cdr": [record]}))

    def _appid(self, message: Message) -> str:
        """Empty when the application has been removed since."""
        account = self._gateway.directory.accounts.get(message.account)
        application = account.applications.get(message.application) if account else None
        return application.document.appid if application else ""


def _sms_state(message: Message) -> bytes:
    state, words = _SMS_STATES.get(MessageState(message.state), _NOT_ARRIVED)
    return msgspec.json.encode(
        {
            # The request was answered with the id of its first message.
            "requestid": request_id(MessageId(message.together or message.id), SMS_FUNCTION),
            "dsc": national(message.phone),
            "state": state,
            "stateDesc": words,
            "timestamp": _time(message.ended_at),
        }
    )


def national(phone: Phone) -> str:
    """As callers of this API write it: a Chinese number without country code, any other in digits."""
    return phone.removeprefix("+86").removeprefix("+")


def _state(message: Message) -> str:
    if message.ending:
        return _BY_ENDING[Ending(message.ending)]
    return _BY_STATE.get(MessageState(message.state), _NOT_REACHED)


def _time(milliseconds: int) -> str:
    return f"{local_time(milliseconds):%Y-%m-%d %H:%M:%S}"
