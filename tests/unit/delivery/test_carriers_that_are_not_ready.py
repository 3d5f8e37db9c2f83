"""A carrier that is not ready gets nothing: another does, or the message waits."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

import pytest

from onema.channels.contract import Carrier
from onema.delivery import carrier_life
from onema.delivery.capacity import Capacity
from onema.delivery.carrier_reports import CarrierReports, statuses_in
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.carriers import CarrierRefused, RunningCarriers
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.records import Job, MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig


async def test_another_carrier_gets_what_one_that_is_not_ready_would(rig: DeliveryRig) -> None:
    """At once, and by a first attempt: the other's turn costs none."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    first.lose("the link is down")
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (attempt,) = (await rig.story(identifier)).attempts
    assert (attempt.number, attempt.carrier, first.sent) == (1, "second", [])
    assert "first (not ready)" in attempt.why


async def test_a_message_waits_without_an_attempt_until_a_carrier_is_ready(rig: DeliveryRig) -> None:
    """However often it is looked at meanwhile; then it is sent at once."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    carrier.lose("the link is down")
    identifier = await rig.send()
    await rig.was_left(identifier, "first")
    for _ in range(7):
        lease = (await rig.job(identifier)).lease
        rig.clock.advance(31)
        await rig.until_leased(identifier, lease + 1)
    assert (await rig.story(identifier)).attempts == []
    await rig.was_left(identifier, "first")
    carrier.find()
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert [one.attempt for one in carrier.sent] == [1]


async def test_a_message_that_waits_is_not_taken_again_and_again(
    rig: DeliveryRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases are counted, and a job has only so many: rounds that find no carrier ready leave it alone."""
    looks = 0
    lease_jobs = rig.storage.lease_jobs

    async def counted(*asked: Any) -> Sequence[Job]:
        nonlocal looks
        looks += 1
        return await lease_jobs(*asked)

    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    carrier.lose("the link is down")
    identifier = await rig.send()
    await rig.was_left(identifier, "first")
    monkeypatch.setattr(rig.storage, "lease_jobs", counted)
    await rig.until(lambda: looks > 10)
    assert (await rig.job(identifier)).lease == 1


