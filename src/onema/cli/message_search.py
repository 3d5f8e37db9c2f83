"""Which messages somebody looks for, as people write it."""

import re
from collections.abc import Iterable

from onema.administration.spelled_phones import spelled_phones
from onema.cli.output import CliError
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId
from onema.domain.records import MessageState
from onema.domain.values.times import parse_time
from onema.wiring.dialects import message_of

_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def spelled_phone(text: str, accounts: Iterable[doc.Account]) -> frozenset[str]:
    """The numbers that `text` may stand for. Raises CliError."""
    found = spelled_phones(text, accounts)
    if not found:
        raise CliError(
            f"{text!r} is not a phone number; write it as +84901888484, or as national numbers are written."
        )
    return found


def known_state(text: str) -> MessageState:
    """Raises CliError."""
    try:
        return MessageState(text.lower())
    except ValueError as error:
        raise CliError(f"There is no state {text!r}; there are: {', '.join(MessageState)}.") from error


def parse_since(text: str, now: int) -> int:
    """The moment that 90m, 36h, 7d or an ISO 8601 time stands for. Raises CliError."""
    if match := re.fullmatch(r"([0-9]{1,6})([mhd])", text):
        return max(now - int(match[1]) * _MS[match[2]], 0)
    try:
        return parse_time(text)
    except ValueError as error:
        raise CliError(f"{text!r} is not a time such as 90m, 36h, 7d or 2026-11-28T09:00:00Z.") from error


def message_id(text: str) -> MessageId:
    """The message that `text` names. Raises CliError."""
    try:
        return message_of(text)
    except ValueError as error:
        raise CliError(
            f"{text!r} is not a message's id: it has 19 digits, 29 (requestId), or 32 hex digits (SMSID). By what the "
            f"client called it, it is found with `onema message list --reference {text}`."
        ) from error
