from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.check_code import CheckCode
from onema.domain.codes.send_text import SendText
from onema.domain.codes.send_together import SendTogether
from onema.domain.decision import Decision
from onema.domain.guard.found import Kind
from onema.domain.ids import AccountId, MessageId
from onema.domain.refusals import Found, Guarded, Refusal
from onema.domain.values.phone import Phone
from onema.telemetry.metrics import Metrics

FOUND = Found("country_budget", "poor_conversion_history", "record", "VN")
BLOCKED = FOUND._replace(mode="block")


def test_what_the_guard_finds_is_counted_by_rule_reason_and_mode() -> None:
    """Of messages that went out, and of those that were refused."""
    metrics = Metrics()
    command = CheckCode(account=AccountId(1), id=1, now=0, phone=Phone("+84901888484"), code="1")
    metrics.decided(command, Decision(Accepted(MessageId(1), found=(FOUND,))))
    metrics.guarded(command, Guarded(Refusal.ABUSE_SUSPECTED, (BLOCKED, BLOCKED)).found)
    lines = metrics.render().decode().splitlines()
    for mode, times in (("record", "1.0"), ("block", "2.0")):
        labels = f'mode="{mode}",reason="poor_conversion_history",rule="country_budget"'
        assert f"onema_guard_findings_total{{{labels}}} {times}" in lines


def test_findings_are_tallied_for_people() -> None:
    """By country and prefix, whether the message went out or not; of one to several phones without either."""
    metrics = Metrics()
    send = SendText(
        account=AccountId(7),
        id=MessageId(1),
        now=0,
        entropy=b"",
        dialect="test",
        phone=Phone("+84901888484"),
        home_country="VN",
        client_ip="",
        brandname="A",
        text="x",
    )
    metrics.guarded(send, (BLOCKED,))
    metrics.guarded(SendTogether((send, send)), (BLOCKED,))
    rule, mode = BLOCKED.rule, BLOCKED.mode
    assert metrics.findings.take()[AccountId(7)] == {
        Kind(rule, mode, "VN", "+84901", refused=True): 1,
        Kind(rule, mode, "", "", refused=True): 1,
    }