async def test_a_message_that_no_carrier_was_ready_for_fails_when_its_code_expires(rig: DeliveryRig) -> None:
    """And its money is back."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    await rig.start(carrier)
    carrier.lose("the link is down")
    identifier = await rig.send(time_alive=60_000)
    await rig.was_left(identifier, "first")
    rig.clock.advance(61)
    message = await rig.reaches(identifier, MessageState.FAILED)
    assert (message.reason, message.held, message.charged) == (
        "the code expired before it could be sent",
        0,
        0,
    )
    assert (await rig.story(identifier)).attempts == []


class Lines:
    """The carriers of one process, of which a test has those that were made."""

    def __init__(self, rig: DeliveryRig) -> None:
        self.made: dict[str, RecordingCarrier] = {}
        self.failures: list[Exception] = []
        self.news = asyncio.Event()
        self.watch = CarrierWatch(rig.clock.now)
        self.running = RunningCarriers(
            rig.committer,
            self.make,
            lambda documents: None,
            lambda carrier: Capacity(carrier, "one", rig.clock, rig.clock.steady),
            rig.clock.now,
            self.watch,
            process="one",
            lags=lambda carrier: (1,),
        )
        self.running.on_ready = self.news.set

    def make(self, document: doc.Carrier) -> Carrier:
        if document.type == "unknown":
            raise CarrierRefused("there is no such type")
        carrier = self.made[document.name] = RecordingCarrier(document.name)
        carrier.failures = self.failures
        return carrier


async def put(rig: DeliveryRig, *documents: doc.AnyDocument) -> None:
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))
    await rig.settled()


async def test_a_carrier_whose_start_fails_is_started_again(
    rig: DeliveryRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After pauses, until it is ready; meanwhile it says why it is not, and the process runs."""
    monkeypatch.setattr(carrier_life, "START_PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr("onema.delivery.carriers.FIRST_START_SECONDS", 0.0)
    await put(rig, doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    lines.failures = [OSError("no route to host"), OSError("no route to host"), OSError("refused")]
    await lines.running.start()
    async with asyncio.timeout(10):
        await lines.news.wait()
    assert lines.made["trunk"].starts == 4
    (status,) = lines.running.status()
    assert (status.ready, status.since, status.last_error) == (True, rig.clock.now(), "refused")
    await lines.running.stop()


async def test_what_a_library_says_of_a_failed_start_is_shown_to_nobody(
    rig: DeliveryRig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may quote what it was given, such as an address with a token in it; the name of the fault must do."""
    monkeypatch.setattr(carrier_life, "START_PAUSES_SECONDS", (0.0,))
    await put(rig, doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    lines.failures = [RuntimeError("cannot open https://gateway.example/?token=hunter2")]
    await lines.running.start()
    async with asyncio.timeout(10):
        await lines.news.wait()
    assert lines.running.status()[0].last_error == "RuntimeError"
    assert "hunter2" not in "".join(str(vars(record)) for record in caplog.records)
    await lines.running.stop()


async def test_a_carrier_says_since_when_and_why_it_is_not_ready(rig: DeliveryRig) -> None:
    """Whoever waits for carriers hears of both."""
    await put(
        rig, doc.Carrier(name="trunk", type="test"), doc.Carrier(name="off", type="test", state="inactive")
    )
    lines = Lines(rig)
    await lines.running.start()
    started = rig.clock.now()
    assert lines.running.ready() == {"trunk": 1}
    rig.clock.advance(5)
    lines.news.clear()
    lines.made["trunk"].lose("the link is down")
    assert lines.news.is_set()
    assert lines.running.ready() == {"trunk": 0}
    off, trunk = lines.running.status()
    assert (off.name, off.state, off.since, off.last_error) == ("off", "inactive", 0, "")
    assert (trunk.ready, trunk.since, trunk.last_error) == (False, started + 5_000, "the link is down")
    await lines.running.stop()


async def test_a_carrier_that_cannot_be_made_keeps_no_other_from_running(rig: DeliveryRig) -> None:
    """A document that another version took; the status says what is wrong with it."""
    await put(rig, doc.Carrier(name="odd", type="unknown"), doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    await lines.running.start()
    assert [*lines.running] == ["trunk"]
    assert lines.running.status()[0].last_error == "there is no such type"
    await lines.running.stop()


async def test_a_carrier_that_hangs_while_it_starts_holds_nobody_up(
    rig: DeliveryRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process starts without it, and stops it all the same."""
    monkeypatch.setattr("onema.delivery.carriers.FIRST_START_SECONDS", 0.0)

    async def hang(self: RecordingCarrier, on_news: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(RecordingCarrier, "start", hang)
    await put(rig, doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    async with asyncio.timeout(10):
        await lines.running.start()
        assert lines.running.ready() == {"trunk": 0}
        await lines.running.stop()
    assert lines.made["trunk"].stopped


async def test_a_carrier_that_drains_gets_nothing_new_and_runs_on(rig: DeliveryRig) -> None:
    """What is under way ends, and receipts come; another carrier takes what is new. Undone, it takes all again."""
    first, second = RecordingCarrier("first"), RecordingCarrier("second")
    await rig.configure(first, second)
    await rig.start(first, second)
    first.gate.clear()
    under_way = await rig.send()
    await first.was_handed(1)
    await put(rig, doc.Carrier(name="first", type="test", draining=True))
    beside = await rig.send()
    await rig.reaches(beside, MessageState.DELIVERED)
    assert "skipped first (draining)" in (await rig.story(beside)).attempts[0].why
    assert (first.ready, rig.watches[0].in_flight("first")) == (True, 1)
    first.gate.set()
    await rig.reaches(under_way, MessageState.DELIVERED)
    assert rig.watches[0].in_flight("first") == 0
    await put(rig, doc.Carrier(name="first", type="test"))
    after = await rig.send()
    await rig.reaches(after, MessageState.DELIVERED)
    assert [one.message for one in first.sent] == [under_way, after]


async def test_to_drain_a_carrier_does_not_start_it_anew(rig: DeliveryRig) -> None:
    """Its connections stay; its status says that it drains."""
    await put(rig, doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    await lines.running.start()
    made = lines.made["trunk"]
    await put(rig, doc.Carrier(name="trunk", type="test", draining=True))
    await rig.until(lambda: lines.running.status()[0].state == "draining")
    assert (lines.made["trunk"], made.starts, made.stopped) == (made, 1, False)
    await lines.running.stop()


async def test_what_a_process_says_of_its_carriers_can_be_read_in_the_store(rig: DeliveryRig) -> None:
    """Its figures and what is seen of them; after a stop nothing is said any more."""
    await put(rig, doc.Carrier(name="trunk", type="test"))
    lines = Lines(rig)
    await lines.running.start()
    lines.watch.begin("trunk")
    reports = CarrierReports(rig.gateway, "one", lines.running.status)
    await reports.report()
    (report,) = await rig.storage.read_process_reports()
    (status,) = statuses_in(report)
    assert (status.process, status.reported_at, status.ready) == ("one", rig.clock.now(), True)
    assert (status.figures.binds, status.in_flight, status.lags) == (1, 1, (1,))
    assert lines.running.figure("in_flight") == {"trunk": 1}
    assert lines.running.figure("breaker_open") == {"trunk": 0.0}
    assert lines.running.figure("waiting") == {}
    await reports.stop()
    assert await rig.storage.read_process_reports() == []
    await lines.running.stop()
