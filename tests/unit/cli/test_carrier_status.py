"""How carriers are, over all processes."""

from onema.administration.carriers_together import all_together
from onema.channels.contract import CarrierStatus, Figures
from onema.cli.carrier_status import COLUMNS, PROCESS_COLUMNS, process_rows, row
from onema.domain.delivery.receipt_lag import BOUNDS, added, quantile

NOW = 1_800_000_000_000


def counts(**seconds: int) -> tuple[int, ...]:
    """By bucket: `at_<bound in ms>=how many`."""
    found = [0] * (len(BOUNDS) + 1)
    for name, count in seconds.items():
        found[BOUNDS.index(int(name.removeprefix("at_")) / 1000)] = count
    return tuple(found)


ONE = CarrierStatus(
    "smsc",
    "smpp",
    "active",
    ready=True,
    since=NOW,
    process="one",
    reported_at=NOW,
    figures=Figures(binds=2, binds_wanted=2, in_flight=7, window=20, waiting=3),
    in_flight=10,
    per_second=40.0,
    lags=counts(at_1000=50),
)
TWO = CarrierStatus(
    "smsc",
    "smpp",
    "active",
    since=NOW,
    last_error="the link is down",
    process="two",
    reported_at=NOW,
    figures=Figures(binds=0, binds_wanted=2, in_flight=0, window=20, waiting=0),
    per_second=2.5,
    breaker="open",
    lags=counts(at_1000=48, at_60000=2),
)


def test_what_processes_say_of_a_carrier_is_added_up() -> None:
    """The worst breaker, the last error that there is, and percentiles over all receipts."""
    (found,) = all_together([TWO, ONE])
    assert row(found) == (
        *("smsc", "smpp", "active", "in 1 of 2", "2027-01-15T08:00:00.000Z"),
        *("2 of 4", "7 of 40", "3", "42.5/s", "", "open", "0.8 s, 99%: 45.0 s", "", "the link is down"),
    )
    assert len(row(found)) == len(COLUMNS)


def test_each_process_can_be_seen_by_itself() -> None:
    """And when it said so."""
    rows = process_rows(all_together([TWO, ONE]))
    assert [(one[1], one[2], one[3], one[6]) for one in rows] == [
        ("one", "yes", "2 of 2", "closed"),
        ("two", "no", "0 of 2", "open"),
    ]
    assert {len(one) for one in rows} == {len(PROCESS_COLUMNS)}


def test_calls_of_a_trunk_are_told_over_all_processes() -> None:
    """Averages weigh as many calls as each process had lately; what no far end reports is left out."""
    one = CarrierStatus(
        *("trunk", "sip", "active"),
        since=NOW,
        figures=Figures(calls=3, calls_lately=30, answered=0.5, ring_seconds=10.0, loss=0.01, jitter_ms=4.0),
    )
    two = CarrierStatus(
        *("trunk", "sip", "active"), since=NOW, figures=Figures(calls=1, calls_lately=10, answered=0.9)
    )
    idle = CarrierStatus(*("trunk", "sip", "active"), since=NOW, figures=Figures(calls=0, calls_lately=0))
    (found,) = all_together([one, two, idle])
    assert row(found)[-2] == "4 up, 60% answered, ring 10.0 s, loss 1.0%, jitter 4 ms"
    (found,) = all_together([idle])
    assert row(found)[-2] == "0 up"
    assert found["calls"] == {
        "up": 0,
        "lately": 0,
        "answered": None,
        "ring_seconds": None,
        "loss": None,
        "jitter_ms": None,
    }


def test_a_carrier_that_no_process_runs_is_not_here() -> None:
    """Its document says what it is."""
    (found,) = all_together([CarrierStatus("spare", "smpp", "draining")])
    assert row(found)[:5] == ("spare", "smpp", "draining", "not here", "")


def test_how_long_receipts_take_is_read_from_buckets() -> None:
    """Evenly filled ones; nothing without any, and the highest bound for what is above it."""
    assert quantile((), 0.5) is None
    assert quantile(counts(at_1000=10), 0.5) == 0.75
    assert quantile(counts(at_1000=10), 1.0) == 1.0
    assert quantile((0,) * len(BOUNDS) + (4,), 0.5) == BOUNDS[-1]
    assert added((), counts(at_500=1)) == counts(at_500=1)
    assert added(counts(at_500=1), counts(at_500=2)) == counts(at_500=3)
