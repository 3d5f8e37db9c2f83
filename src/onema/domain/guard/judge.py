"""The guard: whether a message looks like abuse, decided with everything else about it under the rows' locks.

Each rule that finds something says what it found; what follows is the severest of their modes. What is counted is
counted of messages that are accepted: a refused one lengthens nothing.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from onema.domain.configuration.guard_rules import REASONS, SEVERITY, Mode, Reason, Rule
from onema.domain.configuration.guard_view import GuardView
from onema.domain.decision import World
from onema.domain.guard import address, country, own_limits, prefix, purses
from onema.domain.guard.proof_of_work import VALID_MS
from onema.domain.guard.rows import GuardSubject, pack, until
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel, Event, Key, Row
from onema.domain.refusals import Found, Guarded, Refusal
from onema.domain.values.money import Minor, format_amount
from onema.domain.values.phone import UNKNOWN_COUNTRY, Phone, country_of

CHALLENGE = "challenge "
GUARD = "guard"
"""The kind of the event that keeps what was found of a message that went out."""


class Asked(Protocol):
    """What the guard must know of a message: who asks, for whom, and from where."""

    @property
    def account(self) -> AccountId: ...
    @property
    def application(self) -> str: ...
    @property
    def id(self) -> MessageId: ...
    @property
    def now(self) -> int: ...
    @property
    def phone(self) -> Phone: ...
    @property
    def checkable(self) -> bool:
        """Its code is made and checked here, so that it is known which ones are typed in."""

    @property
    def person_ip(self) -> str:
        """The person's address, as the integrator tells it; "" where nobody does."""

    @property
    def person_country(self) -> str:
        """Where that is."""

    @property
    def device(self) -> str:
        """The integrator's name for the person's device."""

    @property
    def solved(self) -> bool:
        """Whether the person has solved a challenge."""

    @property
    def challenge(self) -> str:
        """The name of the challenge that was solved, which is good once; "" for one that somebody else looks after."""


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """`own_purse`: the message was taken from the number's own purse, so that windows per phone do not count it."""

    puts: tuple[Row, ...] = ()
    inserts: tuple[Row, ...] = ()
    found: tuple[Found, ...] = ()
    own_purse: bool = False


NOTHING_FOUND = Judgement()


def keys_to_judge(asked: Asked, guard: GuardView) -> Iterable[Key]:
    if not guard.active:
        return ()
    account, phone = asked.account, asked.phone
    keys: list[Key] = [(GuardSubject, account, prefix.PREFIX + phone[: -prefix.PREFIX_DIGITS])]
    if asked.checkable:
        keys.append((GuardSubject, account, purses.NUMBER + phone))
        keys.append((GuardSubject, account, country.CODES + country_of(phone)))
        if asked.person_ip:
            keys.append((GuardSubject, account, address.FROM + address.network_of(asked.person_ip)))
    if asked.challenge:
        keys.append((GuardSubject, account, CHALLENGE + asked.challenge))
    if guard.limits:
        limits = own_limits.applying(guard, _subject(asked, country_of(phone)))
        keys.extend({(GuardSubject, account, subject) for subject, _, _ in limits})
    return keys


def judge(
    asked: Asked,
    world: World,
    guard: GuardView,
    channel: Channel,
    price: Minor,
    *,
    to_landline: bool = False,
) -> Judgement:
    """`to_landline`: the message is an SMS to a fixed-line number.

    Raises Guarded(ABUSE_SUSPECTED | CHALLENGE_REQUIRED).
    """
    if not guard.active:
        return NOTHING_FOUND
    home = country_of(asked.phone)
    if guard.lets_through(asked.phone, home, asked.person_ip):
        return NOTHING_FOUND
    trial = _Trial(asked, world, guard, home)
    if guard.countries and home not in guard.countries:
        trial.find(Rule.COUNTRIES, home)
    if guard.price_ceiling is not None and price > guard.price_ceiling:
        trial.find(Rule.PRICE, home)
    if to_landline:
        trial.find(Rule.LANDLINE, "fixed line")
    if asked.checkable and trial.is_known():
        trial.take_from_purse()
    else:
        trial.look_at_address()
        trial.look_at_prefix(channel, price)
        if asked.checkable:
            trial.look_at_budgets()
    if guard.limits:
        trial.look_at_own_limits()
    return trial.judgement()


