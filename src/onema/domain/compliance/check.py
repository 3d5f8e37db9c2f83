"""A rule profile is a table of checks: what a standard or a law asks, where it says so, and how it is looked at here.

A check reads the configuration and the settings, or it names the test that shows what this program always does, or it
says who must look, because nothing here knows.
"""

import enum
from collections.abc import Callable, Iterable

import msgspec

from onema.domain.compliance.snapshot import Snapshot


class Source(msgspec.Struct, frozen=True):
    """Where it is asked: a standard or law by its name, the section or article, and an address that people can open.

    `doubt` says what is not sure about it: a primary text that was not read, say.
    """

    name: str
    section: str
    address: str
    doubt: str = ""

    def at(self, section: str) -> "Source":
        """The same text at another section."""
        return msgspec.structs.replace(self, section=section)


class Fault(msgspec.Struct, frozen=True):
    """Where a check does not hold, what is there, and what would mend it."""

    place: str
    what: str
    change: str


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a profile. Exactly one of `find`, `shown_by` and `whose` is said.

    `find` yields what is wrong with a configuration, nothing where it holds. `shown_by` is a test of this repository,
    as FILE::NAME, that fails when the program stops doing what is asked. `whose` says who must see to it, and to what.
    """

    name: str
    asks: str
    source: Source
    find: Callable[[Snapshot], Iterable[Fault]] | None = None
    shown_by: str = ""
    whose: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of a standard, or of a country; `name` is what `onema doctor --profile` takes."""

    name: str
    title: str
    checks: tuple[Check, ...]
    country: str = ""

    def concerned(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The active accounts that it is about, by name: of a country those that may send there."""
        accounts = snapshot.accounts_to(self.country) if self.country else snapshot.accounts()
        return tuple(sorted(account.name for account in accounts))


class Verdict(enum.StrEnum):
    HOLDS = "holds"
    FAILS = "does not hold"
    ELSEWHERE = "not ours to check"


class Line(msgspec.Struct, frozen=True):
    """One line of a report. `why` is the test that shows it, or who must see to it; "" where `faults` say all."""

    check: str
    asks: str
    source: Source
    verdict: Verdict
    faults: tuple[Fault, ...] = ()
    why: str = ""


def examined(profile: Profile, snapshot: Snapshot) -> tuple[Line, ...]:
    """The report: a line for each check, in the profile's order."""
    return tuple(_line(check, snapshot) for check in profile.checks)


def _line(check: Check, snapshot: Snapshot) -> Line:
    if check.find is None:
        verdict = Verdict.HOLDS if check.shown_by else Verdict.ELSEWHERE
        return Line(check.name, check.asks, check.source, verdict, why=check.shown_by or check.whose)
    faults = tuple(check.find(snapshot))
    verdict = Verdict.FAILS if faults else Verdict.HOLDS
    return Line(check.name, check.asks, check.source, verdict, faults)
