import platform
import re
from pathlib import Path

import msgspec

from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.decision import Decision
from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import Call, Event, Job, JobKind
from onema.domain.values.phone import Phone
from onema.node.messages import ReadMetrics
from onema.node.switchboard import Switchboard
from onema.telemetry.health import Readiness
from onema.telemetry.metrics import Metrics

from .ended_message import ENDED


def test_exchanges_are_counted_and_timed() -> None:
    """One counter by API and outcome, one histogram by API."""
    metrics = Metrics()
    meter = metrics.exchanges("esms")
    meter.observe("ok", 0.0007)
    meter.observe("ok", 0.003)
    meter.observe("fault", 99.0)
    lines = metrics.render().decode().splitlines()
    assert 'onema_http_requests_total{api="esms",outcome="ok"} 2.0' in lines
    assert 'onema_http_requests_total{api="esms",outcome="fault"} 1.0' in lines
    assert 'onema_http_request_seconds_bucket{api="esms",le="0.0005"} 0.0' in lines
    assert 'onema_http_request_seconds_bucket{api="esms",le="0.001"} 1.0' in lines
    assert 'onema_http_request_seconds_bucket{api="esms",le="+Inf"} 3.0' in lines
    assert 'onema_http_request_seconds_count{api="esms"} 3.0' in lines


def test_every_part_of_the_house_has_its_counter() -> None:
    """The committer and delivery are exported under the words of the design."""
    metrics = Metrics()
    metrics.batch(17, 0.002)
    metrics.command("send_sms_code", "done", 17)
    metrics.ended(ENDED)
    lines = metrics.render().decode().splitlines()
    assert 'onema_batch_commands_bucket{le="32.0"} 1.0' in lines
    assert "onema_batch_seconds_count 1.0" in lines
    assert 'onema_commands_total{kind="send_sms_code",result="done"} 17.0' in lines
    assert 'onema_messages_total{channel="sms",state="delivered"} 1.0' in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)


async def test_the_document_lists_every_metric() -> None:
    """docs/operations/observing.md names what a node with workers and carriers exports, and nothing else."""
    document = (Path(__file__).parents[3] / "docs/operations/observing.md").read_text()
    documented = set(re.findall(r"^\| `(onema_\w+)`", document, re.MULTILINE))
    metrics = Metrics()
    metrics.watch_capacity(lambda: {"smsc": 2})
    metrics.watch_carriers(lambda: {"smsc": 1})
    metrics.watch_voice_probes(lambda figure: {"trunk": 1.0})
    metrics.watch_carrier_figures(lambda figure: {"smsc": 1})
    metrics.watch_store(dict, dict)
    metrics.watch_low_balances(dict)
    metrics.tell_build("1.2.3", "sqlite")
    of_workers = await Switchboard(2).answer(ReadMetrics())
    rendered = f"{metrics.render().decode()}{of_workers}"
    assert set(re.findall(r"^# TYPE (onema_\w+)", rendered, re.MULTILINE)) == documented


def test_two_servers_in_one_process_do_not_share_metrics() -> None:
    """There is no global registry."""
    first, second = Metrics(), Metrics()
    first.command("check", "done")
    assert b'kind="check"' not in second.render()


def test_the_readiness_gauge_follows_the_conditions() -> None:
    """Ready once each named condition is true, and no longer when one is lost."""
    readiness = Readiness("store", "listener")
    metrics = Metrics()
    metrics.watch_readiness(readiness)
    readiness.mark("store")
    assert (readiness(), readiness.missing) == (False, ("listener",))
    readiness.mark("listener")
    assert b"onema_ready 1.0" in metrics.render()
    readiness.mark("store", met=False)
    assert b"onema_ready 0.0" in metrics.render()


def test_the_build_says_what_runs() -> None:
    """So that a dashboard shows which node has which version."""
    metrics = Metrics()
    metrics.tell_build("1.2.3", "sqlite")
    python = platform.python_version()
    expected = f'onema_build_info{{python="{python}",store="sqlite",version="1.2.3"}} 1.0'
    assert expected in metrics.render().decode()


def test_the_time_to_the_handover_is_counted_by_channel_and_once_per_message() -> None:
    """The first try counts: a second one comes because a carrier could not. What was asked for later should wait."""
    metrics, request = Metrics(), first_id_at(1_000_000_000_000)
    for kind, number, waited in (
        (JobKind.SMS, 1, 40),
        (JobKind.CALL, 1, 2_000),
        (JobKind.SMS, 2, 9_000),
        (JobKind.SMS, 0, 9_000),
        (JobKind.SCHEDULED, 1, 9_000_000),
    ):
        command = StartAttempt(
            job=request, lease=1, now=1_000_000_000_000 + waited, lease_until=0, carrier="c"
        )
        job = Job(request, kind, AccountId(7), MessageId(request), 0, 1, number, in_flight=True, payload=b"")
        metrics.decided(command, Decision(number, puts=(job,)))
    text = metrics.render().decode()
    assert 'onema_handover_seconds_sum{channel="sms"} 0.04' in text
    assert 'onema_handover_seconds_sum{channel="call"} 2.0' in text
    assert text.count('onema_handover_seconds_count{channel="sms"} 1.0') == 1


