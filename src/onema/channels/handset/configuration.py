"""What may be configured of a handset."""

from collections.abc import Iterator

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.documents import Carrier
from onema.domain.configuration.problems import Problem


class Settings(CarrierSettings, frozen=True, kw_only=True):
    """A handset has none."""


def problems_of(carrier: Carrier) -> Iterator[Problem]:
    if carrier.per_second:
        yield Problem("per_second", "leave it at 0, since a handset keeps no pace")
