import secrets
from collections.abc import AsyncIterator

import pytest

from onema.channels.contract import Carrier
from onema.delivery.carriers import CarrierRefused, RunningCarriers
from onema.domain import documents as doc
from onema.domain.configure import Configure
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring import refuse_handset_beside_carriers

from .conftest import DeliveryRig


class Factory:
    """Makes recording carriers and remembers them."""

    def __init__(self) -> None:
        self.made: list[doc.Carrier] = []

    def __call__(self, document: doc.Carrier) -> Carrier:
        self.made.append(document)
        return RecordingCarrier(document.name)


@pytest.fixture
async def factory() -> Factory:
    return Factory()


@pytest.fixture
async def carriers(rig: DeliveryRig, factory: Factory) -> AsyncIterator[RunningCarriers]:
    carriers = RunningCarriers(rig.committer, factory, refuse_handset_beside_carriers)
    await carriers.start()
    yield carriers
    await carriers.stop()


async def put(
    rig: DeliveryRig, *documents: doc.AnyDocument, remove: tuple[tuple[str, str], ...] = ()
) -> None:
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents, remove=remove))
    await rig.committer.between_batches(rig._nothing)


async def test_carriers_start_and_stop_with_their_documents(
    rig: DeliveryRig, carriers: RunningCarriers, factory: Factory
) -> None:
    """A running server needs no restart for a new carrier; an unchanged one is left alone."""
    assert not carriers
    await put(rig, doc.Carrier(name="one", type="test"), doc.Carrier(name="two", type="test"))
    assert set(carriers) == {"one", "two"}
    await put(rig, doc.Carrier(name="two", type="test", settings={"window": 2}))
    assert [made.name for made in factory.made] == ["one", "two", "two"]
    await put(rig, doc.Carrier(name="two", type="test", state="inactive"), remove=(("carrier", "one"),))
    assert not carriers


async def test_a_handset_beside_real_carriers_is_refused(
    rig: DeliveryRig, carriers: RunningCarriers, factory: Factory
) -> None:
    """At the start that is fatal; a server that runs keeps the carriers that it has."""
    await put(rig, doc.Carrier(name="real", type="smpp"))
    await put(rig, doc.Carrier(name="phone", type="handset"))
    assert set(carriers) == {"real"}
    second = RunningCarriers(rig.committer, factory, refuse_handset_beside_carriers)
    with pytest.raises(CarrierRefused, match="simulated handset"):
        await second.start()
