"""What a channel reports of an attempt, at once or later."""

import enum

import msgspec

from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.reference import spelled

LONGEST_DETAIL = 500
"""So many characters of a carrier's own words are kept."""
MOST_NETWORK_FACTS = 16
"""So many things are kept that a receipt tells of the network."""
LONGEST_NETWORK_WORD = 128
"""Characters of each."""
LONGEST_TALK_SECONDS = 86_400.0
"""No call is longer, whatever a carrier says."""
MOST_KEYS = 64
"""So many keys that were pressed in a call are kept."""
LONGEST_TRACE = 65_536
"""Octets that are kept of a call's signalling."""
_KEYS = frozenset("0123456789*#ABCD")
_MOST = 2**53

_encoder = msgspec.json.Encoder()
_network_decoder = msgspec.json.Decoder(dict[str, str])


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


class Ending(enum.StrEnum):
    """How a call or an SMS ended at its phone, or on the way there. What follows from each is in endings.RULES; the
    dialects have words of their own for them.
    """

    ANSWERED = "answered"
    """The person heard all of it."""
    HUNG_UP = "hung up"
    """The person hung up while it played."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    DECLINED = "declined"
    """By the person."""
    VOICEMAIL = "voicemail"
    SWITCHED_OFF = "switched off"
    """The phone is off or out of coverage; an SMS's receipt calls it an absent subscriber."""
    UNREACHABLE = "unreachable"
    """The network found no way to the phone."""
    NOT_IN_SERVICE = "not in service"
    """Nobody has the number."""
    SUSPENDED = "suspended"
    """The number's owner may not use it now, for an unpaid bill say."""
    CUT_OFF = "cut off"
    """The connection broke after the phone rang."""
    BLOCKED = "blocked by the carrier"
    """It took the message for fraud or spam."""
    OUR_LIMIT = "our limit at the carrier"
    """Too many calls at once, or too many in a second."""
    CARRIER_DOWN = "the carrier is down"
    """The trunk or the connection to it does not work."""
    NOT_SPEAKABLE = "the code cannot be spoken"


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`ending` is how it ended, where that is known (endings.ended makes the outcome of one); `reason` is a word for
    the message's story where no ending says it; `detail` is for operators. `seconds` is the talk time of a call.
    `references` are the carrier's names for the attempt, one for each part that it was sent in; receipts find it by
    them. `parts` is how many parts must be delivered, where some got no name. `shown` says that a simulated phone shows
    the message: it is kept in the inbox together with the outcome. `network` is what else a carrier tells by name:
    operator, mccmnc, network_error_code, and what its settings name. `call` is what is known of a call besides.
    """

    kind: OutcomeKind
    reason: str = ""
    detail: str = ""
    references: tuple[str, ...] = ()
    seconds: float = 0.0
    parts: int = 0
    shown: bool = False
    ending: Ending | None = None
    network: dict[str, str] = {}
    call: CallFacts | None = None

    @property
    def word(self) -> str:
        """Why it ended so, for the message's story."""
        return self.reason or self.ending or ""


def network_told(kept: str) -> dict[str, str]:
    """What carriers told of the network, from an attempt's row."""
    return _network_decoder.decode(kept) if kept else {}


def keep_network(kept: str, told: dict[str, str]) -> str:
    """The same with what was told now; of one name the last word is right."""
    if not told:
        return kept
    both = {**network_told(kept), **told}
    return _encoder.encode({name: both[name] for name in list(both)[:MOST_NETWORK_FACTS]}).decode()


FINAL_WORDS = frozenset((OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED))
"""After these a carrier has nothing more to say of a part."""
RECEIPT_WORDS = FINAL_WORDS | {OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN}
"""What a receipt may say. SUBMITTED is a word on the way; UNKNOWN one whose meaning the channel does not know."""


def storable(outcome: Outcome) -> Outcome:
    """The same in words and numbers that every store takes, whatever the carrier said; without names that are none. A
    time that is none, such as less than nothing, is 0: periods are charged by it.
    """
    named = outcome.references
    if named:
        # Each once: a carrier that gives two parts one name reports both by it.
        named = tuple(dict.fromkeys(spelled(name) for name in named if name))
    reason, detail = _plain(outcome.reason), _plain(outcome.detail)
    seconds = outcome.seconds
    if not 0 <= seconds <= LONGEST_TALK_SECONDS:
        seconds = LONGEST_TALK_SECONDS if seconds > 0 else 0.0
    call = outcome.call
    if call is not None:
        call = _storable_call(call)
        seconds = seconds or call.talk_seconds
    network = outcome.network
    if network:
        network = {
            _plain(name)[:LONGEST_NETWORK_WORD]: _plain(word)[:LONGEST_NETWORK_WORD]
            for name, word in list(network.items())[:MOST_NETWORK_FACTS]
        }
    if (
        named == outcome.references
        and reason is outcome.reason
        and detail is outcome.detail
        and seconds == outcome.seconds
        and network == outcome.network
        and call is outcome.call
    ):
        return outcome
    return msgspec.structs.replace(
        outcome,
        reason=reason,
        detail=detail,
        references=named,
        seconds=seconds,
        network=network,
        call=call,
    )


def of_a_call(outcome: Outcome) -> Outcome:
    """The same, which ends a call whatever its carrier told of it."""
    return outcome if outcome.call is not None else msgspec.structs.replace(outcome, call=CallFacts())


def pressable(keys: str) -> str:
    """Those that a telephone has."""
    return "".join(key for key in keys if key in _KEYS)


def _storable_call(call: CallFacts) -> CallFacts:
    keys = pressable(call.keys)[:MOST_KEYS]
    return CallFacts(
        ring_seconds=_within(call.ring_seconds, LONGEST_TALK_SECONDS),
        talk_seconds=_within(call.talk_seconds, LONGEST_TALK_SECONDS),
        keys=keys,
        status=int(_within(call.status, 699)),
        codec=_plain(call.codec)[:LONGEST_NETWORK_WORD],
        packets_sent=int(_within(call.packets_sent, _MOST)),
        packets_received=int(_within(call.packets_received, _MOST)),
        packets_lost=int(_within(call.packets_lost, _MOST)),
        jitter_ms=_within(call.jitter_ms, 1000 * LONGEST_TALK_SECONDS),
        trace=call.trace[:LONGEST_TRACE],
    )


def _within(number: float, most: float) -> float:
    """0 for what is no number, or less."""
    return min(number, most) if number > 0 else 0


def _plain(words: str) -> str:
    if words.isprintable() and len(words) <= LONGEST_DETAIL:
        return words
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)[
        :LONGEST_DETAIL
    ]
