"""Which trunks are probed, and how their probes ask for a call."""

from onema.administration.requests import TestCall
from onema.channels.voice_sip.configuration import Settings
from onema.channels.voice_sip.probing import Plan, plan_of


def test_a_trunk_says_whether_it_is_probed() -> None:
    """By its own settings; minutes of 0 are never."""
    settings = Settings(
        domain="sip.example.com",
        probe_number="+842473000999",
        probe_listen="[2001:db8::1]:5070",
        probe_minutes=15,
    )
    assert plan_of(settings) == Plan("+842473000999", "2001:db8::1", 5070, 900)
    assert plan_of(Settings(domain="sip.example.com")) is None


def test_neither_a_plan_nor_its_request_shows_numbers() -> None:
    """They may stand in logs."""
    told = repr(Plan("+842473000999", "192.0.2.1", 5070, 900))
    told += repr(TestCall(carrier="trunk", phone="+842473000999", code="407193", seconds=60))
    assert "2473000999" not in told
    assert "407193" not in told
