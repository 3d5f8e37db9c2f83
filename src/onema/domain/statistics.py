"""What became of an account's messages, counted for each hour and each day of it, and kept longer than they are.

Hot tables have no index to count by, so an hour is counted once it is over, and again while something of it may still
change; a day is the sum of its hours. Nobody is named: a prefix is a number without its last six digits.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Key, Row
from onema.domain.values.phone import Phone, country_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HOURS_KEPT_DAYS = 40
"""Hours are kept for so long; days for as long as the installation wants."""
ALL = AccountId(0)
"""The account whose rows are the sums of all accounts' rows."""
PREFIX_WITHOUT_DIGITS = 6
"""A prefix is a number without so many of its last digits, which a million numbers share."""
SHORTEST_PREFIX = 5
"""Characters that are left of a short number, its plus among them."""
MOST_VALUES = 100
"""So many values of a dimension are counted one by one, those of most messages; the others together."""
MOST_CELLS = 500
"""So many combinations of carrier, operator and prefix are kept of a row; a carrier's others together."""
OTHERS = "*"
"""Stands for all further values of a dimension."""
WITHIN_SECONDS = (2, 5, 10, 20, 40, 80, 160)
DIMENSIONS = ("channel", "carrier", "operator", "network", "country", "prefix", "template")


def prefix_of(phone: Phone) -> str:
    return phone[: max(len(phone) - PREFIX_WITHOUT_DIGITS, SHORTEST_PREFIX)]


class Statistics(Row, frozen=True, gc=False):
    """What was counted of an account's messages that were made from `start` (Unix ms) on, for `span` ms: Figures by
    currency, in JSON. `claimed_at` is when a process last began to count it, `counted_at` when what stands here was
    counted; nothing of it changes any more once it is `settled`.
    """

    table = "statistics"
    key_columns = 3

    account: AccountId
    span: int
    start: int
    claimed_at: int
    counted_at: int
    settled: bool
    expires_at: int
    figures: str


class MessagesAlike(msgspec.Struct, frozen=True, gc=False):
    """How many messages of an account there are that are alike in `channel`, `template`, `prefix`, `carrier` (of the
    last attempt), `network` (what that one's receipts named) and `first_carrier`. `phone` is one of their numbers.

    `unsettled` may still change. `codes` began a verification; `verified` are those after which their code was typed
    in, before any later message of it; `code_charged` is what all messages with codes cost.

    What begins with `tried` is of first attempts on which the guard found nothing: `tried_codes` carried the first
    message of a code, `tried_verified` brought it; `told` had a final receipt, `arrived` a good one, `within` so many
    seconds each (WITHIN_SECONDS).
    """

    account: AccountId
    channel: str
    template: str
    prefix: str
    phone: Phone
    carrier: str
    network: str
    first_carrier: str
    messages: int
    unsettled: int
    sent: int
    delivered: int
    codes: int
    verified: int
    charged: int
    code_charged: int
    tried: int
    tried_codes: int
    tried_verified: int
    told: int
    arrived: int
    within: tuple[int, ...]


class FirstAttempt(msgspec.Struct, frozen=True, gc=False):
    """A code's first attempt, `why` its carrier was chosen, and whether the code was typed in without any other."""

    message: int
    channel: str
    phone: Phone
    carrier: str
    why: str
    verified: bool


class Counts(msgspec.Struct, array_like=True, gc=False):
    """`sent` left us; `codes` are verifications that began, and `verified` those that were. Amounts are Minor."""

    messages: int = 0
    sent: int = 0
    delivered: int = 0
    codes: int = 0
    verified: int = 0
    charged: int = 0
    code_charged: int = 0

    def add(self, other: "Counts | MessagesAlike") -> None:
        self.messages += other.messages
        self.sent += other.sent
        self.delivered += other.delivered
        self.codes += other.codes
        self.verified += other.verified
        self.charged += other.charged
        self.code_charged += other.code_charged


class Quality(msgspec.Struct, array_like=True, gc=False):
    """What a carrier made of first attempts, as in MessagesAlike."""

    tried: int = 0
    tried_codes: int = 0
    tried_verified: int = 0
    told: int = 0
    arrived: int = 0
    within: list[int] = msgspec.field(default_factory=lambda: [0] * len(WITHIN_SECONDS))

    def add(self, other: "Quality | MessagesAlike") -> None:
        self.tried += other.tried
        self.tried_codes += other.tried_codes
        self.tried_verified += other.tried_verified
        self.told += other.told
        self.arrived += other.arrived
        self.within = [a + b for a, b in zip(self.within, other.within, strict=True)]


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """Whose quality it is; operator and prefix are OTHERS where it is of all further ones."""

    channel: str
    carrier: str
    operator: str
    prefix: str


