"""What the members of a request are, and the bytes of every answer.

Answers are UTF-8 and their members strings in the vendor's order; clients look for words in statusMsg
(docs/vendors/ytx.md#codecallout).

The document's Content-Length of 85 and 61 are its two sample bodies in GBK, so a server of 2016 sent GBK; all
clients of today read UTF-8. Success is told by the words 提交成功 in github.com/megatontech/yzbcore,
yzbcore/Socket/CALL.cs: they may not change.
"""

import datetime as dt
import re

import msgspec

from onema.domain.ids import MessageId, time_of_id
from onema.domain.records import Message
from onema.domain.values.money import as_number
from onema.http.parameters import parse_json_object

CHINA = dt.timezone(dt.timedelta(hours=8))
"""The vendor's clock: its clients sign with their local time and are told local times."""

# The number of a function inside a requestId: samples of real traffic end in 04 and 00 for double calls, whose
# `fid` is 4 (github.com/fanshuai/kubrick, server/voice/ytxz/ytx_apis.py), and have 01 for SMS and 09 for number
# tags. Those of voice codes and notices were never seen, so 02 and 03 may be wrong.
FUNCTION = "02"
SMS_FUNCTION = "01"
NOTICE_FUNCTION = "03"
_NODE = "00"

NOTICE = "notice"
"""The category of a call that reads out a text."""
NOTICE_WITH_KEYS = "notice keys"
"""Of one whose pressed keys are told."""
_FUNCTIONS = {"": FUNCTION, NOTICE: NOTICE_FUNCTION, NOTICE_WITH_KEYS: NOTICE_FUNCTION}
"""Of calls by category: a code's has none."""

_REQUEST_ID = re.compile(r"[0-9]{6}(?P<message>[0-9]{19})(?P<function>0[123])[0-9]{2}", re.ASCII)
# The document says at most 3 and names no default; the vendor's other spoken operation, NoticeCall, has 2
# (github.com/kerbalwzy/YunXunSDKPy, yunxunSDK/mixins.py).
_DEFAULT_TIMES = 2
_TIMES = {"1": 1, "2": 2, "3": 3}
_SPEEDS = frozenset("123456789")


def read_body(body: bytes) -> dict[str, object]:
    """The members that have a value, whatever content type clients call it. Raises ValueError."""
    members = parse_json_object(body)
    return {name: value for name, value in members.items() if value is not None and value != ""}


def text(value: object) -> str:
    """A string, or a whole number's digits; empty for anything else, which nothing accepts."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def texts(value: object) -> list[str] | None:
    """A list of strings and whole numbers; None for anything else."""
    if not isinstance(value, list) or any(isinstance(each, bool) for each in value):
        return None
    return [text(each) for each in value] if all(isinstance(each, str | int) for each in value) else None


def times_to_play(value: object) -> int | None:
    """How often the code is read out, 2 when the member is absent; None for what is not 1 to 3."""
    return _DEFAULT_TIMES if value is None else _TIMES.get(text(value))


def rate_of(speed: object) -> float | None:
    """How fast a notice is read, 5 when the member is absent; None for what is not 1 to 9. A tenth for each step, which
    the vendor does not say.
    """
    if speed is None:
        return 1.0
    given = text(speed)
    return round(1.0 + (int(given) - 5) / 10, 1) if given in _SPEEDS else None


def local_time(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, CHINA)


def request_id(message: MessageId, function: str = FUNCTION) -> str:
    """29 digits: year and month, the message's id, the function, the node (which the id names already)."""
    made_at = local_time(time_of_id(message))
    return f"{made_at.year:04d}{made_at.month:02d}{message:019d}{function}{_NODE}"


def function_of(call: Message) -> str:
    return _FUNCTIONS.get(call.category, FUNCTION)


def categories_of(fid: str) -> tuple[str, ...]:
    """The categories of the calls that a function made, by its number; of all calls without one."""
    return tuple(name for name, function in _FUNCTIONS.items() if fid in ("", str(int(function))))


def message_of_request_id(spelled: str) -> MessageId:
    """The message's id. Raises ValueError for what `request_id` cannot have made."""
    match = _REQUEST_ID.fullmatch(spelled)
    message = MessageId(int(match["message"]) if match else 0)
    if not match or request_id(message, match["function"]) != spelled:
        raise ValueError("not a requestId")
    return message


def message_of(text: str) -> MessageId | None:
    """Of a requestId."""
    try:
        return message_of_request_id(text)
    except ValueError:
        return None


def answer(code: str, message: str, request: str = "") -> bytes:
    return msgspec.json.encode({"statusCode": code, "statusMsg": message, "requestId": request})


def balance(account_sid: str, minor: int) -> bytes:
    """The vendor writes it so; this answer alone has no statusCode (docs/vendors/ytx.md#getblance)."""
    return msgspec.json.encode({"AccountSID": account_sid, "Blance": as_number(minor)})
