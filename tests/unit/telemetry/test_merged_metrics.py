import re

from prometheus_client.core import GaugeMetricFamily

from onema.telemetry.merged_metrics import MergedMetrics
from onema.telemetry.metrics import Metrics


def counted(**kinds: int) -> Metrics:
    metrics = Metrics()
    for kind, amount in kinds.items():
        metrics.command(kind, "done", amount)
    return metrics


def text(metrics: Metrics) -> str:
    return metrics.render().decode()


def lines(merged: MergedMetrics) -> list[str]:
    return merged.render().decode().splitlines()


def commands(merged: MergedMetrics, kind: str) -> float:
    return next(
        float(line.rpartition(" ")[2])
        for line in lines(merged)
        if line.startswith(f'onema_commands_total{{kind="{kind}"')
    )


def test_counters_and_histograms_are_sums() -> None:
    """Over all workers, series that only one of them has included; one HELP and TYPE each."""
    first, second = counted(send=3), counted(send=4, check=5)
    first.exchanges("esms").observe("ok", 0.003)
    second.exchanges("esms").observe("ok", 0.0007)
    second.exchanges("vbee").observe("ok", 99.0)
    merged = MergedMetrics()
    merged.update(1, text(first))
    merged.update(2, text(second))
    assert (commands(merged, "send"), commands(merged, "check")) == (7, 5)
    found = lines(merged)
    assert 'onema_http_request_seconds_bucket{api="esms",le="0.001"} 1.0' in found
    assert 'onema_http_request_seconds_bucket{api="esms",le="+Inf"} 2.0' in found
    assert 'onema_http_request_seconds_count{api="vbee"} 1.0' in found
    assert 'onema_http_request_seconds_sum{api="esms"} 0.0037' in found
    assert found.count("# TYPE onema_commands_total counter") == 1


def test_merging_one_worker_changes_no_count() -> None:
    """What is counted reads the same as without workers."""
    metrics = counted(send=3)
    metrics.exchanges("esms").observe("ok", 0.003)
    merged = MergedMetrics()
    merged.update(1, text(metrics))
    own = {
        line for line in text(metrics).splitlines() if re.match(r"onema_\w+_(total|bucket|count|sum)\b", line)
    }
    assert own
    assert own <= set(lines(merged))


def test_a_gauge_names_its_worker() -> None:
    """A sum of start times or of memory would be nobody's."""
    merged = MergedMetrics()
    merged.update(1, text(counted()))
    merged.update(2, text(counted()))
    starts = [line.split(" ")[0] for line in lines(merged) if line.startswith("process_start_time_seconds")]
    assert starts == ['process_start_time_seconds{worker="1"}', 'process_start_time_seconds{worker="2"}']


def test_what_a_worker_counted_stays_when_it_ends() -> None:
    """Under the same number another begins at nothing, and the sum goes on from where it was."""
    merged = MergedMetrics()
    merged.update(1, text(counted(send=3)))
    merged.update(2, text(counted(send=4)))
    merged.retire(2)
    assert commands(merged, "send") == 7
    assert not [line for line in lines(merged) if 'worker="2"' in line]
    merged.update(2, text(counted(send=1)))
    assert commands(merged, "send") == 8
    merged.retire(2)
    merged.retire(2)
    assert commands(merged, "send") == 8


def test_what_is_known_of_all_stands_in_place_of_each_ones() -> None:
    """Readiness is one truth, not one per worker."""
    merged = MergedMetrics()
    merged.update(1, text(counted()))
    rendered = merged.render((GaugeMetricFamily("onema_ready", "1 when all are ready", 0.0),)).decode()
    assert [line for line in rendered.splitlines() if line.startswith("onema_ready")] == ["onema_ready 0.0"]
