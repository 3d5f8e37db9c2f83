"""A call's messages as a ladder, for a terminal: who sent what to whom, when, and why it ended."""

import re
import time

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.bodies import session_description
from onema.protocols.sip.descriptions import NotAcceptable, read_descriptions
from onema.protocols.sip.messages import Message, Request, parse_head
from onema.protocols.sip.trace import RecordedTrace, TracedMessage
from onema.telemetry.printable import printable_line

MOST_FAR_ENDS = 3
"""That have a line of their own; later ones share the last, and are named beside their messages."""

_MARGIN = 14
"""Columns of the times."""
_WIDTH = 42
"""From one line to the next."""
_LONGEST_PHRASE = 20
_LONGEST_NOTE = 160
_TOLD = ("Reason", "Warning", "Retry-After", "Min-SE", "Session-Expires", "Require", "Unsupported")
"""Header fields that say why something happened."""
_NUMBER = re.compile(r"[0-9]{6,}")


def ladder(trace: RecordedTrace) -> str:
    """Lines with their ends. The far ends' words are shown without what a terminal would obey, and with asterisks in
    the place of six digits and more: no phone number stands in it.
    """
    ends = list(dict.fromkeys(message.far for message in trace.messages))[:MOST_FAR_ENDS]
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(trace.began))
    names = [_place(message.local) for message in trace.messages[:1]] + [_place(end) for end in ends]
    lines = [
        f"began {began}.{int(trace.began % 1 * 1000):03d} UTC",
        " " * (_MARGIN - 2) + "".join(f"{name:<{_WIDTH}}" for name in names),
    ]
    before = None
    for at, message in enumerate(trace.messages):
        if trace.left_out and at == trace.first:
            lines.append(f"{'...':>{_MARGIN - 2}}  {trace.left_out} messages left out")
        lines += _rows(message, ends, is_repeated=(message.far, message.octets) == before)
        before = message.far, message.octets
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _place(address: tuple[str, int]) -> str:
    host, port = address
    return printable_line(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _rows(message: TracedMessage, ends: list[tuple[str, int]], *, is_repeated: bool) -> list[str]:
    label, notes = _told(message)
    if is_repeated:
        label, notes = f"{label}, again", []
    if message.far not in ends:
        notes = [_place(message.far), *notes]
    reach = min(ends.index(message.far) if message.far in ends else len(ends) - 1, len(ends) - 1)
    room = _WIDTH * (reach + 1) - 1
    text = f" {label[: room - 6]} "
    arrow = f"-{text:-<{room - 2}}>" if message.is_outgoing else f"<{text:->{room - 2}}-"
    rest = ("|" + " " * (_WIDTH - 1)) * (len(ends) - 1 - reach) + "|" if reach < len(ends) - 1 else ""
    rows = [f"{f'+{message.milliseconds / 1000:.3f} s':>{_MARGIN - 2}}  |{arrow}|{rest[1:] if rest else ''}"]
    rows += [f"{'':{_MARGIN}}|   {note[:_LONGEST_NOTE]}" for note in notes]
    return rows


def _told(message: TracedMessage) -> tuple[str, list[str]]:
    """What the message is in a few words, and what it says besides."""
    head, _, body = message.octets.partition(b"\r\n\r\n")
    try:
        parsed = parse_head(head.lstrip(b"\r\n"))
    except BadMessage as bad:
        return f"no SIP, {message.whole} octets", [str(bad)]
    parsed.body = body
    if isinstance(parsed, Request):
        label = f"{parsed.method} {message.transport}"
    else:
        label = f"{parsed.status} {parsed.reason[:_LONGEST_PHRASE]} ({parsed.cseq.method})"
    notes = [f"{name}: {value}" for name in _TOLD for value in parsed.headers.rows(name)]
    notes += _media(parsed)
    return _shown(label), [_shown(note) for note in notes]


def _media(message: Message) -> list[str]:
    try:
        descriptions = read_descriptions(session_description(message))
    except NotAcceptable:
        return []
    return [
        f"{one.kind} {_place((one.address, one.port))} {one.protocol} {' '.join(one.formats)} {one.direction}"
        for one in descriptions
    ]


def _shown(text: str) -> str:
    return printable_line(_NUMBER.sub(lambda found: "*" * len(found[0]), text))
