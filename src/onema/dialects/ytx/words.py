"""How calls and SMS ended, phones and times, as this API writes them."""

from collections.abc import Mapping

from onema.dialects.ytx.wire import local_time
from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Message, MessageState
from onema.domain.values.phone import Phone

# A receiver in production (github.com/megatontech/yzbcore, yzbcore/Controllers/app/CallCallbackController.cs, seen
# 2026-11) calls somebody else on nine words: 未知 关机 空号 停机 正在通话中 用户拒接 无法拨通 暂停服务
# 用户正忙. Which ending the vendor tells by which of them was never seen, so ours are a reading of the words.
# Of a call that was answered only the record of a double call was seen (github.com/fanshuai/kubrick,
# server/voice/ytxz/ytx_apis.py).
_ANSWERED = "应答|正常"
_NOT_REACHED = "无法拨通"
_UNKNOWN = "未知"
BY_ENDING: Mapping[Ending, str] = {
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
_BY_STATE = {
    MessageState.DELIVERED: _ANSWERED,
    MessageState.UNCONFIRMED: _UNKNOWN,
    # Under way still.
    MessageState.ACCEPTED: _UNKNOWN,
    MessageState.SENT: _UNKNOWN,
    MessageState.UNKNOWN: _UNKNOWN,
}


# No receiver of a push about an SMS was found, so its words are ours. Its members are those of the vendor's push about
# the state of a call, as a receiver of both knows them.
_ARRIVED, _NOT_ARRIVED, _NOBODY_KNOWS = (
    ("delivered", "发送成功"),
    ("undelivered", "发送失败"),
    ("unknown", _UNKNOWN),
)
_SMS_STATES = {MessageState.DELIVERED: _ARRIVED, MessageState.UNCONFIRMED: _NOBODY_KNOWS}


# What the vendor calls the states of a call, as receivers tell them apart; its words for them were never seen.
CALL_STATES: Mapping[CallState, tuple[str, str]] = {
    CallState.CALLING: ("callout", "呼叫中"),
    CallState.RINGING: ("alerting", "振铃"),
    CallState.ANSWERED: ("answer", "应答"),
    CallState.ENDED: ("disconnect", "挂断"),
}
"""(state, stateDesc)."""
KEYS_PRESSED = "dtmf"
"""The state that tells keys, in its stateDesc. How the vendor tells them was never seen."""


def state_of(call: Message) -> str:
    """How it ended; that nobody knows, while it has not."""
    if call.ending:
        return BY_ENDING[Ending(call.ending)]
    return _BY_STATE.get(MessageState(call.state), _NOT_REACHED)


def sms_state_of(message: Message) -> tuple[str, str]:
    """(state, stateDesc)."""
    return _SMS_STATES.get(MessageState(message.state), _NOT_ARRIVED)


def national(phone: Phone) -> str:
    """As callers of this API write it: a Chinese number without country code, any other in digits."""
    return phone.removeprefix("+86").removeprefix("+")


def time_text(milliseconds: int) -> str:
    return f"{local_time(milliseconds):%Y-%m-%d %H:%M:%S}"
