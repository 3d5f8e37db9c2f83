"""What a simulated phone does when it is called: a TOML file, or the same table in Python.

What stands at its top holds for every call; a rule changes that for calls that fit, and the first rule that fits
decides:

    password = "secret"
    ring_seconds = 2.0

    [[rules]]
    to = "84901*"
    then = {answer = 486}
"""

import fnmatch
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem
from onema.protocols.rtp.events import KEYS
from onema.protocols.sip import called
from onema.protocols.sip.header_values import TOKEN
from onema.protocols.sip.session_timers import LEAST
from onema.testing.scripts import read_script

LONGEST_SECONDS = 3_600.0
_Seconds = Annotated[float, Meta(ge=0, le=LONGEST_SECONDS)]


class Header(CarrierSettings, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="Of the header field.")]
    value: Annotated[str, Meta(max_length=300, description="What it says.")]


class Reaction(CarrierSettings, frozen=True, kw_only=True):
    """What becomes of one call."""

    answer: Annotated[
        int, Meta(ge=200, le=699, description="The final status: 200 answers, 486 is busy, 603 declines.")
    ] = 200
    phrase: Annotated[
        str,
        Meta(max_length=60, description="Its reason phrase; empty: the usual one."),
    ] = ""
    headers: Annotated[
        tuple[Header, ...], Meta(max_length=20, description="More that the final response says.")
    ] = ()
    rings: Annotated[
        int,
        Meta(
            ge=0,
            le=199,
            description="What tells of ringing: 180, 181, 182, 183 with early media; 0: nothing.",
        ),
    ] = 180
    ring_seconds: Annotated[
        float,
        Meta(ge=0, le=LONGEST_SECONDS, description="From the INVITE to the final response."),
    ] = 0.5
    rings_out: Annotated[bool, Meta(description="No final response: it rings until the caller gives up.")] = (
        False
    )
    silent: Annotated[bool, Meta(description="Nothing is answered, as behind a dead network.")] = False
    accepts_after_cancel: Annotated[
        bool, Meta(description="A CANCEL is crossed by the answer: the call is accepted after it.")
    ] = False
    forks: Annotated[
        int, Meta(ge=1, le=5, description="How many phones accept: the caller hangs up all but the first.")
    ] = 1
    hangs_up_after: Annotated[
        _Seconds | None, Meta(description="Seconds after the answer; the caller hangs up where unset.")
    ] = None
    bye_headers: Annotated[
        tuple[Header, ...], Meta(max_length=20, description="More that its BYE says, as Reason.")
    ] = ()
    answers_bye: Annotated[bool, Meta(description="The caller's BYE gets an answer.")] = True
    presses: Annotated[
        str,
        Meta(
            max_length=32,
            description="Keys that it presses after the answer, in order.",
        ),
    ] = ""
    presses_after: Annotated[
        float,
        Meta(
            ge=0,
            le=LONGEST_SECONDS,
            description="Seconds after the answer; each key half a second after the last.",
        ),
    ] = 1.0
    presses_by: Annotated[
        Literal["rtp", "info"], Meta(description="As telephone-event (RFC 4733), or as INFO.")
    ] = "rtp"
    moves_media_after: Annotated[
        _Seconds | None, Meta(description="Seconds after the answer at which a re-INVITE names another port.")
    ] = None
    loses: Annotated[
        float, Meta(ge=0, le=1, description="The share of audio packets that never arrive, by chance.")
    ] = 0.0
    loses_signalling: Annotated[
        float,
        Meta(ge=0, le=1, description="The share of SIP messages of a call that never arrive, either way."),
    ] = 0.0
    least_session: Annotated[
        int, Meta(ge=LEAST, le=86_400, description="Shorter sessions are refused by 422 (RFC 4028).")
    ] = LEAST
    session_seconds: Annotated[
        int, Meta(ge=0, le=86_400, description="A session timer though none was asked for; 0: as asked for.")
    ] = 0
    refresher: Annotated[Literal["uac", "uas"], Meta(description="Who refreshes it: the caller is uac.")] = (
        "uac"
    )

    def as_called(self) -> called.Script:
        """The same for the signalling."""
        return called.Script(
            silent=self.silent,
            provisional=((0.0, self.rings),) if self.rings > 100 else (),
            final_after=None if self.rings_out else self.ring_seconds,
            status=self.answer,
            phrase=self.phrase,
            headers=tuple((header.name, header.value) for header in self.headers),
            forks=self.forks,
            accepts_after_cancel=self.accepts_after_cancel,
            min_session=self.least_session,
            session_seconds=self.session_seconds,
            refresher=self.refresher,
            hangs_up_after=self.hangs_up_after,
            bye_headers=tuple((header.name, header.value) for header in self.bye_headers),
            answers_bye=self.answers_bye,
        )


