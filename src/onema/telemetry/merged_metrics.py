"""The metrics of several processes as one.

Counters and histograms are sums, and what a process counted stays counted after its end: as far as it was told
before, so that no sum that anybody saw ever goes back. A gauge is one process's own and gets its number as the
label `worker`.
"""

from collections.abc import Collection, Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_SUMMED = ("counter", "histogram")

_Labels = tuple[tuple[str, str], ...]


class _Sums:
    """One counter or histogram, added up."""

    def __init__(self, family: Metric) -> None:
        self._family = family
        self._values: dict[tuple[str, _Labels], float] = {}
        """By the sample's name and labels."""

    def add(self, family: Metric) -> None:
        for sample in family.samples:
            key = (sample.name, tuple(sample.labels.items()))
            self._values[key] = self._values.get(key, 0.0) + sample.value

    def total(self) -> Metric:
        family = Metric(self._family.name, self._family.documentation, self._family.type)
        for (name, labels), value in self._values.items():
            family.add_sample(name, dict(labels), value)
        return family


class MergedMetrics:
    """Holds the newest metrics of each process."""

    def __init__(self) -> None:
        self._newest: dict[int, list[Metric]] = {}
        """By number, what each running worker said last."""
        self._retired: list[Metric] = []
        """The sums of all that have ended."""

    def update(self, worker: int, text: str) -> None:
        """The worker's metrics now, in Prometheus' text format."""
        self._newest[worker] = list(text_string_to_metric_families(text))

    def retire(self, worker: int) -> None:
        """The worker has ended; another may come under its number."""
        ended = self._newest.pop(worker, [])
        self._retired = list(_summed([*self._retired, *ended]))

    def render(self, own: Collection[Metric] = ()) -> bytes:
        """All of them in Prometheus' text format; a family of `own` stands in place of the workers'."""
        named = {family.name for family in own}
        families = [*self._retired, *(family for each in self._newest.values() for family in each)]
        merged = [*_summed(families), *self._labelled()]
        return generate_latest(_Families([*own, *(each for each in merged if each.name not in named)]))

    def _labelled(self) -> Iterator[Metric]:
        gauges: dict[str, Metric] = {}
        for worker, families in sorted(self._newest.items()):
            for family in families:
                if family.type in _SUMMED:
                    continue
                gauge = gauges.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                gauge.samples += [_of_worker(sample, worker) for sample in family.samples]
        yield from gauges.values()


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _summed(families: Iterable[Metric]) -> Iterator[Metric]:
    sums: dict[str, _Sums] = {}
    for family in families:
        if family.type in _SUMMED:
            sums.setdefault(family.name, _Sums(family)).add(family)
    for each in sums.values():
        yield each.total()


def _of_worker(sample: Sample, worker: int) -> Sample:
    return Sample(sample.name, {**sample.labels, "worker": str(worker)}, sample.value)