class _Trial:
    """One message before the guard: what was found, and the rows as they will be."""

    __slots__ = (
        "_account",
        "_asked",
        "_found",
        "_guard",
        "_home",
        "_now",
        "_number",
        "_own_purse",
        "_puts",
        "_world",
    )

    def __init__(self, asked: Asked, world: World, guard: GuardView, home: str) -> None:
        self._asked = asked
        self._account = asked.account
        self._now = asked.now
        self._world = world
        self._guard = guard
        self._home = home
        self._found: list[Found] = []
        self._puts: list[Row] = []
        self._own_purse = False
        self._number: purses.PhoneState | None = None

    def find(self, rule: Rule, what: str, mode: Mode | None = None, reason: Reason | None = None) -> None:
        mode = mode or self._guard.modes[rule]
        if mode is not Mode.OFF:
            self._found.append(Found(rule.value, (reason or REASONS[rule]).value, mode.value, what))

    def is_known(self) -> bool:
        row = self._row(purses.NUMBER + self._asked.phone)
        if row is None:
            return False
        self._number = purses.packed.of(row)
        return purses.is_known(self._number, self._guard, self._asked.application, self._now)

    def take_from_purse(self) -> None:
        asked, state = self._asked, self._number
        if state is None or not purses.is_own(state, purses.places_of(asked.person_ip, asked.device)):
            return
        if not purses.draw(state, self._guard, self._now):
            self.find(Rule.PURSES, "own purse")
        self._own_purse = self._guard.separates_purses
        self._put(purses.NUMBER + asked.phone, state, self._guard.known_ms)

    def look_at_address(self) -> None:
        """Numbers of no country (+800) are nowhere else."""
        there, home = self._asked.person_country, self._home
        if there and there != home and home.isalpha() and home != UNKNOWN_COUNTRY:
            self.find(Rule.ADDRESS_MISMATCH, f"{there}, not {home}")

    def look_at_prefix(self, channel: Channel, price: Minor) -> None:
        phone, now = self._asked.phone, self._now
        name = prefix.PREFIX + phone[: -prefix.PREFIX_DIGITS]
        state = prefix.packed.of(self._row(name))
        prefix.turn_pages(state, now)
        neighbours = prefix.look_around(state, phone)
        if neighbours is not prefix.ALONE:
            if neighbours.is_run:
                self.find(Rule.NUMBER_RANGE, "-".join(map(str, neighbours.counts)))
            if self._asked.checkable and prefix.converts_poorly(state):
                self.find(Rule.CONVERSION, name)
            if state.suspicions and prefix.is_suspected(state, now):
                self.find(Rule.CARRIERS, name)
            if channel == Channel.CALL and state.short_calls and prefix.is_a_loop(state, now):
                self.find(Rule.CALLS, f"{name}: answered and hung up at once")
        cap = self._guard.call_spend
        if channel == Channel.CALL and cap is not None and not prefix.spend(state, price, cap, now):
            self.find(Rule.CALLS, f"{name}: {format_amount(state.spend)} a day")
        if self._asked.checkable:
            state.sent[0] += 1
            state.sent_by_day[0] += 1
        self._put(name, state, prefix.KEPT_MS)

    def look_at_budgets(self) -> None:
        asked, guard, now, home = self._asked, self._guard, self._now, self._home
        name = country.CODES + home
        codes = country.packed.of(self._row(name))
        if not country.pour(codes, guard, home, now):
            self.find(Rule.COUNTRY_BUDGET, home)
        self._put(name, codes, country.KEPT_MS)
        if not asked.person_ip:
            return
        name = address.FROM + address.network_of(asked.person_ip)
        network = address.packed.of(self._row(name))
        if not address.pour(network, guard, asked.person_ip, now):
            self.find(Rule.ADDRESS_BUDGET, name)
        if not address.ask_for(network, home, guard.document.address_countries, now):
            self.find(Rule.ADDRESS_COUNTRIES, ", ".join(sorted(network.countries)))
        self._put(name, network, address.KEPT_MS)

    def look_at_own_limits(self) -> None:
        states = dict[str, tuple[own_limits.LimitState, int]]()
        for name, limit, mode in own_limits.applying(self._guard, _subject(self._asked, self._home)):
            known, until_ms = states.get(name) or (own_limits.packed.of(self._row(name)), 0)
            if not own_limits.count(known, limit, self._now):
                reason = own_limits.REASONS.get(limit.per)
                self.find(Rule.LIMITS, f"{limit.limit} per {limit.seconds} s and {limit.per}", mode, reason)
            states[name] = (known, max(until_ms, limit.seconds * 1000))
        for name, (state, kept_ms) in states.items():
            self._put(name, state, kept_ms)

    def judgement(self) -> Judgement:
        """Raises Guarded."""
        puts = tuple(self._puts)
        if not self._found:
            return Judgement(puts, own_purse=self._own_purse)
        asked, found = self._asked, tuple(self._found)
        severest = max((Mode(one.mode) for one in found), key=SEVERITY.__getitem__)
        if severest is Mode.BLOCK:
            raise Guarded(Refusal.ABUSE_SUSPECTED, found)
        if severest is Mode.CHALLENGE:
            if not self._is_solved():
                raise Guarded(Refusal.CHALLENGE_REQUIRED, found)
            puts = tuple(self._puts)
        event = Event(self._account, asked.id, asked.id, GUARD, in_words(found))
        return Judgement(puts, (event,), found, self._own_purse)

    def _is_solved(self) -> bool:
        """And not for another message: from now on it was for this one."""
        asked = self._asked
        if not asked.challenge:
            return asked.solved
        name = CHALLENGE + asked.challenge
        if self._row(name) is not None:
            return False
        # Another node's clock may be behind this one, so it is kept for longer than it is good.
        kept_until = until(self._now, 2 * VALID_MS)
        self._puts.append(GuardSubject(self._account, name, b"", kept_until))
        return asked.solved

    def _row(self, subject: str) -> GuardSubject | None:
        return self._world.get(GuardSubject, self._account, subject)

    def _put(self, subject: str, state: msgspec.Struct, kept_ms: int) -> None:
        self._puts.append(GuardSubject(self._account, subject, pack(state), until(self._now, kept_ms)))


def in_words(found: Iterable[Found]) -> str:
    return "; ".join(one.in_words for one in found)


def _subject(asked: Asked, home: str) -> own_limits.Subject:
    return own_limits.Subject(asked.phone, home, asked.application, asked.person_ip, asked.device)
