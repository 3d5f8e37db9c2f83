"""What a simulated SMSC does: the settings of all links, and what becomes of a message.

A script is a TOML file, or the same table in Python. What stands at its top holds for every message; a rule changes
that for messages that fit, and the first rule that fits decides:

    password = "secret"
    receipt_seconds = 2.0

    [[rules]]
    to = "84901*"
    times = 3
    then = {answer = "ESME_RTHROTTLED"}
"""

import fnmatch
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem, shown
from onema.protocols.smpp import statuses
from onema.testing.scripts import read_script

ACCEPT, SILENCE, DISCONNECT, NACK, OCTETS = "accept", "silence", "disconnect", "nack", "octets"
_ANSWERS = (ACCEPT, SILENCE, DISCONNECT, NACK, OCTETS)
_STATUS_OF = {name: number for number, name in statuses.NAMES.items()}
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,8}|[0-9]{1,10}")
_LARGEST_STATUS = 2**32 - 1
_NO_ANSWER = "{} is neither a status nor one of " + ", ".join(_ANSWERS)

_Answer = Annotated[
    str,
    Meta(
        description="accept, a status to refuse with (`ESME_RTHROTTLED`, `0x412`), silence, disconnect, nack "
        "(generic_nack), or octets: what `octets` says instead of a PDU."
    ),
]
_HEX = re.compile(r"([0-9a-fA-F]{2})*")


class Tlv(CarrierSettings, frozen=True, kw_only=True):
    tag: Annotated[int, Meta(ge=0, le=0xFFFF, description="Its number.")]
    text: Annotated[str, Meta(description="What it says, in UTF-8.")] = ""
    octets: Annotated[str, Meta(max_length=8_192, description="Or what it says, in hexadecimal digits.")] = ""

    @property
    def value(self) -> bytes:
        return bytes.fromhex(self.octets) or self.text.encode()


class Reaction(CarrierSettings, frozen=True, kw_only=True):
    """What becomes of one submit_sm, which is a whole message or a part of one."""

    answer: _Answer = ACCEPT
    answer_seconds: Annotated[float, Meta(ge=0, le=86_400, description="How long the answer takes.")] = 0.0
    octets: Annotated[
        str,
        Meta(max_length=8_192, description="What goes out where `answer` is octets, in hexadecimal digits."),
    ] = ""
    ids: Annotated[
        Literal["decimal", "hex", "hex_then_decimal", "text", "empty"],
        Meta(
            description="How messages are named: hex_then_decimal is hex in the answer and decimal in the receipt; "
            "text has letters and signs; empty is no name at all."
        ),
    ] = "decimal"
    receipt: Annotated[
        str,
        Meta(
            max_length=20,
            description="The receipt's word, spelled as it shall come (DELIVRD, Undelivered ...); empty: none comes.",
        ),
    ] = "DELIVRD"
    receipt_error: Annotated[str, Meta(max_length=20, description="Its `err:`.")] = "000"
    receipt_on_the_way: Annotated[
        tuple[str, ...],
        Meta(max_length=10, description="Words of receipts that come before it (ENROUTE, ACCEPTD)."),
    ] = ()
    receipt_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="How long after the answer it comes.")
    ] = 0.0
    receipt_spread: Annotated[
        float,
        Meta(ge=0, le=86_400, description="Up to so many seconds more, by chance: receipts change places."),
    ] = 0.0
    receipt_before_answer: Annotated[bool, Meta(description="It overtakes the answer.")] = False
    receipt_copies: Annotated[int, Meta(ge=1, le=10, description="How often it comes.")] = 1
    receipt_lost: Annotated[float, Meta(ge=0, le=1, description="The share of receipts that never come.")] = (
        0.0
    )
    receipt_parts: Annotated[
        Literal["all", "first", "last"], Meta(description="Which parts of a long message get one.")
    ] = "all"
    receipt_in: Annotated[
        Literal["both", "text", "tlv"],
        Meta(description="Where id and state stand: in the text, in TLVs, or both."),
    ] = "both"
    receipt_by: Annotated[Literal["deliver_sm", "data_sm"], Meta(description="The PDU that it comes in.")] = (
        "deliver_sm"
    )
    receipt_alphabet: Annotated[
        Literal["ascii", "gsm", "ucs2"], Meta(description="The alphabet of its text: data_coding 3, 0 or 8.")
    ] = "ascii"
    receipt_dates: Annotated[
        Literal["minutes", "seconds"], Meta(description="Dates of 10 digits, or of 12.")
    ] = "minutes"
    receipt_esm_class: Annotated[
        int, Meta(ge=0, le=255, description="0 and 32 are what some peers send instead of 4.")
    ] = 4
    receipt_tlvs: Annotated[tuple[Tlv, ...], Meta(max_length=20, description="More that it has.")] = ()
    receipt_octets: Annotated[
        str, Meta(max_length=8_192, description="Its whole body instead of all this, in hexadecimal digits.")
    ] = ""

    @property
    def status(self) -> int:
        """What it is refused with; ESME_ROK where it is not."""
        return status_of(self.answer) if self.answer not in _ANSWERS else statuses.ESME_ROK


class Rule(CarrierSettings, frozen=True, kw_only=True):
    """Which messages are treated in another way, and how."""

    to: Annotated[
        str, Meta(max_length=100, description="Numbers without `+`; `*` and `?` stand for any.")
    ] = "*"
    sender: Annotated[str, Meta(max_length=100, description="Senders, in the same way.")] = "*"
    text: Annotated[str, Meta(max_length=1_000, description="Texts (of one part), in the same way.")] = "*"
    skip: Annotated[int, Meta(ge=0, description="It begins after so many that fit.")] = 0
    times: Annotated[int, Meta(ge=0, description="It ends after so many; 0: never.")] = 0
    every: Annotated[int, Meta(ge=1, description="It takes the first, then each so manieth.")] = 1
    chance: Annotated[
        float, Meta(ge=0, le=1, description="It takes this share of those that fit, by chance.")
    ] = 1.0
    then: Annotated[Reaction, Meta(description="What differs from what stands at the top of the script.")] = (
        Reaction()
    )