class Figures(msgspec.Struct, omit_defaults=True):
    """`by` has each dimension's values; `quality` is kept by Cell in JSON, since JSON's keys are text."""

    total: Counts = msgspec.field(default_factory=Counts)
    by: dict[str, dict[str, Counts]] = {}
    quality: dict[str, Quality] = {}

    def count(self, alike: MessagesAlike, operator: str) -> None:
        self.total.add(alike)
        values = (
            alike.channel,
            alike.carrier,
            operator,
            alike.network,
            country_of(alike.phone),
            alike.prefix,
            alike.template,
        )
        for dimension, value in zip(DIMENSIONS, values, strict=True):
            if value:
                self.by.setdefault(dimension, {}).setdefault(value, Counts()).add(alike)
        if alike.tried:
            cell = _written(Cell(alike.channel, alike.first_carrier, operator, alike.prefix))
            self.quality.setdefault(cell, Quality()).add(alike)

    def add(self, other: "Figures") -> None:
        self.total.add(other.total)
        for dimension, values in other.by.items():
            mine = self.by.setdefault(dimension, {})
            for value, counts in values.items():
                mine.setdefault(value, Counts()).add(counts)
        for cell, quality in other.quality.items():
            self.quality.setdefault(cell, Quality()).add(quality)

    def bounded(self) -> "Figures":
        """The same with no more values than are kept."""
        return Figures(
            self.total,
            {dimension: _largest(values) for dimension, values in self.by.items()},
            self._largest_cells(),
        )

    def _largest_cells(self) -> dict[str, Quality]:
        if len(self.quality) <= MOST_CELLS:
            return self.quality
        kept = dict[str, Quality]()
        in_order = sorted(self.quality.items(), key=lambda pair: (-pair[1].tried, pair[0]))
        for number, (name, quality) in enumerate(in_order):
            cell = read_cell(name)
            rest = name if number < MOST_CELLS else _written(Cell(cell.channel, cell.carrier, OTHERS, OTHERS))
            kept.setdefault(rest, Quality()).add(quality)
        return kept


class _Outline(msgspec.Struct):
    """Figures, of which the dimensions are read when they are asked for."""

    total: Counts = msgspec.field(default_factory=Counts)
    by: dict[str, msgspec.Raw] = {}


ByCurrency = dict[str, Figures]
_encoder = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(ByCurrency)
_outlines: Final = msgspec.json.Decoder(dict[str, _Outline])
_values: Final = msgspec.json.Decoder(dict[str, Counts])
_cells: Final = msgspec.json.Decoder(Cell)


def _largest(values: Mapping[str, Counts]) -> dict[str, Counts]:
    if len(values) <= MOST_VALUES:
        return dict(values)
    kept = dict[str, Counts]()
    in_order = sorted(values.items(), key=lambda pair: (-pair[1].messages, pair[0]))
    for number, (value, counts) in enumerate(in_order):
        kept.setdefault(value if number < MOST_VALUES else OTHERS, Counts()).add(counts)
    return kept


def _written(cell: Cell) -> str:
    return _encoder.encode(cell).decode()


def read_cell(name: str) -> Cell:
    return _cells.decode(name)


def figures_in(row: Statistics) -> ByCurrency:
    return _decoder.decode(row.figures) if row.figures else {}


def totals_in(row: Statistics, dimension: str) -> Iterator[tuple[str, Counts, dict[str, Counts]]]:
    """By currency: all, and by the values of one dimension, none where it is "". The rest of the row is passed over."""
    for currency, one in (_outlines.decode(row.figures) if row.figures else {}).items():
        raw = one.by.get(dimension)
        yield currency, one.total, _values.decode(raw) if raw is not None else {}


def written(figures: Mapping[str, Figures]) -> str:
    return _encoder.encode({currency: one.bounded() for currency, one in figures.items()}).decode()


def added_up(rows: Iterable[Statistics]) -> ByCurrency:
    sums: ByCurrency = {}
    for row in rows:
        for currency, one in figures_in(row).items():
            sums.setdefault(currency, Figures()).add(one)
    return sums


FRESH_MS = 10 * 60_000
"""So long after its end an hour is counted as often as the one that is under way: no message is added to it later."""
SETTLED_AFTER_MS = 3 * HOUR_MS
"""So long after the last receipt that is waited for, an hour is counted for the last time: what waits that long has
ended by then.
"""


def is_due(row: Statistics | None, start: int, now: int, pause_ms: int) -> bool:
    """Whether the hour that began at `start` is to be counted. The older it is, the more seldom: each time at twice the
    age.
    """
    if row is None:
        return True
    if row.settled:
        return False
    end = start + HOUR_MS
    age_then = row.claimed_at - end
    wait = pause_ms if now < end + FRESH_MS else max(pause_ms, age_then)
    # A clock that was set back must not stop the counting.
    return not 0 <= now - row.claimed_at < wait


class ClaimHour(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Begin to count an hour, unless it is not due or another process has just begun. Result: whether this one does."""

    start: int
    now: int
    pause_ms: int
    expires_at: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Statistics, ALL, HOUR_MS, self.start),)

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(Statistics, ALL, HOUR_MS, self.start)
        if not is_due(row, self.start, self.now, self.pause_ms):
            return Decision(False)
        if row is None:
            row = Statistics(ALL, HOUR_MS, self.start, self.now, 0, False, self.expires_at, "")
        return Decision(True, puts=(msgspec.structs.replace(row, claimed_at=self.now),))


class KeepStatistics(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Put down what was counted, unless somebody has counted it later. Result: None."""

    rows: tuple[Statistics, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return (row.key for row in self.rows)

    def decide(self, world: World, context: Context) -> Decision:
        puts = list[Row]()
        for row in self.rows:
            there = world.get(Statistics, row.account, row.span, row.start)
            if there is None or there.counted_at <= row.counted_at:
                claimed = max(row.claimed_at, there.claimed_at if there else 0)
                puts.append(msgspec.structs.replace(row, claimed_at=claimed))
        return Decision(None, puts=tuple(puts))


class Tally:
    """Adds up what is alike, for each account in its currency."""

    def __init__(self, currency_of: Callable[[AccountId], str], operator_of: Callable[[Phone], str]) -> None:
        self._currency_of = currency_of
        self._operator_of = operator_of
        self.figures: dict[AccountId, ByCurrency] = {}
        self.unsettled: set[AccountId] = set()
        """The accounts of which something may still change."""

    def take(self, alike: MessagesAlike) -> None:
        by_currency = self.figures.setdefault(alike.account, {})
        figures = by_currency.setdefault(self._currency_of(alike.account), Figures())
        figures.count(alike, self._operator_of(alike.phone))
        if alike.unsettled:
            self.unsettled.add(alike.account)
