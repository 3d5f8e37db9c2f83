"""What the SMSC's answers mean: one table from command_status to an outcome, which a carrier's settings may change.

A refusal says that the SMSC did not take the message (3.4 §4.4.2 gives it no id then), so that another carrier may.
Which statuses are worth another try, and whether the fault is ours, the carrier's or the message's, the table says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem, shown
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.protocols.smpp import statuses as s

Verdict = Literal["accepted", "throttled", "temporary", "permanent", "unknown"]

_KINDS: Mapping[Verdict, OutcomeKind] = {
    "accepted": OutcomeKind.SUBMITTED,
    "throttled": OutcomeKind.TEMPORARY,
    "temporary": OutcomeKind.TEMPORARY,
    "permanent": OutcomeKind.PERMANENT,
    "unknown": OutcomeKind.UNKNOWN,
}


class Meaning(msgspec.Struct, frozen=True):
    """What a status means. After a `throttled` one the message waits here for another try, for as long as it may."""

    verdict: Verdict
    words: str
    ending: Ending | None = None

    @property
    def kind(self) -> OutcomeKind:
        return _KINDS[self.verdict]


_BLOCKED, _LIMIT, _DOWN = Ending.BLOCKED, Ending.OUR_LIMIT, Ending.CARRIER_DOWN

STATUSES: Mapping[int, Meaning] = {
    s.ESME_ROK: Meaning("accepted", "taken"),
    s.ESME_RINVMSGLEN: Meaning("permanent", "the text's length is wrong"),
    s.ESME_RINVCMDLEN: Meaning("permanent", "it cannot read the message"),
    s.ESME_RINVCMDID: Meaning("temporary", "it takes no messages by submit_sm", _DOWN),
    s.ESME_RINVBNDSTS: Meaning("temporary", "the bind may send nothing", _DOWN),
    s.ESME_RALYBND: Meaning("temporary", "already bound", _DOWN),
    s.ESME_RINVPRTFLG: Meaning("permanent", "the priority is wrong"),
    s.ESME_RINVREGDLVFLG: Meaning("permanent", "registered_delivery is wrong"),
    # Kannel and Jasmin try these again, too; operators answer so while something behind the SMSC is down.
    s.ESME_RSYSERR: Meaning("temporary", "an error in its system", _DOWN),
    # Most often a sender that is not registered there: another carrier may know it.
    s.ESME_RINVSRCADR: Meaning("temporary", "it does not take this sender", _BLOCKED),
    s.ESME_RINVDSTADR: Meaning("permanent", "it knows no such number"),
    s.ESME_RINVMSGID: Meaning("permanent", "the message id is wrong"),
    s.ESME_RBINDFAIL: Meaning("temporary", "the bind failed", _DOWN),
    s.ESME_RINVPASWD: Meaning("temporary", "the password is wrong", _DOWN),
    s.ESME_RINVSYSID: Meaning("temporary", "the system_id is wrong", _DOWN),
    s.ESME_RMSGQFUL: Meaning("throttled", "its queue is full", _LIMIT),
    s.ESME_RINVSERTYP: Meaning("permanent", "the service_type is wrong"),
    s.ESME_RINVNUMDESTS: Meaning("permanent", "the number of destinations is wrong"),
    s.ESME_RINVDESTFLAG: Meaning("permanent", "the destination flag is wrong"),
    s.ESME_RINVSUBREP: Meaning("permanent", "replace_if_present is wrong"),
    s.ESME_RINVESMCLASS: Meaning("permanent", "the esm_class is wrong"),
    s.ESME_RSUBMITFAIL: Meaning("temporary", "it could not take the message"),
    s.ESME_RINVSRCTON: Meaning("permanent", "the sender's type of number is wrong"),
    s.ESME_RINVSRCNPI: Meaning("permanent", "the sender's numbering plan is wrong"),
    s.ESME_RINVDSTTON: Meaning("permanent", "the number's type of number is wrong"),
    s.ESME_RINVDSTNPI: Meaning("permanent", "the number's numbering plan is wrong"),
    s.ESME_RINVSYSTYP: Meaning("temporary", "the system_type is wrong", _DOWN),
    s.ESME_RINVREPFLAG: Meaning("permanent", "replace_if_present is wrong"),
    s.ESME_RINVNUMMSGS: Meaning("permanent", "the number of messages is wrong"),
    s.ESME_RTHROTTLED: Meaning("throttled", "we send too many in a second", _LIMIT),
    s.ESME_RINVSCHED: Meaning("permanent", "the scheduled time is wrong"),
    s.ESME_RINVEXPIRY: Meaning("permanent", "the validity period is wrong"),
    s.ESME_RINVDFTMSGID: Meaning("permanent", "the predefined message is wrong"),
    s.ESME_RX_T_APPN: Meaning("temporary", "an application behind it failed for now"),
    s.ESME_RX_P_APPN: Meaning("permanent", "an application behind it failed for good"),
    s.ESME_RX_R_APPN: Meaning("permanent", "an application behind it rejected the message"),
    s.ESME_RINVOPTPARSTREAM: Meaning("permanent", "the TLVs cannot be read"),
    s.ESME_ROPTPARNOTALLWD: Meaning("permanent", "a TLV is not allowed"),
    s.ESME_RINVPARLEN: Meaning("permanent", "a TLV's length is wrong"),
    s.ESME_RMISSINGOPTPARAM: Meaning("permanent", "a TLV is missing"),
    s.ESME_RINVOPTPARAMVAL: Meaning("permanent", "a TLV's value is wrong"),
    # It was on its way when it failed.
    s.ESME_RDELIVERYFAILURE: Meaning("unknown", "the delivery failed"),
    s.ESME_RUNKNOWNERR: Meaning("temporary", "an unknown error"),
    s.ESME_RSERTYPUNAUTH: Meaning("permanent", "the service_type is not allowed"),
    s.ESME_RPROHIBITED: Meaning("temporary", "it may not be sent", _BLOCKED),
    s.ESME_RSERTYPUNAVAIL: Meaning("temporary", "the service_type is not available"),
    s.ESME_RSERTYPDENIED: Meaning("permanent", "the service_type is denied"),
    s.ESME_RINVDCS: Meaning("permanent", "the data_coding is wrong"),
    s.ESME_RINVSRCADDRSUBUNIT: Meaning("permanent", "the sender's sub-unit is wrong"),
    s.ESME_RINVDSTADDRSUBUNIT: Meaning("permanent", "the number's sub-unit is wrong"),
}
"""docs/carriers/smpp.md has this table; a test compares them."""

OTHER = Meaning("temporary", "a status of its own")
"""What is not in the table, vendors' own among it: they refused the message, another carrier may take it."""

