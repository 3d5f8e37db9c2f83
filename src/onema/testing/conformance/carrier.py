"""What every carrier must do (channels/contract.py): a suite for whoever writes one.

Subclass it in a test, with a fixture `far_end` that gives a FarEnd: the carrier, made but not started, and what stands
for the world behind it.
"""

import abc
import asyncio
from collections.abc import Callable

import pytest

from onema.channels.contract import (
    Carrier,
    NotRecorded,
    Outgoing,
    Receipt,
    ReportsFigures,
    Share,
    Webhook,
)
from onema.domain.delivery.capacity import STOP_SECONDS
from onema.domain.delivery.outcome import FINAL_WORDS, RECEIPT_WORDS, Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload
from onema.domain.ids import AccountId, MessageId
from onema.http.messages import Request

ACCOUNT, MESSAGE = AccountId(1), MessageId(7)
DEADLINE_SECONDS = 30.0


class FarEnd(abc.ABC):
    """The carrier under test and what stands for the network behind it."""

    carrier: Carrier

    def __init__(self) -> None:
        self.heard: list[Receipt] = []
        """What the carrier reported, as far as it became durable."""
        self.refuses = 0
        """So many reports are not recorded."""
        self.news = asyncio.Event()

    async def receipts(self, receipt: Receipt) -> None:
        """The sink to give to the carrier."""
        self.news.set()
        if self.refuses:
            self.refuses -= 1
            raise NotRecorded
        self.heard.append(receipt)

    @abc.abstractmethod
    def payload(self, ending: OutcomeKind) -> Payload | None:
        """A message whose `send` ends like this; None where none does."""

    @abc.abstractmethod
    def left(self) -> int:
        """How many messages have left us, each counted once per time that the phone would get it."""

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Hears what the carrier answered, where that is what shows a message on the phone."""
        return

    async def send(self, outgoing: Outgoing) -> Outcome:
        outcome = await self.carrier.send(outgoing)
        self.answered(outgoing, outcome)
        return outcome

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        """Let the far end report on what it gave this name; whether it can."""
        return False

    def hold_answers(self) -> bool:
        """Leave messages unanswered from now on; whether it can."""
        return False


class CarrierConformance:
    """Runs over one carrier."""

    async def test_it_is_ready_from_its_start_to_its_stop(self, far_end: FarEnd) -> None:
        """And says so whenever that changes; both are safe twice."""
        carrier, news = far_end.carrier, asyncio.Event()
        assert _is_ready(carrier) is False
        for _ in range(2):
            await carrier.start(news.set)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not _is_ready(carrier):
                await news.wait()
                news.clear()
        assert carrier.problem == ""
        for _ in range(2):
            await carrier.stop()
        assert _is_ready(carrier) is False

    async def test_its_figures_are_true_at_any_time(self, far_end: FarEnd) -> None:
        """No bind is up that cannot send, nothing is in flight when all is answered; a carrier may have no figures."""
        carrier = far_end.carrier
        if not isinstance(carrier, ReportsFigures):
            return
        assert not carrier.figures().binds
        await carrier.start(_nobody)
        await far_end.send(Outgoing(ACCOUNT, MESSAGE, 1, _some(far_end)))
        found = carrier.figures()
        assert not found.in_flight
        assert not found.waiting
        assert found.binds is None or found.binds > 0
        await carrier.stop()
        assert not carrier.figures().binds

    async def test_it_may_be_stopped_before_it_was_started(self, far_end: FarEnd) -> None:
        """Its document may change at once."""
        await far_end.carrier.stop()
        assert not far_end.carrier.ready

    async def test_it_says_how_long_an_answer_takes(self, far_end: FarEnd) -> None:
        """The job is leased for so long."""
        assert 0 < far_end.carrier.answer_seconds(_some(far_end)) < 3_600

    @pytest.mark.parametrize("ending", OutcomeKind)
    async def test_every_ending_is_an_outcome(self, far_end: FarEnd, ending: OutcomeKind) -> None:
        """Whatever the carrier says, nothing is raised; what may have left is unknown."""
        payload = far_end.payload(ending)
        await far_end.carrier.start(_nobody)
        if payload is not None:
            outcome = await far_end.send(Outgoing(ACCOUNT, MESSAGE, 1, payload))
            assert outcome.kind is ending
            if ending in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT):
                assert far_end.left() == 0, "it may be sent again"
        await far_end.carrier.stop()

    async def test_one_that_is_idempotent_does_nothing_twice(self, far_end: FarEnd) -> None:
        """The same attempt is handed over again after a crash; another attempt is another message."""
        await far_end.carrier.start(_nobody)
        times = 2 if far_end.carrier.idempotent else 1
        outgoing = Outgoing(ACCOUNT, MESSAGE, 1, _some(far_end))
        outcomes = [await far_end.send(outgoing) for _ in range(times)]
        assert far_end.left() == 1
        assert len({outcome.references for outcome in outcomes}) == 1
        await far_end.carrier.stop()

    @pytest.mark.parametrize("word", sorted(RECEIPT_WORDS))
    async def test_it_reports_by_the_names_that_it_gave(self, far_end: FarEnd, word: OutcomeKind) -> None:
        """Each part by its own, and whatever else the far end names too: whose it is, is no matter of the carrier's."""
        await far_end.carrier.start(_nobody)
        outcome = await far_end.send(Outgoing(ACCOUNT, MESSAGE, 1, _some(far_end)))
        expected: list[tuple[str, str, OutcomeKind]] = []
        for reference in (*outcome.references, "nobody's"):
            if await far_end.report(reference, word):
                expected.append((far_end.carrier.name, reference, word))
        found = [(one.carrier, one.reference, one.outcome.kind) for one in far_end.heard]
        assert [one for one in found if one in expected] == expected
        await far_end.carrier.stop()

    async def test_a_report_that_was_not_recorded_is_not_acknowledged(self, far_end: FarEnd) -> None:
        """The far end says it again, and then it counts."""
        await far_end.carrier.start(_nobody)
        far_end.refuses = 1
        if await far_end.report("name", OutcomeKind.DELIVERED):
            assert [one.reference for one in far_end.heard] == ["name"]
        await far_end.carrier.stop()

    async def test_it_uses_no_more_than_its_share(self, far_end: FarEnd) -> None:
        """It hears it before its start and says what is in use; of a smaller one it keeps no more than calls take."""
        carrier = far_end.carrier
        assert carrier.allow(Share(3)) <= 3
        await carrier.start(_nobody)
        assert carrier.allow(Share(1)) <= 3
        await far_end.send(Outgoing(ACCOUNT, MESSAGE, 1, _some(far_end)))
        assert carrier.allow(Share(1)) <= 1
        await carrier.stop()

    async def test_it_stops_in_time_while_it_sends(self, far_end: FarEnd) -> None:
        """Then others take its capacity. A message that was under way has an ending, or its task can be cancelled."""
        await far_end.carrier.start(_nobody)
        if not far_end.hold_answers():
            await far_end.carrier.stop()
            return
        sending = asyncio.create_task(far_end.carrier.send(Outgoing(ACCOUNT, MESSAGE, 1, _some(far_end))))
        await asyncio.sleep(0)
        async with asyncio.timeout(STOP_SECONDS):
            await far_end.carrier.stop()
        sending.cancel()
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        assert not isinstance(ended, Exception), "nothing is raised for what the carrier says"


