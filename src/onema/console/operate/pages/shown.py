"""How pages show what records hold."""

import contextlib
from typing import Any

from onema.administration.calls import call_as_json, in_words, steps
from onema.console.operate.frame import Visit
from onema.domain.ids import time_of_id
from onema.domain.records import Call, Message
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.protocols.sip.ladder import ladder
from onema.protocols.sip.trace import BadTrace, read_trace

PAGE = 50
"""Messages, or other lines, of a page."""


def shown_message(visit: Visit, account: str, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": show_time(time_of_id(message.id)),
        "account": account,
        "channel": str(message.channel),
        "phone": visit.phone(message.phone),
        "sender": message.sender,
        "state": str(message.state),
        "ending": message.ending or message.reason,
        "charged": format_amount(message.charged),
        "dialect": message.dialect,
        "application": message.application,
        "reference": message.reference,
        "segments": message.segments,
    }


def shown_call(visit: Visit, call: Call) -> dict[str, Any]:
    drawn = ""
    if call.trace and visit.viewer.sees_signalling:
        with contextlib.suppress(BadTrace):
            drawn = ladder(read_trace(call.trace))
    return {
        **call_as_json(call),
        "at": show_time(call.started_at),
        "words": in_words(call),
        "steps": [(show_time(at), what) for at, what in steps(call)],
        "ladder": drawn,
    }
