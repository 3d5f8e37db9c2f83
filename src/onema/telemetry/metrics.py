"""The metrics of one process, on a registry of their own.

Counting happens on the event loop's thread alone, so that the hot path needs no lock: prometheus-client's own
counter and histogram would cost a request 1.5 us, these cost 0.4 us.
"""

import functools
import platform
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from onema.domain.codes.accept_message import Accepted, Send
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_more import NewMessage
from onema.domain.codes.send_together import SendTogether
from onema.domain.decision import Command, Decision
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Ending
from onema.domain.delivery.receipt_lag import BOUNDS
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.record_receipt import ReceiptResult, RecordReceipt
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import time_of_id
from onema.domain.records import Attempt, Call, Event, Job, JobKind, Message
from onema.domain.refusals import Found
from onema.telemetry.finding_tally import FindingTally
from onema.telemetry.live_tally import LiveTally

_REQUEST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_HANDOVER_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_RING_SECONDS = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
_TALK_SECONDS = (1.0, 3.0, 6.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0)
_VERIFIED_SECONDS = (2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)
NAMED_ACCOUNTS = 100
"""Of so many accounts the refusals are told apart; those of further ones are one series together."""
OTHER_ACCOUNTS = "(others)"
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

CARRIER_FIGURES = {
    "in_flight": "Attempts that were handed to a carrier and have no outcome yet",
    "breaker_open": "1 while a carrier is left out because it kept failing, 0.5 while it is tried again",
    "lowered_pace": "Attempts a second that a carrier gets after it asked us to slow down; 0: as many as come",
    "binds": "Connections of a carrier that are up",
    "binds_wanted": "Connections that a carrier tries to have",
    "window": "How much a carrier's connections may leave unanswered in all",
    "window_used": "How much a carrier's far end has not answered yet",
    "waiting": "What waits in a carrier for its window or its pace",
    "calls": "Calls of a trunk that are up or being set up",
    "calls_lately": "Calls of a trunk that ended in the last minutes: what its averages are over",
    "answered_ratio": "The share of those calls that were answered",
    "ring_seconds": "How long those rang that did, on average",
    "loss_ratio": "The share of a trunk's packets that far ends missed",
    "jitter_seconds": "Jitter of a trunk's packets as far ends reported it, on average",
}
"""What is read of each carrier, and what it is; a carrier may have no such thing."""

PROBE_FIGURES = {
    "success": "1 where a probe of a trunk heard what was sent, 0 where it did not, the last time",
    "timestamp_seconds": "When that was, in Unix time",
    "ring_seconds": "How long that call rang",
    "lost_ratio": "The share of that call's packets that did not arrive",
    "every_seconds": "How often a trunk is probed",
}
"""What is read of probes, by carrier; of processes that make none there is nothing but the last."""

Figures = Mapping[tuple[str, ...], float]
"""Values by the values of their labels."""