_NUMBERS = {name: number for number, name in s.NAMES.items()}
_LARGEST_STATUS = 2**32 - 1


class StatusRule(CarrierSettings, frozen=True, kw_only=True):
    status: Annotated[
        str, Meta(max_length=40, description="A number (`0x412`, `1042`) or a name (`ESME_RSYSERR`).")
    ]
    means: Annotated[
        Verdict,
        Meta(
            description="What becomes of the message; throttled ones wait here, temporary ones go elsewhere."
        ),
    ]
    ending: Annotated[
        Literal["", "blocked by the carrier", "our limit at the carrier", "the carrier is down"],
        Meta(description="Whose fault it is, as docs/endings.md has it."),
    ] = ""
    words: Annotated[str, Meta(max_length=100, description="What it says to operators.")] = ""


def status_number(written: str) -> int | None:
    """None for what is no status."""
    known = _NUMBERS.get(written.upper())
    if known is not None:
        return known
    try:
        number = int(written, 16 if written.lower().startswith("0x") else 10)
    except ValueError:
        return None
    return number if 0 <= number <= _LARGEST_STATUS else None


def status_problems(rules: Sequence[StatusRule]) -> Iterator[Problem]:
    """Places are those of the settings."""
    seen: set[int] = set()
    for index, rule in enumerate(rules):
        number = status_number(rule.status)
        if number is None:
            yield Problem(f"statuses[{index}].status", f"{shown(rule.status)} is no status")
        elif number == s.ESME_ROK:
            yield Problem(f"statuses[{index}].status", "what 0 means is not to be changed")
        elif number in seen:
            yield Problem(f"statuses[{index}].status", "it is there twice")
        else:
            seen.add(number)
        if rule.ending and rule.means not in ("temporary", "throttled"):
            yield Problem(f"statuses[{index}].ending", "only what may be tried elsewhere has one")


