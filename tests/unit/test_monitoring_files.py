"""Alerts and the dashboard of deploy/: Prometheus' own tool reads them, and onema exports what they name."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.decision import Decision
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_receipt import Named, ReceiptResult, RecordReceipt
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Attempt, Event, Job, JobKind
from onema.domain.values.phone import Phone
from onema.node.messages import ReadMetrics
from onema.node.switchboard import Switchboard
from onema.telemetry.metrics import Metrics
from onema.testing.cluster import DEPLOY

from .telemetry.ended_message import ENDED

ALERTS = DEPLOY / "prometheus" / "onema-alerts.yml"
FIRED = Path(__file__).parent / "alerts_test.yml"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "onema.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What Prometheus adds to every series, and what workers add to gauges.
_ADDED = {"instance", "job", "worker"}


def promtool(*arguments: object) -> None:
    """Run it; what it complains about fails the test."""
    program = shutil.which("promtool")
    assert program is not None, (
        "promtool is missing: `apt-get install -y prometheus`, or let `./dev test` do it"
    )
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def dashboard_queries() -> Iterator[str]:
    """As Grafana sends them, for all nodes."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


def rule_queries() -> list[str]:
    """The expressions of the alerts, on one line or on several."""
    return re.findall(r"expr: (?:>-\n)?((?:.|\n)+?)\n +(?:for|labels):", ALERTS.read_text())


async def exported() -> dict[str, set[str]]:
    """Every series that a busy node with workers exports, by name, with the names of its labels."""
    metrics = Metrics()
    metrics.exchanges("esms").observe("ok", 0.1)
    metrics.command("SendCode", "done")
    metrics.ended(ENDED)
    metrics.batch(1, 0.1)
    metrics.refusal("acme", "rate_limited")
    metrics.dead_job("sms")
    job = Job(1, JobKind.SMS, AccountId(7), MessageId(1), 0, 1, 1, in_flight=True, payload=b"")
    metrics.decided(StartAttempt(job=1, lease=1, now=0, lease_until=0, carrier="c"), Decision(1, puts=(job,)))
    check = CheckCode(account=AccountId(7), id=2, now=0, phone=Phone("+84901888484"), code="1")
    metrics.decided(check, Decision(Check.RIGHT, inserts=(Event(AccountId(7), 1, 2, "verified", ""),)))
    metrics.attempt("smsc", "submitted")
    attempt = Attempt(AccountId(7), MessageId(1), 1, "smsc", "", "delivered", "r", "", 0, 5_000)
    receipt = RecordReceipt(
        id=3,
        now=5_000,
        carrier="smsc",
        reference="r",
        named=Named(AccountId(7), MessageId(1), 1),
        outcome=Outcome(kind=OutcomeKind.DELIVERED),
        forget_at=0,
    )
    metrics.decided(receipt, Decision(ReceiptResult.COUNTED, puts=(attempt,)))
    assert sum(metrics.receipt_lags("smsc")) == 1
    metrics.receipt("smsc", "counted")
    metrics.watch_capacity(lambda: {"smsc": 2})
    metrics.watch_carriers(lambda: {"smsc": 1})
    metrics.watch_voice_probes(lambda figure: {"trunk": 1.0})
    metrics.watch_carrier_figures(lambda figure: {"smsc": 1.0})
    metrics.watch_store(lambda: {("sms",): 1.0}, lambda: {("acme", "VND"): 1.0})
    metrics.watch_low_balances(lambda: {(): 1.0})
    metrics.tell_build("1.2.3", "sqlite")
    text = f"{metrics.render().decode()}{await Switchboard(2).answer(ReadMetrics())}"
    found: dict[str, set[str]] = {"up": set()}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


def test_prometheus_takes_its_configuration_and_the_alerts() -> None:
    """The file of rules that the configuration names lies beside it."""
    promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """promtool plays hours of series: a bad day, a good one, and a restart at night."""
    promtool("test", "rules", FIRED)


def test_every_alert_is_seen_to_fire() -> None:
    """A new one needs series of its own in the tests of the alerts."""
    names = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert sorted(re.findall(r'alertname="(\w+)"', FIRED.read_text())) == sorted(names)
    assert len(set(names)) == len(names) >= 15


def test_every_query_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    """As rules, which promtool reads."""
    queries = list(dashboard_queries())
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # YAML reads JSON
    promtool("check", "rules", file)
    assert len(queries) >= 30


async def test_what_alerts_and_dashboard_ask_for_is_exported() -> None:
    """Each metric, and each label that it is chosen or grouped by."""
    series = await exported()
    queries = [*dashboard_queries(), *rule_queries()]
    assert len(queries) >= 45
    for query in queries:
        names = set(re.findall(r"\b(?:onema|process)_\w+|\bup\b", query))
        assert names, query
        assert names - set(series) == set(), query
        known = _ADDED.union(*(series[name] for name in names))
        assert labels_of(query) - known == set(), query


def labels_of(query: str) -> set[str]:
    """Those in selectors and in `by (...)`."""
    chosen = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query)
    grouped = [name for group in re.findall(r"\bby \(([^)]*)\)", query) for name in group.split(",")]
    return {*chosen, *(name.strip() for name in grouped)}


async def test_the_dashboard_shows_every_metric_of_ours() -> None:
    """Whoever adds one finds a place for it."""
    shown = " ".join(dashboard_queries())
    families = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in await exported()}
    assert {name for name in families if name.startswith("onema_") and name not in shown} == set()


def test_the_panels_can_be_imported() -> None:
    """Numbered once, on a grid of 24 columns without overlaps, each with a title, words and the chosen data source."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"], panel["title"]
        assert uids(panel) == {"${datasource}"}, panel["title"]
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])


def uids(panel: dict[str, Any]) -> set[str]:
    asked: Sequence[dict[str, Any]] = [panel, *panel["targets"]]
    return {each["datasource"]["uid"] for each in asked}


@pytest.mark.parametrize("variable", ["$instance", "$__rate_interval"])
def test_the_dashboard_uses_its_variables(variable: str) -> None:
    """A choice of nodes that changes nothing would mislead."""
    assert any(variable in target["expr"] for panel in PANELS for target in panel["targets"])
