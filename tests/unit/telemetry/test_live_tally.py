"""What a process counts for pages that are live."""

from msgspec.structs import replace

from onema.domain.ids import AccountId
from onema.domain.live_figures import Counted, bucket_of, percentile
from onema.domain.values.money import Minor
from onema.telemetry.metrics import Metrics

from .ended_message import ENDED


def test_messages_are_counted_by_account_until_they_are_taken() -> None:
    """Each once: how many came, ended, arrived and were verified, what they cost, how soon they arrived."""
    live = Metrics().live
    live.accepted(ENDED)
    live.accepted(replace(ENDED, verification=0))
    live.ended(ENDED)
    live.ended(replace(ENDED, state="failed", charged=Minor(0)))
    live.verified(7)
    live.accepted(replace(ENDED, account=AccountId(8)))
    counted, _ = live.take()
    assert counted[7] == Counted(2, 1, 2, 1, 1, 8_500_000, {bucket_of(2_000): 1})
    assert counted[8] == Counted(1, 1)
    assert live.take() == ({}, {})


def test_refusals_are_counted_by_name_and_reason() -> None:
    """Those of keys that nobody has, too: by way of the metrics, which hear of all."""
    metrics = Metrics()
    for account, reason in (("acme", "rate_limited"), ("acme", "rate_limited"), ("", "unknown_key")):
        metrics.refusal(account, reason)
    assert metrics.live.take()[1] == {"acme": {"rate_limited": 2}, "": {"unknown_key": 1}}


def test_percentiles_are_right_to_a_few_percent() -> None:
    """From a millisecond to hours; there is none without any time."""
    times: dict[int, int] = {}
    for milliseconds in range(10, 10_010, 10):
        times[bucket_of(milliseconds)] = times.get(bucket_of(milliseconds), 0) + 1
    half, most = percentile(times, 0.5), percentile(times, 0.99)
    assert abs((half or 0) - 5_000) < 400
    assert abs((most or 0) - 9_900) < 800
    assert percentile({}, 0.5) is None
    assert percentile({bucket_of(0): 1}, 0.5) == 1


def test_what_was_added_is_gone_when_it_is_taken_away() -> None:
    """Else a window of time would only grow."""
    sums, one = Counted(), Counted(3, 2, 1, 1, 1, 5, {4: 2}, {"limit": 1})
    sums.add(one)
    sums.add(one)
    sums.add(one, -1)
    assert sums == one
