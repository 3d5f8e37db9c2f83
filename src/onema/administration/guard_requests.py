"""What may be asked of the guard: what it does, and what it found."""

import msgspec

from onema.administration.asking import Request
from onema.domain.configuration import documents as doc

MOST_DAYS = 14


class FindingLine(msgspec.Struct, frozen=True):
    """How often a rule found something of messages to a country and a prefix, "" where that is not known any more:
    `went_out` of them did all the same, `refused` did not.
    """

    rule: str
    reason: str
    mode: str
    country: str
    prefix: str
    went_out: int
    refused: int


class Findings(msgspec.Struct, frozen=True):
    """What was found since `since`, what was found most first."""

    since: int
    lines: tuple[FindingLine, ...]


class ReadFindings(Request[Findings], frozen=True, kw_only=True, tag="read_findings"):
    """What the guard found of an account's messages, or of everybody's without `account`, in this hour and as many
    before it as `days` (1 to 14) have. Processes write it down every two seconds.
    """

    answer_type = Findings

    account: str = ""
    days: int = 1


class GuardInForce(msgspec.Struct, frozen=True):
    """What holds for an account or an ACCOUNT/APPLICATION, `of`: the guard of this name, with the mode of each rule.
    Its allow list is told where the guard is the account's own.
    """

    of: str
    guard: str
    rules: dict[str, str]
    limits: tuple[doc.GuardLimit, ...]
    allow: tuple[str, ...]


class ReadGuards(Request[tuple[GuardInForce, ...]], frozen=True, kw_only=True, tag="read_guards"):
    """What the guard does for an account and each of its active applications."""

    answer_type = tuple[GuardInForce, ...]

    account: str
