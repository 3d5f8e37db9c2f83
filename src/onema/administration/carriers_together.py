"""How carriers are, over all processes that run them."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from onema.channels.contract import CarrierStatus
from onema.domain.delivery.receipt_lag import added, quantile
from onema.domain.values.times import show_time


def all_together(found: Iterable[CarrierStatus]) -> list[dict[str, Any]]:
    """One for each carrier, with what each process says of it."""
    ordered = sorted(found, key=lambda one: (one.name, one.process))
    return [_together(list(alike)) for _, alike in groupby(ordered, key=lambda one: one.name)]


def _together(processes: Sequence[CarrierStatus]) -> dict[str, Any]:
    first = processes[0]
    runs = [one for one in processes if one.since or one.last_error]
    lags: tuple[int, ...] = ()
    for one in processes:
        lags = added(lags, one.lags)
    errors = [one.last_error or one.last_failure for one in runs]
    return {
        "name": first.name,
        "type": first.type,
        "state": first.state,
        "ready": any(one.ready for one in runs),
        "ready_in": sum(one.ready for one in runs),
        "runs_in": len(runs),
        "since": show_time(max((one.since for one in runs), default=0)),
        "binds": _sum(one.figures.binds for one in runs),
        "binds_wanted": _sum(one.figures.binds_wanted for one in runs),
        "window": _sum(one.figures.window for one in runs),
        "window_used": _sum(one.figures.in_flight for one in runs),
        "waiting": _sum(one.figures.waiting for one in runs),
        "calls": _calls(runs),
        "in_flight": sum(one.in_flight for one in runs),
        "per_second": round(sum(one.per_second for one in runs), 1),
        "lowered_to": round(sum(one.lowered_to for one in runs), 1),
        "breaker": _worst([one.breaker for one in runs]),
        "receipts": {
            "count": sum(lags),
            "half_within_seconds": _rounded(quantile(lags, 0.5)),
            "99_of_100_within_seconds": _rounded(quantile(lags, 0.99)),
        },
        "last_error": next(filter(None, errors), ""),
        "processes": [_process(one) for one in processes if one.process],
    }


def _calls(processes: Sequence[CarrierStatus]) -> dict[str, Any]:
    """Averages weigh as many calls as each process had lately."""
    return {
        "up": _sum(one.figures.calls for one in processes),
        "lately": _sum(one.figures.calls_lately for one in processes),
        **{
            name: _average((getattr(one.figures, name), one.figures.calls_lately or 0) for one in processes)
            for name in ("answered", "ring_seconds", "loss", "jitter_ms")
        },
    }


def _average(weighed: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in weighed if value is not None and weight]
    return (
        sum(value * weight for value, weight in known) / sum(weight for _, weight in known) if known else None
    )


def _process(one: CarrierStatus) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    for known in ("name", "type", "lags"):
        del told[known]
    times = {name: show_time(told[name]) if told[name] else "" for name in ("since", "reported_at")}
    return {**told, **times}


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _worst(states: Sequence[str]) -> str:
    return next((state for state in ("open", "half-open") if state in states), "closed")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