def test_the_time_to_the_right_check_is_counted() -> None:
    """Wrong ones are no end; a clock that is behind makes no negative time."""
    metrics, sent = Metrics(), first_id_at(1_000_000_000_000)
    for check, after in ((Check.RIGHT, 21_000), (Check.WRONG, 5_000), (Check.RIGHT, -500)):
        command = CheckCode(
            account=AccountId(7),
            id=sent + 1,
            now=1_000_000_000_000 + after,
            phone=Phone("+84901888484"),
            code="1",
        )
        metrics.decided(
            command, Decision(check, inserts=(Event(AccountId(7), sent, sent + 1, "verified", ""),))
        )
    text = metrics.render().decode()
    assert "onema_verified_seconds_sum 21.0" in text
    assert "onema_verified_seconds_count 2.0" in text


def test_capacity_is_read_when_it_is_asked_for() -> None:
    """The share of now, not of when the carrier was started."""
    metrics, capacity = Metrics(), {"smsc": 2}
    metrics.watch_capacity(lambda: capacity)
    assert b'onema_carrier_capacity{carrier="smsc"} 2.0' in metrics.render()
    capacity["smsc"] = 1
    assert b'onema_carrier_capacity{carrier="smsc"} 1.0' in metrics.render()


def test_carriers_say_whether_they_are_ready() -> None:
    """Each that runs here, as it is now."""
    metrics = Metrics()
    metrics.watch_carriers(lambda: {"smsc": 0, "trunk": 1})
    text = metrics.render()
    assert b'onema_carrier_ready{carrier="smsc"} 0.0' in text
    assert b'onema_carrier_ready{carrier="trunk"} 1.0' in text


def test_receipts_are_counted_by_what_became_of_them() -> None:
    """A rising number that matches nothing is seen."""
    metrics = Metrics()
    metrics.receipt("smsc", "counted")
    metrics.receipt("smsc", "unmatched")
    metrics.receipt("smsc", "unmatched")
    assert b'onema_receipts_total{carrier="smsc",result="unmatched"} 2.0' in metrics.render()


def test_figures_of_carriers_are_read_when_they_are_asked_for() -> None:
    """Each by its own name; a carrier that has no such figure has no series."""
    metrics = Metrics()
    asked: list[str] = []

    def read(figure: str) -> dict[str, float]:
        asked.append(figure)
        return {"smsc": float(len(asked))}

    metrics.watch_carrier_figures(read)
    names = [
        "onema_carrier_in_flight",
        "onema_carrier_breaker_open",
        "onema_carrier_lowered_pace",
        "onema_carrier_binds",
        "onema_carrier_binds_wanted",
        "onema_carrier_window",
        "onema_carrier_window_used",
        "onema_carrier_waiting",
        "onema_carrier_calls",
        "onema_carrier_calls_lately",
        "onema_carrier_answered_ratio",
        "onema_carrier_ring_seconds",
        "onema_carrier_loss_ratio",
        "onema_carrier_jitter_seconds",
    ]
    text = metrics.render().decode()
    for number, name in enumerate(names, 1):
        assert f'{name}{{carrier="smsc"}} {number}.0' in text
    assert [f"onema_carrier_{figure}" for figure in asked] == names


def test_what_probes_of_trunks_heard_is_told_by_carrier() -> None:
    """Each figure by its own name."""
    metrics = Metrics()
    metrics.watch_voice_probes(lambda figure: {"trunk": 1.0})
    text = metrics.render().decode()
    for name in (
        "onema_voice_probe_success",
        "onema_voice_probe_timestamp_seconds",
        "onema_voice_probe_ring_seconds",
        "onema_voice_probe_lost_ratio",
        "onema_voice_probe_every_seconds",
    ):
        assert f'{name}{{carrier="trunk"}} 1.0' in text


def test_attempts_are_counted_by_what_the_carrier_said() -> None:
    """Each outcome is a series."""
    metrics = Metrics()
    metrics.attempt("smsc", "unknown")
    assert b'onema_attempts_total{carrier="smsc",outcome="unknown"} 1.0' in metrics.render()


async def test_readiness_can_be_awaited() -> None:
    """Main prints the address only when the server can answer."""
    readiness = Readiness("store")
    readiness.mark("store")
    await readiness.wait()
    assert readiness()


def test_calls_are_counted_by_how_they_ended() -> None:
    """With how long phones rang and were talked to; what a carrier takes for abuse is counted by itself."""
    metrics = Metrics()
    facts = CallFacts(ring_seconds=3.0, talk_seconds=12.0)
    for ending, call in (
        (Ending.ANSWERED, facts),
        (Ending.BUSY, CallFacts()),
        (Ending.BLOCKED, CallFacts()),
        (Ending.BLOCKED, None),
    ):
        outcome = msgspec.structs.replace(ended(ending), call=call)
        row = Call(
            AccountId(1),
            MessageId(2),
            1,
            "trunk",
            "ended",
            1,
            ending=ending,
            ring_ms=round(outcome.call.ring_seconds * 1000) if outcome.call else 0,
            talk_ms=round(outcome.call.talk_seconds * 1000) if outcome.call else 0,
        )
        command = RecordOutcome(
            id=3,
            now=4,
            account=AccountId(1),
            message=MessageId(2),
            attempt=1,
            outcome=outcome,
            receipt_until=5,
            carrier="trunk",
        )
        metrics.decided(command, Decision(True, puts=(row,) if call else ()))
        metrics.decided(command, Decision(False))
    text = metrics.render().decode()
    assert 'onema_calls_total{carrier="trunk",ending="busy"} 1.0' in text
    assert 'onema_calls_total{carrier="trunk",ending="blocked by the carrier"} 1.0' in text
    assert 'onema_suspected_total{carrier="trunk"} 2.0' in text
    assert 'onema_call_ring_seconds_sum{carrier="trunk"} 3.0' in text
    assert 'onema_call_talk_seconds_count{carrier="trunk"} 1.0' in text
