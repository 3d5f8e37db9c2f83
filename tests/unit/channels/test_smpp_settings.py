"""What a carrier of the type `smpp` may be configured to be."""

from typing import Any

import pytest

from onema.channels.sms_smpp.configuration import PORT, TLS_PORT, Where, where
from onema.domain.configuration import documents as doc
from onema.domain.configuration.needs import Need
from onema.wiring.carriers import needs_of, problems_of


def carrier(**settings: Any) -> doc.Carrier:
    full = {"addresses": ["smsc.example.com"], "system_id": "acme", "password": "secret", **settings}
    return doc.Carrier(name="telco", type="smpp", settings=full)


@pytest.mark.parametrize(
    ("written", "tls", "found"),
    [
        ("smsc.example.com", False, Where("smsc.example.com", PORT)),
        ("smsc.example.com", True, Where("smsc.example.com", TLS_PORT)),
        ("10.0.0.1:4000", False, Where("10.0.0.1", 4000)),
        ("[2001:db8::1]:4000", False, Where("2001:db8::1", 4000)),
        ("[2001:db8::1]", False, Where("2001:db8::1", PORT)),
    ],
)
def test_an_address_has_a_port(written: str, tls: bool, found: Where) -> None:
    """Its own, or the usual one."""
    assert where(written, tls=tls) == found


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"addresses": ["a b"]}, "settings.addresses[0]"),
        ({"addresses": ["a:0"]}, "settings.addresses[0]"),
        ({"addresses": ["ok", "a:70000"]}, "settings.addresses[1]"),
        ({"addresses": []}, "settings.addresses"),
        ({"system_id": "Công ty"}, "settings.system_id"),
        ({"password": "p\0"}, "settings.password"),
        ({"password": "x" * 65}, "settings.password"),
        ({"tls_ca_file": "/etc/ca.pem"}, "settings.tls_ca_file"),
        ({"tls": True, "tls_key_file": "/etc/hosts"}, "settings.tls_certificate_file"),
        ({"window": 0}, "settings.window"),
        ({"concatenation": "16-bit"}, "settings.concatenation"),
        ({"statuses": [{"status": "x", "means": "temporary"}]}, "settings.statuses[0].status"),
        (
            {"receipt_errors": [{"err": "1", "ending": "busy"}] * 2},
            "settings.receipt_errors[0].err",
        ),
        ({"tlvs": [{"tag": 0x1400, "value": "{"}]}, "settings.tlvs[0].value"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], place: str) -> None:
    """With the place that must change, before the carrier is saved."""
    problems = list(problems_of(carrier(**settings)))
    assert problems
    assert problems[0].place == place
    assert "secret" not in str(problems)


def test_tlvs_of_facts_are_what_the_carrier_needs() -> None:
    """So that a message without them takes another carrier."""
    assert list(problems_of(carrier())) == []
    assert Need("entity_id", "+91") in needs_of(carrier(tlv_presets=["india-dlt"]))
    assert needs_of(carrier()) == ()
