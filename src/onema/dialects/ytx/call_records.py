"""Records of calls (CDR): what the push and the pull have in common, and the pull, CallCdr.wx.

The vendor's page of the pull (https://console.ytx.net/FileDetails/FileGetCallCdr) was not found. Its two actions, their
members and its records of double calls are in github.com/fanshuai/kubrick, server/voice/ytxz/ytx_apis.py (seen
2026-11); a record of a call to one phone was seen in the push alone (callbacks.py), whose members are all strings.
"""

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence

import msgspec

from onema.dialects.ytx import wire
from onema.dialects.ytx.auth import DIALECT
from onema.dialects.ytx.words import national, state_of, time_text
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.ids import EPOCH_MS, LARGEST_ID, MessageId, first_id_at, time_of_id
from onema.domain.records import Message
from onema.domain.state_machines import MESSAGE
from onema.domain.values.money import as_number, format_amount
from onema.engine.customer_reads import Called, CustomerReads

MOST_RECORDS = 500
"""In one answer by `lastresid`; the vendor's own bound is not known."""
MOST_OF_AN_HOUR = 5_000
NEWEST_MS = 2_000
"""A call is in no list before it is so old: another process may still be writing one that was asked for earlier."""
UNDER_WAY_MS = 15 * 60_000
"""A call that has not ended so long after it was asked for is told of all the same."""

_HOUR_MS = 3_600_000
_BEGINNING = "0"
_CHUNK = 1_000
_MOST_CHUNKS = 20
# Phones of one request have ids side by side, but for what others asked for at the same moment.
_BESIDE = 200
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
_HOUR = re.compile(r"0?\d|1\d|2[0-3]", re.ASCII)


class InvalidQuestion(ValueError):
    """A member is not what it should be."""


class Record(msgspec.Struct, frozen=True):
    """One call, in the order of the push's members; numbers are numbers."""

    requestid: str
    appid: str
    fid: int
    tel: str
    stime: str
    etime: str
    duration: int
    oriamount: float
    stateDesc: str  # noqa: N815  # the vendor's spelling

    def pushed(self, charged: str) -> dict[str, str]:
        """All members as strings: a receiver's System.Text.Json refuses a number for one."""
        members = {name: str(value) for name, value in msgspec.structs.asdict(self).items()}
        return {**members, "oriamount": charged}


def record_of(call: Message, appid: str) -> Record:
    function = wire.function_of(call)
    return Record(
        # The request was answered with the id of its first call.
        requestid=wire.request_id(_asked(call), function),
        appid=appid,
        fid=int(function),
        tel=national(call.phone),
        stime=time_text(time_of_id(call.id)),
        etime=time_text(call.ended_at) if call.ended_at else "",
        duration=math.ceil(call.talked_ms / 1000),
        oriamount=as_number(call.charged),
        stateDesc=state_of(call),
    )


def pushed_record(call: Message, appid: str) -> bytes:
    return msgspec.json.encode({"cdr": [record_of(call, appid).pushed(format_amount(call.charged, 2))]})


class CallRecords:
    """Answers CallCdr.wx."""

    def __init__(self, reads: CustomerReads) -> None:
        self._reads = reads

    async def after(
        self, account: AccountView, application: ApplicationView, members: dict[str, object], now: int
    ) -> bytes:
        """getCdrByResId: the calls after `lastresid`, or that one alone where `limit` is 0.

        A call that is under way ends the list, so that who asks on from its last record misses none. Raises
        InvalidQuestion.
        """
        limit = _limit(members["limit"])
        last = _last(members["lastresid"])
        if not limit and not last:
            raise InvalidQuestion("the first question has a limit")
        first = last or 0
        found = await self._calls(
            account, application, members, first, first_id_at(now - NEWEST_MS), limit + _BESIDE
        )
        calls = sorted(found, key=_asked)
        if not limit:
            return _answer((call for call in calls if _asked(call) == last), application)
        told: list[Message] = []
        for call in calls:
            if _asked(call) <= first:
                continue
            under_way = call.state not in MESSAGE.final and now - time_of_id(call.id) < UNDER_WAY_MS
            is_next = not told or _asked(call) != _asked(told[-1])
            if is_next and (under_way or len(told) >= limit):
                break
            told.append(call)
        return _answer(told, application)

    async def of_hour(
        self, account: AccountView, application: ApplicationView, members: dict[str, object]
    ) -> bytes:
        """getCdrByTime: the calls that were asked for in an hour, China's time. Raises InvalidQuestion."""
        date, hour = (
            _DATE.fullmatch(wire.text(members["pdate"])),
            _HOUR.fullmatch(wire.text(members["ptime"])),
        )
        if date is None or hour is None:
            raise InvalidQuestion("no date, or no hour")
        year, month, day = map(int, date.groups())
        try:
            begin = dt.datetime(year, month, day, int(hour[0]), tzinfo=wire.CHINA)
        except ValueError:
            raise InvalidQuestion("no date") from None
        # There is nothing before the first id that can be, nor behind the last.
        since = min(max(int(begin.timestamp() * 1000), EPOCH_MS), time_of_id(LARGEST_ID) - _HOUR_MS)
        first, before = first_id_at(since), first_id_at(since + _HOUR_MS)
        found = await self._calls(account, application, members, first, before, MOST_OF_AN_HOUR)
        return _answer(sorted(found, key=_asked)[:MOST_OF_AN_HOUR], application)

    async def _calls(
        self,
        account: AccountView,
        application: ApplicationView,
        members: dict[str, object],
        first: int,
        before: int,
        wanted: int,
    ) -> Sequence[Message]:
        categories = wire.categories_of(wire.text(members.get("fid", "")))
        found: list[Message] = []
        for _ in range(_MOST_CHUNKS):
            asked = Called(first=first, before=before, categories=categories, limit=_CHUNK)
            chunk = await self._reads.calls(account.id, DIALECT, asked) if categories else ()
            found += [call for call in chunk if call.application == application.name]
            if len(chunk) < _CHUNK or len(found) >= wanted:
                break
            first = chunk[-1].id + 1
        return found


def _asked(call: Message) -> MessageId:
    """The request's id: that of its first call."""
    return MessageId(call.together or call.id)


def _limit(value: object) -> int:
    text = wire.text(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidQuestion("no limit")
    return min(int(text), MOST_RECORDS)


def _last(value: object) -> MessageId | None:
    """None for the beginning."""
    text = wire.text(value)
    if text == _BEGINNING:
        return None
    last = wire.message_of(text)
    if last is None:
        raise InvalidQuestion("no requestId")
    return last


def _answer(calls: Iterable[Message], application: ApplicationView) -> bytes:
    appid = application.document.appid
    return msgspec.json.encode({"cdr": [record_of(call, appid) for call in calls]})