class WebhookConformance:
    """Runs over a carrier type's webhook: fixtures `webhook`, made with the sink `sink`, and `signed`, which makes a
    request of the carrier's about a reference.
    """

    async def test_what_is_signed_is_reported_before_it_is_answered(
        self, webhook: Webhook, sink: "Sink", signed: Callable[[str], Request]
    ) -> None:
        """With success, since it is durable."""
        assert (await webhook(signed("ref-1"))).status < 300
        assert [(one.reference, one.outcome.kind in FINAL_WORDS) for one in sink.heard] == [("ref-1", True)]

    @pytest.mark.parametrize("change", ["no signature", "another body", "another key"])
    async def test_what_anybody_may_have_sent_is_refused(
        self, webhook: Webhook, sink: "Sink", signed: Callable[[str], Request], change: str
    ) -> None:
        """Nothing of it is believed."""
        good, other = signed("ref-1"), signed("ref-2")
        headers = {
            "no signature": (),
            "another body": other.headers,
            "another key": [(name, value[::-1]) for name, value in good.headers],
        }[change]
        forged = Request(good.method, good.path, good.query, headers, good.body, good.client_ip)
        assert (await webhook(forged)).status in (401, 403)
        assert sink.heard == []

    async def test_what_is_not_recorded_is_not_acknowledged(
        self, webhook: Webhook, sink: "Sink", signed: Callable[[str], Request]
    ) -> None:
        """The carrier comes back."""
        sink.refuses = 1
        assert (await webhook(signed("ref-1"))).status >= 500
        assert (await webhook(signed("ref-1"))).status < 300
        assert len(sink.heard) == 1


class Sink:
    """Receipts that a webhook reported; `refuses` so many first."""

    def __init__(self) -> None:
        self.heard: list[Receipt] = []
        self.refuses = 0

    async def __call__(self, receipt: Receipt) -> None:
        if self.refuses:
            self.refuses -= 1
            raise NotRecorded
        self.heard.append(receipt)


def _is_ready(carrier: Carrier) -> bool:
    """Asked anew each time: it changes by itself."""
    return carrier.ready


def _some(far_end: FarEnd) -> Payload:
    """A message that the carrier takes."""
    found = far_end.payload(OutcomeKind.SUBMITTED) or far_end.payload(OutcomeKind.DELIVERED)
    assert found is not None, "a carrier that takes nothing needs no test"
    return found


def _nobody() -> None:
    return None
