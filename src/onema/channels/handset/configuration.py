"""What may be configured of a handset."""

from collections.abc import Iterator

from onema.domain.configuration.documents import Carrier
from onema.domain.configuration.problems import Problem


def problems_of(carrier: Carrier) -> Iterator[Problem]:
    if carrier.per_second:
        yield Problem("per_second", "leave it at 0, since a handset keeps no pace")


def advice(carrier: Carrier) -> Iterator[Problem]:
    if carrier.settings:
        yield Problem("settings", "a handset has none, and reads none of these")