class Script(Reaction, frozen=True, kw_only=True):
    """A whole script. What is inherited holds for messages that no rule takes."""

    system_id: Annotated[str, Meta(max_length=15, description="The only one that may bind; empty: any.")] = ""
    password: Annotated[str, Meta(max_length=8, description="The only one that is right; empty: any.")] = ""
    bind_answer: _Answer = ACCEPT
    bind_times: Annotated[int, Meta(ge=0, description="So many binds get `bind_answer`; 0: all.")] = 0
    most_binds: Annotated[
        int, Meta(ge=0, description="At once; one more gets ESME_RBINDFAIL. 0: as many as there may be.")
    ] = 0
    per_second: Annotated[
        float, Meta(ge=0, description="Messages in a second; more get ESME_RTHROTTLED. 0: any number.")
    ] = 0.0
    cut_every: Annotated[int, Meta(ge=0, description="A link is cut after so many answers; 0: never.")] = 0
    enquire_seconds: Annotated[
        float, Meta(ge=0, description="It asks with enquire_link after so long a silence; 0: never.")
    ] = 0.0
    answers_enquiries: Annotated[bool, Meta(description="It answers enquire_link.")] = True
    receipt_window: Annotated[int, Meta(ge=1, description="Receipts that may be unanswered on a link.")] = 100
    receipt_patience: Annotated[
        float, Meta(gt=0, description="Seconds after which a receipt without an answer comes again.")
    ] = 30.0
    receipt_pause: Annotated[
        float, Meta(ge=0, description="Seconds after which a refused receipt comes again.")
    ] = 1.0
    receipt_tries: Annotated[int, Meta(ge=1, description="How often a refused receipt comes.")] = 100
    scripted_numbers: Annotated[bool, Meta(description="The numbers of its documents do what they say.")] = (
        True
    )
    rules: Annotated[
        tuple[Rule, ...], Meta(max_length=1_000, description="The first that fits decides.")
    ] = ()


def script_of(table: Mapping[str, Any]) -> Script:
    """The script that a table says, as it comes from TOML. Raises ScriptRefused."""
    return read_script(Script, Reaction, table, _problems)


def _problems(script: Script) -> Iterator[Problem]:
    """What the fields' types do not say."""
    if not _answers(script.bind_answer):
        yield Problem("bind_answer", _NO_ANSWER.format(shown(script.bind_answer)))
    yield from _reaction_problems("", script)
    for number, rule in enumerate(script.rules):
        yield from _reaction_problems(f"rules[{number}].then.", rule.then)


def _reaction_problems(place: str, reaction: Reaction) -> Iterator[Problem]:
    if not _answers(reaction.answer):
        yield Problem(f"{place}answer", _NO_ANSWER.format(shown(reaction.answer)))
    octets = {"octets": reaction.octets, "receipt_octets": reaction.receipt_octets}
    octets |= {
        f"receipt_tlvs[{number}].octets": tlv.octets for number, tlv in enumerate(reaction.receipt_tlvs)
    }
    for name, value in octets.items():
        if not _HEX.fullmatch(value):
            yield Problem(f"{place}{name}", "it is pairs of hexadecimal digits")


def _answers(answer: str) -> bool:
    return answer in _ANSWERS or status_of(answer) != statuses.ESME_ROK


def status_of(name: str) -> int:
    """A command_status by its name or its number; ESME_ROK for what is neither."""
    if _NUMBER.fullmatch(name):
        number = int(name, 0) if name.startswith("0x") else int(name)
        return number if number <= _LARGEST_STATUS else statuses.ESME_ROK
    return _STATUS_OF.get(name, statuses.ESME_ROK)


class Rules:
    """Decides which reaction a message gets, and remembers how often each rule was taken. `more` rules, each for a
    number alone, stand behind those of the script.
    """

    def __init__(self, script: Script, chance: random.Random, more: Iterable[Rule] = ()) -> None:
        self._script = script
        self._chance = chance
        self._rules = (*script.rules, *more)
        self._by_number = {
            rule.to: number for number, rule in enumerate(self._rules) if number >= len(script.rules)
        }
        self._seen = [0] * len(self._rules)
        """By rule, how many messages fitted."""
        self._taken = [0] * len(self._rules)

    def reaction(self, sender: str, to: str, text: str) -> Reaction:
        for number, rule in enumerate(self._script.rules):
            if self._fits(rule, sender, to, text) and self._takes(number, rule):
                return rule.then
        number = self._by_number.get(to, -1)
        return (
            self._rules[number].then
            if number >= 0 and self._takes(number, self._rules[number])
            else self._script
        )

    def _fits(self, rule: Rule, sender: str, to: str, text: str) -> bool:
        return all(
            pattern == "*" or fnmatch.fnmatchcase(value, pattern)
            for pattern, value in ((rule.to, to), (rule.sender, sender), (rule.text, text))
        )

    def _takes(self, number: int, rule: Rule) -> bool:
        past = self._seen[number] - rule.skip
        self._seen[number] += 1
        if past < 0 or past % rule.every or (rule.times and self._taken[number] >= rule.times):
            return False
        if rule.chance < 1.0 and self._chance.random() >= rule.chance:
            return False
        self._taken[number] += 1
        return True