class Rule(CarrierSettings, frozen=True, kw_only=True):
    """Which calls are treated in another way, and how."""

    to: Annotated[
        str, Meta(max_length=100, description="Numbers called, without `+`; `*` and `?` stand for any.")
    ] = "*"
    caller: Annotated[str, Meta(max_length=100, description="Callers, in the same way.")] = "*"
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
    """A whole script. What is inherited holds for calls that no rule takes."""

    user: Annotated[str, Meta(max_length=100, description="Who may call, by digest.")] = "onema"
    password: Annotated[
        str, Meta(max_length=100, description="The only one that is right; empty: nobody is asked.")
    ] = ""
    realm: Annotated[str, Meta(max_length=100, description="Of the challenge.")] = "callee"
    asks_as_proxy: Annotated[bool, Meta(description="By 407 instead of 401.")] = False
    codecs: Annotated[
        tuple[Literal["PCMU", "PCMA"], ...],
        Meta(min_length=1, max_length=2, description="The first is preferred."),
    ] = ("PCMU", "PCMA")
    rate: Annotated[
        float, Meta(ge=0.5, le=2, description="The rate at which the messages are spoken that it is to hear.")
    ] = 1.0
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
    if any(character in script.realm for character in '"\\\r\n\0'):
        yield Problem("realm", "it is one line without quotes")
    places = [("", script), *((f"rules[{n}].then.", rule.then) for n, rule in enumerate(script.rules))]
    for place, reaction in places:
        if reaction.rings not in (0, 180, 181, 182, 183):
            yield Problem(f"{place}rings", "it is 180, 181, 182, 183 or 0")
        if 200 < reaction.answer < 300:
            yield Problem(f"{place}answer", "200 is the only status that answers a call")
        if any(key.upper() not in KEYS for key in reaction.presses):
            yield Problem(f"{place}presses", "it is keys of a phone")
        texts = {"phrase": reaction.phrase}
        for kind, headers in (("headers", reaction.headers), ("bye_headers", reaction.bye_headers)):
            for number, header in enumerate(headers):
                if not TOKEN.fullmatch(header.name):
                    yield Problem(f"{place}{kind}[{number}].name", "no header field has such a name")
                texts[f"{kind}[{number}].value"] = header.value
        for field, text in texts.items():
            if any(character in text for character in "\r\n\0"):
                yield Problem(f"{place}{field}", "it is one line")


class Rules:
    """Decides what becomes of a call, and remembers how often each rule was taken. `more` stand behind those of the
    script.
    """

    def __init__(self, script: Script, chance: random.Random, more: Iterable[Rule] = ()) -> None:
        self._script, self._chance = script, chance
        self._rules = (*script.rules, *more)
        self._seen = [0] * len(self._rules)
        """By rule, how many calls fitted."""
        self._taken = [0] * len(self._rules)

    def reaction(self, caller: str, to: str) -> Reaction:
        """Numbers are without plus."""
        for number, rule in enumerate(self._rules):
            fits = fnmatch.fnmatchcase(to, rule.to) and fnmatch.fnmatchcase(caller, rule.caller)
            if fits and self._takes(number, rule):
                return rule.then
        return self._script

    def _takes(self, number: int, rule: Rule) -> bool:
        past = self._seen[number] - rule.skip
        self._seen[number] += 1
        if past < 0 or past % rule.every or (rule.times and self._taken[number] >= rule.times):
            return False
        if rule.chance < 1.0 and self._chance.random() >= rule.chance:
            return False
        self._taken[number] += 1
        return True
