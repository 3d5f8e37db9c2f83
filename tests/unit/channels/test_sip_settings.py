"""What a carrier of the type `sip` may be configured to be."""

from typing import Any, get_args

import pytest

from onema.channels.voice_sip.configuration import (
    Settings,
    Where,
    places,
    ports_of,
    problems_of,
    trunk_settings,
    where,
)
from onema.channels.voice_sip.presets import PRESETS, PresetName
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import described, settings_problems


def carrier(**settings: Any) -> doc.Carrier:
    full = {"domain": "sip.example.com", "auth_user": "acme", "password": "secret", **settings}
    return doc.Carrier(name="trunk", type="sip", settings=full)


def problems(**settings: Any) -> list[str]:
    """Their places."""
    document = carrier(**settings)
    found = list(settings_problems(Settings, document)) or list(problems_of(document))
    assert "secret" not in " ".join(map(str, found))
    return [problem.place.removeprefix("settings.") for problem in found]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("sip.example.com", Where("sip.example.com", None)),
        ("sip.example.com:5080", Where("sip.example.com", 5080)),
        ("10.0.0.1:5060", Where("10.0.0.1", 5060)),
        ("[2001:db8::1]:5061", Where("2001:db8::1", 5061)),
        ("[2001:db8::1]", Where("2001:db8::1", None)),
    ],
)
def test_a_place_has_a_port_or_is_looked_up(written: str, found: Where) -> None:
    """RFC 3263: a port that is written says that no SRV is asked."""
    assert where(written) == found


def test_the_domain_stands_apart_from_the_proxies() -> None:
    """Requests go to the proxies in their order, and to the domain where there are none."""
    assert places(Settings(domain="sip.example.com")) == (Where("sip.example.com", None),)
    assert places(Settings(domain="sip.example.com", proxies=("a.example.com:5060", "10.0.0.1"))) == (
        Where("a.example.com", 5060),
        Where("10.0.0.1", None),
    )


def test_ports_of_audio_are_a_range() -> None:
    """Or any that are free."""
    assert ports_of("") is None
    assert ports_of("20000-20003") == range(20_000, 20_004)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"domain": ""}, "domain"),
        ({"domain": "sip:example.com"}, "domain"),
        ({"domain": "example.com;lr"}, "domain"),
        ({"proxies": ["ok", "a:70000"]}, "proxies[1]"),
        ({"registrar": "a b"}, "registrar"),
        ({"from_domain": "a\r\nb"}, "from_domain"),
        ({"transport": "sctp"}, "transport"),
        ({"tls_ca_file": "/etc/ca.pem"}, "tls_ca_file"),
        ({"transport": "tls", "tls_key_file": "/etc/hosts"}, "tls_certificate_file"),
        ({"auth_user": ""}, "auth_user"),
        ({"auth_user": "", "password": "", "register": True}, "auth_user"),
        ({"auth_user": "a\nb"}, "auth_user"),
        ({"password": "secret\r\n"}, "password"),
        ({"realm": "a\0"}, "realm"),
        ({"from_user": "<sip:x>"}, "from_user"),
        ({"from_user": "{code}"}, "from_user"),
        ({"from_name": "a\r\nX: y"}, "from_name"),
        ({"to_user": "a@b"}, "to_user"),
        ({"identity": ["P-Asserted-Identity", "P-Asserted-Identity"]}, "identity"),
        ({"identity_user": "{caller"}, "identity_user"),
        ({"called_form": "national"}, "home"),
        ({"home": "Vietnam"}, "home"),
        ({"home": "XX"}, "home"),
        ({"caller": "+84 901"}, "caller"),
        ({"called_prefix": "12a"}, "called_prefix"),
        ({"headers": [{"name": "X Y", "value": ""}]}, "headers[0].name"),
        ({"headers": [{"name": "via", "value": ""}]}, "headers[0].name"),
        ({"headers": [{"name": "X-A", "value": "a\r\nVia: b"}]}, "headers[0].value"),
        ({"headers": [{"name": "X-A", "value": "{code}"}]}, "headers[0].value"),
        ({"codecs": []}, "codecs"),
        ({"codecs": ["PCMU", "PCMU"]}, "codecs"),
        ({"codecs": ["G729"]}, "codecs[0]"),
        ({"session_seconds": 60}, "session_seconds"),
        ({"answer_seconds": 40}, "answer_seconds"),
        ({"bind_address": "localhost"}, "bind_address"),
        ({"public_address": "example.com"}, "public_address"),
        ({"rtp_ports": "20000"}, "rtp_ports"),
        ({"rtp_ports": "30000-20000"}, "rtp_ports"),
        ({"start_key": "a"}, "start_key"),
        ({"start_key": "1", "telephone_events": False}, "telephone_events"),
        ({"statuses": [{"status": 200, "ending": "busy"}]}, "statuses[0].status"),
        ({"statuses": [{"status": 603, "ending": "answered"}]}, "statuses[0].ending"),
        ({"probe_minutes": 5, "probe_listen": "127.0.0.1:5070"}, "probe_number"),
        ({"probe_minutes": 5, "probe_number": "+84901888484"}, "probe_listen"),
        (
            {"probe_minutes": 5, "probe_number": "+84901888484", "probe_listen": "127.0.0.1"},
            "probe_listen",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], place: str) -> None:
    """With the place that must change, before the carrier is saved."""
    assert problems(**settings) == [place]


def test_usual_trunks_are_taken() -> None:
    """By address with nothing but a domain; registered, over TLS, with the number in another header."""
    assert problems(auth_user="", password="") == []
    assert (
        problems(
            transport="tls",
            register=True,
            proxies=["a.example.com", "b.example.com:5061"],
            from_user="{auth_user}",
            identity=["P-Asserted-Identity", "Diversion"],
            called_form="national",
            home="VN",
            headers=[{"name": "X-Account", "value": "{account}/{message}"}],
            start_key="1",
            probe_number="+84901888484",
            probe_minutes=15,
            probe_listen="192.0.2.1:5070",
        )
        == []
    )


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_set_of_defaults(name: str) -> None:
    """All that is wanted besides is a domain where each customer has one of their own, and credentials."""
    alone = doc.Carrier(name="trunk", type="sip", settings={"preset": name, "auth_user": "acme"})
    places = [problem.place for problem in problems_of(alone)]
    assert places == ([] if "domain" in PRESETS[name].settings else ["settings.domain"])
    assert problems(preset=name) == []
    assert PRESETS[name].source
    assert PRESETS[name].says.endswith(".")
    read = trunk_settings(carrier(preset=name))
    for setting, value in PRESETS[name].settings.items():
        if setting != "domain":
            kept = getattr(read, setting)
            assert (list(kept) if isinstance(kept, tuple) else kept) == value


def test_what_is_written_counts_more_than_a_preset() -> None:
    """Also where it is the usual default."""
    read = trunk_settings(carrier(preset="sipgate", identity=[], caller_form="+e164"))
    assert (read.domain, read.from_user) == ("sip.example.com", "{auth_user}")
    assert (read.identity, read.caller_form) == ((), "+e164")
    unnamed = doc.Carrier(name="trunk", type="sip", settings={"preset": "sipgate", "auth_user": "1234567t0"})
    assert trunk_settings(unnamed).domain == "sipconnect.sipgate.de"


def test_every_preset_can_be_named() -> None:
    """The setting's choices are the presets, and none."""
    assert set(get_args(PresetName)) == {"", *PRESETS}


def test_every_setting_says_what_it_is_for() -> None:
    """`onema carrier types sip` shows it."""
    for setting in described(Settings):
        assert setting.help.endswith("."), setting.name