class Tally(Collector):
    """A counter whose label values are one tuple. Not thread-safe."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self.counts: dict[tuple[str, ...], int] = {}
        """By the values of the labels, in their order."""

    def add(self, labels: tuple[str, ...], amount: int = 1) -> None:
        self.counts[labels] = self.counts.get(labels, 0) + amount

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, amount in self.counts.items():
            family.add_metric(labels, amount)
        yield family


class Distribution:
    """The buckets of one histogram series. Not thread-safe."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        """Of each bucket alone, not with those below it; the last is what is above all bounds."""
        self._sum = 0.0

    @property
    def counts(self) -> tuple[int, ...]:
        """Of each bucket alone."""
        return tuple(self._counts)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, amount in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += amount
            buckets.append((_le(bound), total))
        family.add_metric(labels, buckets, self._sum)


class Histogram(Collector):
    """Distributions by one label, or a single one when the label's name is empty."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], label: str = "") -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = bounds
        self._label = label
        self._series: dict[str, Distribution] = {}
        """By the value of the label."""

    def counts(self, label: str = "") -> tuple[int, ...]:
        """What was observed, by bucket; empty without any."""
        found = self._series.get(label)
        return found.counts if found else ()

    def series(self, label: str = "") -> Distribution:
        return self._series.setdefault(label, Distribution(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        labels = [self._label] if self._label else []
        family = HistogramMetricFamily(self._name, self._documentation, labels=labels)
        for label, distribution in self._series.items():
            distribution.add_to(family, [label] if self._label else [])
        yield family


class Readings(Collector):
    """A gauge whose label values are one tuple, and whose values are read when they are asked for."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        read: Callable[[], Figures],
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, value in self._read().items():
            family.add_metric(labels, value)
        yield family


def _by_one_label(figures: Mapping[str, float]) -> Figures:
    return {(label,): value for label, value in figures.items()}


def _of_carriers(read: Callable[[], Mapping[str, float]]) -> Figures:
    return _by_one_label(read())


def _le(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(float(bound))


class ExchangeMeter:
    """Counts and times the requests to one API."""

    __slots__ = ("_api", "_distribution", "_tally")

    def __init__(self, api: str, tally: Tally, distribution: Distribution) -> None:
        self._api = api
        self._tally = tally
        self._distribution = distribution

    def observe(self, outcome: str, seconds: float) -> None:
        self._tally.add((self._api, outcome))
        self._distribution.observe(seconds)

    def count(self, outcome: str) -> None:
        """A request that got no answer."""
        self._tally.add((self._api, outcome))


class Metrics:
    """Every metric that onema exports. Label values come from closed sets, never from requests."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.live = LiveTally()
        """The same by accounts and for pages that are live; whoever shows it takes it."""
        self.findings = FindingTally()
        self._http_requests = Tally(
            "onema_http_requests", "HTTP requests answered, by API and outcome", ("api", "outcome")
        )
        self._http_seconds = Histogram(
            "onema_http_request_seconds", "Time to the answer, by API", _REQUEST_SECONDS, "api"
        )
        self._batch_size = Histogram("onema_batch_commands", "Commands in one committed batch", _BATCH_SIZES)
        self._batch_seconds = Histogram(
            "onema_batch_seconds", "Duration of one batch, from load to commit", _COMMIT_SECONDS
        )
        self._commands = Tally("onema_commands", "Commands decided, by kind and result", ("kind", "result"))
        self._messages = Tally(
            "onema_messages", "Messages that reached a final state, by channel", ("channel", "state")
        )
        self._refusals = Tally(
            "onema_refusals",
            "Requests refused, by account (empty: a key that nobody has) and reason",
            ("account", "reason"),
        )
        self._named_accounts: set[str] = set()
        """The accounts that have a series of their own: the first that were refused."""
        self._handover_seconds = Histogram(
            "onema_handover_seconds",
            "From the request to the first try to hand its message to a carrier, by channel",
            _HANDOVER_SECONDS,
            "channel",
        )
        self._verified_seconds = Histogram(
            "onema_verified_seconds",
            "From the request for a code to the check that it passed",
            _VERIFIED_SECONDS,
        )
        self._dead_jobs = Tally("onema_dead_jobs", "Jobs that were given up, by kind", ("kind",))
        self._receipts = Tally(
            "onema_receipts",
            "Receipts from carriers, by carrier and what became of them (unmatched: nothing had their name yet)",
            ("carrier", "result"),
        )
        self._attempts = Tally(
            "onema_attempts", "Attempts that ended, by carrier and what it said", ("carrier", "outcome")
        )
        self._receipt_seconds = Histogram(
            "onema_receipt_seconds",
            "From the beginning of an attempt to the receipt that ended it, by carrier",
            BOUNDS,
            "carrier",
        )
        self._calls = Tally("onema_calls", "Calls that ended, by carrier and how", ("carrier", "ending"))
        self._ring_seconds = Histogram(
            "onema_call_ring_seconds",
            "How long phones rang before the answer or the end, by carrier",
            _RING_SECONDS,
            "carrier",
        )
        self._talk_seconds = Histogram(
            "onema_call_talk_seconds",
            "How long answered calls were talked, by carrier",
            _TALK_SECONDS,
            "carrier",
        )
        self._suspected = Tally(
            "onema_suspected", "Attempts that a carrier took for fraud or spam, by carrier", ("carrier",)
        )
        self._found = Tally(
            "onema_guard_findings",
            "What the guard found of messages, by rule, reason and the rule's mode",
            ("rule", "reason", "mode"),
        )
        for kind in JobKind:
            # From 0 on, or an alert on its increase would miss the first.
            self._dead_jobs.add((kind.value,), 0)
        for collector in (
            self._found,
            self._dead_jobs,
            self._calls,
            self._ring_seconds,
            self._talk_seconds,
            self._suspected,
            self._receipts,
            self._receipt_seconds,
            self._attempts,
            self._http_requests,
            self._http_seconds,
            self._batch_size,
            self._batch_seconds,
            self._commands,
            self._messages,
            self._refusals,
            self._handover_seconds,
            self._verified_seconds,
        ):
            registry.register(collector)
        self._ready = Gauge("onema_ready", "1 when the process is ready to serve", registry=registry)
        self.clock_difference = Gauge(
            "onema_clock_difference_seconds",
            "By how much this node's clock is ahead of the database's",
            registry=registry,
        )
        ProcessCollector(registry=registry)
        self._batch_sizes = self._batch_size.series()
        self._batch_durations = self._batch_seconds.series()
        self._verified = self._verified_seconds.series()
        """The series without a label of the last three, which spares the hot path looking them up."""

    def exchanges(self, api: str) -> ExchangeMeter:
        return ExchangeMeter(api, self._http_requests, self._http_seconds.series(api))

    def batch(self, commands: int, seconds: float) -> None:
        self._batch_sizes.observe(commands)
        self._batch_durations.observe(seconds)

    def command(self, kind: str, result: str, amount: int = 1) -> None:
        self._commands.add((kind, result), amount)

    def accepted(self, message: Message) -> None:
        self.live.accepted(message)

    def ended(self, message: Message) -> None:
        self._messages.add((message.channel, message.state))
        self.live.ended(message)

    def refusal(self, account: str, reason: str) -> None:
        self.live.refused(account, reason)
        if account not in self._named_accounts:
            if len(self._named_accounts) < NAMED_ACCOUNTS or not account:
                self._named_accounts.add(account)
            else:
                account = OTHER_ACCOUNTS
        self._refusals.add((account, reason))

    def guarded(self, command: Command, found: Sequence[Found]) -> None:
        self._count_found(found)
        if isinstance(command, Send | NewMessage):
            self.findings.add(command.account, command.phone, found, refused=True)
        elif isinstance(command, SendTogether):
            self.findings.add(command.sends[0].account, None, found, refused=True)

    def _count_found(self, found: Sequence[Found]) -> None:
        for one in found:
            self._found.add((one.rule, one.reason, one.mode))

    def decided(self, command: Command, decision: Decision) -> None:
        """Ids tell when their request came, so that nothing need be remembered in between."""
        if type(decision.result) is Accepted:
            if found := decision.result.found:
                self._count_found(found)
                for row in decision.inserts:
                    if type(row) is Message:
                        self.findings.add(row.account, row.phone, found, refused=False)
        elif type(command) is StartAttempt and decision.result == 1:
            kind = next((row.kind for row in decision.puts if type(row) is Job), JobKind.SMS)
            # What was asked for later has waited because it should.
            if kind != JobKind.SCHEDULED:
                waited = command.now - time_of_id(command.job)
                channel = "call" if kind == JobKind.CALL else "sms"
                self._handover_seconds.series(channel).observe(max(0, waited) / 1000)
        elif type(command) is RecordOutcome and command.outcome.ending is not None and decision.result:
            self._ended(command.carrier, command.outcome.ending, decision)
        elif type(command) is CheckCode and decision.result is Check.RIGHT:
            (verified,) = (row for row in decision.inserts if type(row) is Event)
            self._verified.observe(max(0, command.now - time_of_id(verified.subject)) / 1000)
            self.live.verified(verified.account)
        elif type(command) is RecordReceipt and decision.result is ReceiptResult.COUNTED:
            for row in decision.puts:
                if type(row) is Attempt:
                    lag = max(0, command.now - row.started_at) / 1000
                    self._receipt_seconds.series(row.carrier).observe(lag)

    def _ended(self, carrier: str, ending: Ending, decision: Decision) -> None:
        if RULES[ending].is_suspicion:
            self._suspected.add((carrier,))
        for row in decision.puts:
            if type(row) is Call:
                self._calls.add((row.carrier, row.ending))
                if row.ring_ms:
                    self._ring_seconds.series(row.carrier).observe(row.ring_ms / 1000)
                if row.talk_ms:
                    self._talk_seconds.series(row.carrier).observe(row.talk_ms / 1000)

    def attempt(self, carrier: str, outcome: str) -> None:
        self._attempts.add((carrier, outcome))

    def receipt_lags(self, carrier: str) -> tuple[int, ...]:
        """How many receipts of a carrier took how long, by the buckets of receipt_lag.BOUNDS."""
        return self._receipt_seconds.counts(carrier)

    def dead_job(self, kind: str) -> None:
        self._dead_jobs.add((kind,))

    def receipt(self, carrier: str, result: str) -> None:
        self._receipts.add((carrier, result))

    def watch_readiness(self, ready: Callable[[], bool]) -> None:
        self._ready.set_function(lambda: float(ready()))

    def watch_capacity(self, read: Callable[[], Mapping[str, float]]) -> None:
        documentation = "Capacity of carriers with a total that this process may use, by carrier"
        self._watch("onema_carrier_capacity", documentation, ["carrier"], lambda: _by_one_label(read()))

    def watch_carriers(self, read: Callable[[], Mapping[str, float]]) -> None:
        documentation = "1 when a carrier of this process is ready to send, by carrier"
        self._watch("onema_carrier_ready", documentation, ["carrier"], lambda: _by_one_label(read()))

    def watch_carrier_figures(self, read: Callable[[str], Mapping[str, float]]) -> None:
        """How the carriers of this process are at work: `read` tells a figure of CARRIER_FIGURES by carrier."""
        for figure, documentation in CARRIER_FIGURES.items():
            told = functools.partial(read, figure)
            self._watch(
                f"onema_carrier_{figure}", documentation, ["carrier"], functools.partial(_of_carriers, told)
            )

    def watch_voice_probes(self, read: Callable[[str], Mapping[str, float]]) -> None:
        """What trial calls heard: `read` tells a figure of PROBE_FIGURES by carrier."""
        for figure, documentation in PROBE_FIGURES.items():
            told = functools.partial(read, figure)
            self._watch(
                f"onema_voice_probe_{figure}",
                documentation,
                ["carrier"],
                functools.partial(_of_carriers, told),
            )

    def watch_store(self, due_seconds: Callable[[], Figures], balances: Callable[[], Figures]) -> None:
        self._watch(
            "onema_job_due_seconds",
            "For how long the job that waits longest has been due, by kind",
            ["kind"],
            due_seconds,
        )
        self._watch(
            "onema_account_balance",
            "What the accounts with the least may still spend, in their currency",
            ["account", "currency"],
            balances,
        )

    def watch_low_balances(self, read: Callable[[], Figures]) -> None:
        self._watch(
            "onema_accounts_low_balance",
            "How many accounts have less than they want to be told of",
            [],
            read,
        )

    def tell_build(self, version: str, store: str) -> None:
        labels = (version, platform.python_version(), store)
        documentation = "1; its labels say what runs"
        self._watch("onema_build_info", documentation, ["version", "python", "store"], lambda: {labels: 1.0})

    def _watch(
        self, name: str, documentation: str, labels: Sequence[str], read: Callable[[], Figures]
    ) -> None:
        self.registry.register(Readings(name, documentation, labels, read))

    def render(self) -> bytes:
        """Render all of them in Prometheus' text format."""
        return generate_latest(self.registry)
