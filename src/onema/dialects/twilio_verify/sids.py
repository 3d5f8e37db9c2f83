"""The vendor's names for things: two letters, and 32 hexadecimal digits, which here are a number of ours."""

import hashlib
import re

from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.ids import LARGEST_ID, MessageId

SERVICE, VERIFICATION, ATTEMPT = "VA", "VE", "VL"
_HEX = re.compile(r"[0-9a-f]{32}")


def sid_of(prefix: str, identifier: int) -> str:
    return f"{prefix}{identifier:032x}"


def id_in(prefix: str, sid: str) -> int:
    """The number in a SID of that prefix; 0 for what is none of ours."""
    digits = sid[len(prefix) :].lower()
    if not sid.startswith(prefix) or not _HEX.fullmatch(digits):
        return 0
    number = int(digits, 16)
    return number if number <= LARGEST_ID else 0


def message_of(text: str) -> MessageId | None:
    """The message that a SID of a verification or of an attempt names; None for any other text."""
    return MessageId(id_in(VERIFICATION, text) or id_in(ATTEMPT, text)) or None


def service_sid(account: AccountView, application: ApplicationView) -> str:
    """Of an application: its `appid` where that has the form, else a digest of its name."""
    appid = application.document.appid
    if _HEX.fullmatch(appid):
        return SERVICE + appid
    return SERVICE + named_digits(account.name, application.name)


def named_digits(*names: str) -> str:
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:32]
