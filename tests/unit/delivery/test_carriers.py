import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from onema.channels.contract import Carrier, Share
from onema.delivery.capacity import Capacity
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.carriers import CarrierRefused, RunningCarriers
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.breaker import FAILURES_TO_OPEN, BreakerState
from onema.domain.delivery.capacity import LEASE_SECONDS, RENEW_SECONDS, USE_SECONDS
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.records import CarrierCapacity
from onema.storage.contract import Unavailable
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.server import refuse_handset_beside_carriers

from .conftest import DeliveryRig


class Factory:
    """Makes recording carriers and remembers them."""

    def __init__(self) -> None:
        self.made: list[doc.Carrier] = []
        self.carriers: list[RecordingCarrier] = []

    def __call__(self, document: doc.Carrier) -> Carrier:
        if document.type == "unknown":
            raise CarrierRefused("there is no such type")
        self.made.append(document)
        self.carriers.append(RecordingCarrier(document.name))
        return self.carriers[-1]


class Process:
    """What one of several processes runs."""

    def __init__(self, rig: DeliveryRig, name: str, watch: CarrierWatch | None = None) -> None:
        self.factory = Factory()
        self.running = RunningCarriers(
            rig.committer,
            self.factory,
            refuse_handset_beside_carriers,
            lambda carrier: Capacity(carrier, name, rig.clock, rig.clock.steady),
            rig.clock.now,
            watch,
        )

    @property
    def share(self) -> Share | None:
        """What the carrier that was made last may use."""
        return self.factory.carriers[-1].share if self.factory.carriers else None


StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(rig: DeliveryRig) -> AsyncIterator[StartProcess]:
    """Starts processes that share the rig's store, and stops them in the end."""
    started: list[Process] = []

    async def start_one(name: str, watch: CarrierWatch | None = None) -> Process:
        process = Process(rig, name, watch)
        await process.running.start()
        started.append(process)
        return process

    yield start_one
    for process in started:
        await process.running.stop()


@pytest.fixture
async def process(start: StartProcess) -> Process:
    return await start("one")


@pytest.fixture
async def carriers(process: Process) -> RunningCarriers:
    return process.running


@pytest.fixture
async def factory(process: Process) -> Factory:
    return process.factory


async def put(
    rig: DeliveryRig, *documents: doc.AnyDocument, remove: tuple[tuple[str, str], ...] = ()
) -> None:
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents, remove=remove))
    await rig.settled()


async def test_carriers_start_and_stop_with_their_documents(
    rig: DeliveryRig, carriers: RunningCarriers, factory: Factory
) -> None:
    """A running server needs no restart for a new carrier; an unchanged one is left alone."""
    assert not carriers
    await put(rig, doc.Carrier(name="one", type="test"), doc.Carrier(name="two", type="test"))
    await rig.until(lambda: set(carriers) == {"one", "two"})
    await put(rig, doc.Carrier(name="two", type="test", settings={"window": 2}))
    await rig.until(lambda: [made.name for made in factory.made] == ["one", "two", "two"])
    await put(rig, doc.Carrier(name="two", type="test", state="inactive"), remove=(("carrier", "one"),))
    await rig.until(lambda: not carriers)


async def test_what_is_registered_and_needed_does_not_restart_a_carrier(
    rig: DeliveryRig, carriers: RunningCarriers, factory: Factory
) -> None:
    """Binds stay; the next message is told and asked."""
    await put(rig, doc.Carrier(name="one", type="test"))
    await rig.until(lambda: set(carriers) == {"one"})
    await put(rig, doc.Carrier(name="one", type="test", registered={"tm_chain": "1102"}, needs=("dlt_id",)))
    await put(rig, doc.Carrier(name="two", type="test"))
    await rig.until(lambda: set(carriers) == {"one", "two"})
    assert [made.name for made in factory.made] == ["one", "two"]


async def test_a_breaker_that_is_closed_by_hand_is_closed_in_every_process(
    rig: DeliveryRig, start: StartProcess
) -> None:
    """Each forgets what it saw, and the carrier runs on; a document that knows no number undoes nothing."""
    watches = [CarrierWatch(rig.clock.now), CarrierWatch(rig.clock.now)]
    processes = [await start(name, watch) for name, watch in zip(("one", "two"), watches, strict=True)]
    await put(rig, doc.Carrier(name="gw", type="test"))
    await rig.until(lambda: all(set(one.running) == {"gw"} for one in processes))
    for watch in watches:
        for began in [watch.begin("gw") for _ in range(FAILURES_TO_OPEN)]:
            watch.end(began, Outcome(kind=OutcomeKind.TEMPORARY, reason="down"))
        assert watch.breaker("gw") is BreakerState.OPEN
    await put(rig, doc.Carrier(name="gw", type="test", breaker_closed=1))
    await rig.until(lambda: all(one.breaker("gw") is BreakerState.CLOSED for one in watches))
    await put(rig, doc.Carrier(name="gw", type="test"))
    assert rig.committer.directory.carriers["gw"].breaker_closed == 1
    assert [len(process.factory.made) for process in processes] == [1, 1]


async def test_a_handset_beside_real_carriers_is_refused(
    rig: DeliveryRig, carriers: RunningCarriers, start: StartProcess
) -> None:
    """At the start that is fatal; a server that runs keeps the carriers that it has."""
    await put(rig, doc.Carrier(name="real", type="smpp"))
    await put(rig, doc.Carrier(name="phone", type="handset"))
    assert set(carriers) == {"real"}
    with pytest.raises(CarrierRefused, match="simulated handset"):
        await start("two")


