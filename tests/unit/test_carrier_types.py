"""The registry of carrier types makes carriers, or says why not."""

from collections.abc import Iterator
from typing import cast

import pytest

from onema.channels.contract import Carrier
from onema.delivery.carriers import CarrierRefused
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, Surroundings, carrier_factory

NOTHING_AROUND = cast(Surroundings, None)


def fails(document: doc.Carrier, around: Surroundings) -> Carrier:
    raise OSError("the socket of s3cret is not there")


def fails_looking(document: doc.Carrier) -> Iterator[Problem]:
    raise LookupError("no s3cret")


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (CarrierType(fails, CarrierSettings), "OSError"),
        (CarrierType(fails, CarrierSettings, check=fails_looking), "LookupError"),
    ],
)
def test_a_type_that_raises_keeps_no_other_carrier_from_running(
    monkeypatch: pytest.MonkeyPatch, broken: CarrierType, fault: str
) -> None:
    """Operators are told where it failed, without words that may quote a secret."""
    monkeypatch.setitem(CARRIER_TYPES, "broken", broken)
    with pytest.raises(CarrierRefused, match=rf"Carrier 'gate': {fault} at .*\.py:") as refused:
        carrier_factory(NOTHING_AROUND)(doc.Carrier(name="gate", type="broken"))
    assert "s3cret" not in str(refused.value)
