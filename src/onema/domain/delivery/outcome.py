"""What a channel reports of an attempt, at once or later."""

import enum

import msgspec

from onema.domain.delivery.reference import spelled

LONGEST_DETAIL = 500
"""So many characters of a carrier's own words are kept."""


class OutcomeKind(enum.StrEnum):
    SUBMITTED = "submitted"
    """The carrier took it; a receipt may follow."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """The carrier took it and it will not reach the phone."""
    TEMPORARY = "temporary"
    """It did not leave us; another carrier, or a later try, may succeed."""
    PERMANENT = "permanent"
    """It did not leave us, and no try will succeed."""
    UNKNOWN = "unknown"
    """It may have left us; it must not be sent again blindly."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`reason` is a word for the message's story; `detail` is for operators. `seconds` is the talk time of a
    call. `references` are the carrier's names for the attempt, one for each part that it was sent in; receipts find
    it by them. `parts` is how many parts must be delivered, where some got no name. `shown` says that a simulated phone
    shows the message: it is kept in the inbox together with the outcome.
    """

    kind: OutcomeKind
    reason: str = ""
    detail: str = ""
    references: tuple[str, ...] = ()
    seconds: float = 0.0
    parts: int = 0
    shown: bool = False


FINAL_WORDS = frozenset((OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED))
"""After these a carrier has nothing more to say of a part."""
RECEIPT_WORDS = FINAL_WORDS | {OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN}
"""What a receipt may say. SUBMITTED is a word on the way; UNKNOWN one whose meaning the channel does not know."""


def storable(outcome: Outcome) -> Outcome:
    """The same in words that every store takes, whatever the carrier said; without names that are none."""
    named = outcome.references
    if named:
        # Each once: a carrier that gives two parts one name reports both by it.
        named = tuple(dict.fromkeys(spelled(name) for name in named if name))
    reason, detail = _plain(outcome.reason), _plain(outcome.detail)
    if named == outcome.references and reason is outcome.reason and detail is outcome.detail:
        return outcome
    return msgspec.structs.replace(outcome, reason=reason, detail=detail, references=named)


def _plain(words: str) -> str:
    if words.isprintable() and len(words) <= LONGEST_DETAIL:
        return words
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)[
        :LONGEST_DETAIL
    ]