def meanings(rules: Iterable[StatusRule]) -> Mapping[int, Meaning]:
    """The table with a carrier's own rows."""
    table = dict(STATUSES)
    for rule in rules:
        number = status_number(rule.status)
        if number is not None:
            known = table.get(number, OTHER)
            ending = Ending(rule.ending) if rule.ending else None
            if rule.means == "throttled" and ending is None:
                ending = Ending.OUR_LIMIT
            table[number] = Meaning(rule.means, rule.words or known.words, ending)
    return table


class PartEnd(msgspec.Struct, frozen=True, gc=False):
    """How one submit_sm ended. `sent` is False for one that was never written."""

    kind: OutcomeKind
    reference: str = ""
    detail: str = ""
    ending: Ending | None = None
    reason: str = ""
    sent: bool = True


TAKEN = OutcomeKind.SUBMITTED


def refused(status: int, meaning: Meaning, said: str = "") -> PartEnd:
    """The SMSC said no. `said` are its own words, where a TLV has some."""
    words = f"{s.name_of(status)} (0x{status:08x}): {meaning.words}{f': {said}' if said else ''}"
    return PartEnd(
        meaning.kind,
        detail=words,
        ending=meaning.ending,
        reason="" if meaning.ending else "refused by the carrier",
    )


TAKEN_NAMELESS = PartEnd(TAKEN, detail="the SMSC gave it no message_id: no receipt can be told to be its")

UNANSWERED = PartEnd(OutcomeKind.UNKNOWN, reason="no answer", detail="the submit_sm was not answered")
"""It may have left."""


def not_sent(why: str, ending: Ending | None = Ending.CARRIER_DOWN) -> PartEnd:
    """Nothing left."""
    return PartEnd(OutcomeKind.TEMPORARY, detail=why, ending=ending, sent=False)


EXPIRED = PartEnd(OutcomeKind.PERMANENT, reason="the code expired before it could be sent", sent=False)


def outcome_of(ends: Sequence[PartEnd]) -> Outcome:
    """Of all parts. What a part may have left us by makes the whole one unknown; a text of which some parts were taken
    and others were not will not be whole on the phone, and is never sent again.
    """
    if len(ends) == 1:
        (end,) = ends
        if end.kind is TAKEN:
            return Outcome(
                kind=TAKEN, references=(end.reference,) if end.reference else (), detail=end.detail
            )
        return Outcome(kind=end.kind, reason=end.reason, detail=end.detail, ending=end.ending)
    references = tuple(end.reference for end in ends if end.reference)
    taken = sum(end.kind is TAKEN for end in ends)
    if taken == len(ends):
        return Outcome(kind=TAKEN, references=references, parts=len(ends))
    index, worst = max(enumerate(ends), key=lambda numbered: (_GRAVITY[numbered[1].kind], numbered[1].sent))
    detail = f"part {index + 1} of {len(ends)}: {worst.detail or worst.reason}"
    if any(end.kind is OutcomeKind.UNKNOWN for end in ends):
        return Outcome(
            kind=OutcomeKind.UNKNOWN,
            reason="no answer to a part",
            detail=detail,
            references=references,
            parts=len(ends),
        )
    if taken:
        return Outcome(
            kind=OutcomeKind.UNDELIVERED,
            reason=f"only {taken} of {len(ends)} parts were taken",
            detail=detail,
            references=references,
            parts=len(ends),
        )
    return Outcome(kind=worst.kind, reason=worst.reason, detail=detail, ending=worst.ending)


_GRAVITY = {TAKEN: 0, OutcomeKind.TEMPORARY: 1, OutcomeKind.PERMANENT: 2, OutcomeKind.UNKNOWN: 3}
