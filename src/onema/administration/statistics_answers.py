"""Who answers what is asked of what was counted."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from onema.administration.asking import Request
from onema.administration.quality import read_quality, read_routing_log
from onema.administration.statistics import read_statistics
from onema.administration.statistics_requests import ReadQuality, ReadRoutingLog, ReadStatistics
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage


def statistics_answers(
    gateway: Gateway, storage: Storage
) -> Mapping[type[Request[Any]], Callable[[Any], Awaitable[Any]]]:
    """By request. Each raises Refused."""
    return {
        ReadStatistics: lambda one: read_statistics(gateway, storage, one),
        ReadQuality: lambda one: read_quality(gateway, storage, one),
        ReadRoutingLog: lambda one: read_routing_log(gateway, storage, one),
    }
