"""How carriers are, as tables."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

COLUMNS = (
    *("name", "type", "state", "ready", "since", "binds", "window", "waiting", "rate", "pace", "breaker"),
    *("receipts", "calls", "last error"),
)


def row(carrier: dict[str, Any]) -> tuple[str, ...]:
    """For the table."""
    ready, runs = carrier["ready_in"], carrier["runs_in"]
    lag = carrier["receipts"]
    pace = f"lowered to {carrier['lowered_to']}" if carrier["lowered_to"] else ""
    return (
        carrier["name"],
        carrier["type"],
        carrier["state"],
        "not here" if not runs else ("yes" if ready else "no") if runs == 1 else f"in {ready} of {runs}",
        carrier["since"] if runs else "",
        _of(carrier["binds"], carrier["binds_wanted"]),
        _of(carrier["window_used"], carrier["window"]) or str(carrier["in_flight"]),
        "" if carrier["waiting"] is None else str(carrier["waiting"]),
        f"{carrier['per_second']}/s",
        pace,
        carrier["breaker"],
        f"{lag['half_within_seconds']} s, 99%: {lag['99_of_100_within_seconds']} s" if lag["count"] else "",
        _shown_calls(carrier["calls"]),
        carrier["last_error"],
    )


def _shown_calls(calls: dict[str, Any]) -> str:
    if calls["up"] is None:
        return ""
    told = [f"{calls['up']} up"]
    for name, shown in _CALL_FIGURES.items():
        if calls[name] is not None:
            told.append(shown(calls[name]))
    return ", ".join(told)


_CALL_FIGURES: Mapping[str, Callable[[float], str]] = {
    "answered": lambda share: f"{share:.0%} answered",
    "ring_seconds": lambda seconds: f"ring {seconds:.1f} s",
    "loss": lambda share: f"loss {share:.1%}",
    "jitter_ms": lambda jitter: f"jitter {jitter:.0f} ms",
}


def process_rows(carriers: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            carrier["name"],
            one["process"],
            "yes" if one["ready"] else "no",
            _of(one["figures"]["binds"], one["figures"]["binds_wanted"]),
            str(one["in_flight"]),
            f"{one['per_second']}/s",
            one["breaker"],
            one["last_error"] or one["last_failure"],
            one["reported_at"],
        )
        for carrier in carriers
        for one in carrier["processes"]
        if one["since"] or one["last_error"]
    ]


PROCESS_COLUMNS = (
    "name",
    "process",
    "ready",
    "binds",
    "in flight",
    "rate",
    "breaker",
    "last error",
    "said at",
)


def _of(some: int | None, wanted: int | None) -> str:
    if some is None:
        return ""
    return str(some) if wanted is None else f"{some} of {wanted}"