def trunk(capacity: int, **fields: object) -> doc.Carrier:
    return doc.Carrier(name="trunk", type="test", capacity=capacity, **fields)  # type: ignore[arg-type]  # fields of a carrier


async def row(rig: DeliveryRig) -> CarrierCapacity | None:
    found = (await rig.storage.read([(CarrierCapacity, "trunk")])).get((CarrierCapacity, "trunk"))
    return found if isinstance(found, CarrierCapacity) else None


async def test_a_carrier_with_a_total_of_one_runs_in_exactly_one_process(
    rig: DeliveryRig, start: StartProcess
) -> None:
    """Whoever is stopped in order gives it to the other at once."""
    await put(rig, trunk(1))
    one, two = await start("one"), await start("two")
    for _ in range(3):
        assert ([*one.running], [*two.running]) == (["trunk"], [])
        await one.running.renew()
        await two.running.renew()
    assert one.share == Share(1)
    await one.running.stop()
    assert one.factory.carriers[0].stopped
    await two.running.renew()
    assert ([*one.running], [*two.running], two.running.capacity()) == ([], ["trunk"], {"trunk": 1})


async def test_a_process_that_died_loses_its_capacity_after_a_lease(
    rig: DeliveryRig, start: StartProcess
) -> None:
    """Not before, whatever the clocks say."""
    await put(rig, trunk(1))
    one, two = await start("one"), await start("two")
    passed = 0.0
    while "trunk" not in two.running:
        assert passed < LEASE_SECONDS + RENEW_SECONDS
        rig.clock.advance(RENEW_SECONDS)
        rig.clock.set_by(1_000)
        passed += RENEW_SECONDS
        await two.running.renew()
    assert passed >= LEASE_SECONDS
    assert "trunk" not in one.running


async def test_a_total_is_shared_out_and_its_pace_with_it(rig: DeliveryRig, start: StartProcess) -> None:
    """Every process hears its share, and hears of it when one joins."""
    await put(rig, trunk(30, per_second=10))
    one = await start("one")
    assert one.share == Share(30, 10.0)
    two = await start("two")
    shares = []
    for used in (20, 20, 15):
        one.factory.carriers[0].in_use = used
        await one.running.renew()
        await two.running.renew()
        shares.append((one.share, two.share))
    assert shares == [
        (Share(15, 5.0), None),
        (Share(15, 5.0), Share(10, 10 / 3)),
        (Share(15, 5.0), Share(15, 5.0)),
    ]


async def test_a_carrier_whose_capacity_cannot_be_renewed_stops_in_time(
    rig: DeliveryRig, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is away: nothing new is sent from the moment on that they run out, and others may take them later."""
    await put(rig, trunk(2))

    async def be_away(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(rig.storage, "commit", be_away)
    (carrier,) = process.factory.carriers
    rig.clock.advance(USE_SECONDS - 1)
    await process.running.renew()
    assert (process.running["trunk"], carrier.stopped) == (carrier, False)
    rig.clock.advance(1)
    assert "trunk" not in process.running
    assert (len(process.running), process.running.capacity()) == (0, {"trunk": 0})
    await process.running.renew()
    assert carrier.stopped
    monkeypatch.undo()
    await process.running.renew()
    assert process.running["trunk"] is process.factory.carriers[1]


async def test_another_total_does_not_restart_a_carrier_but_other_settings_do(
    rig: DeliveryRig, process: Process
) -> None:
    """Calls that are up are not cut for a number; new settings get the same capacity again."""
    await put(rig, trunk(2))
    await put(rig, trunk(4, per_second=8))
    await process.running.renew()
    assert (process.share, len(process.factory.made)) == (Share(4, 8.0), 1)
    await put(rig, trunk(4, settings={"host": "h"}))
    await rig.until(lambda: len(process.factory.made) == 2)
    assert process.share == Share(4)
    assert process.factory.carriers[0].stopped


async def test_a_carrier_that_loses_its_total_or_goes_gives_its_capacity_up(
    rig: DeliveryRig, process: Process
) -> None:
    """Without a total there is no lease, and nobody tells the carrier a share."""
    await put(rig, trunk(2))
    await rig.until(lambda: process.running.capacity() == {"trunk": 2})
    await put(rig, trunk(0))
    await rig.until(lambda: "trunk" in process.running and not process.running.capacity())
    assert (await row(rig), process.share) == (None, None)
    await put(rig, trunk(2))
    await rig.until(lambda: process.running.capacity() == {"trunk": 2})
    assert process.share == Share(2)
    await put(rig, remove=(("carrier", "trunk"),))
    while await row(rig) is not None:
        await rig.settled()
    assert ([*process.running], process.running.capacity()) == ([], {})


async def test_a_carrier_that_cannot_run_holds_no_capacity(rig: DeliveryRig, process: Process) -> None:
    """Another process, of a version that knows its type, may have them."""
    refused = doc.Carrier(name="trunk", type="unknown", capacity=2)
    await put(rig, refused, doc.Carrier(name="until", type="test"))
    await rig.until(lambda: "until" in process.running)
    assert (await row(rig), process.running.capacity()) == (None, {})
    await put(rig, trunk(2))
    await rig.until(lambda: "trunk" in process.running)
