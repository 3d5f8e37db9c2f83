"""TLVs that a carrier demands, made of what was registered."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.sms_smpp.receipt_tlvs import ReceiptTlv, network_of
from onema.channels.sms_smpp.tlv_rules import (
    TlvFault,
    TlvRule,
    TlvSettings,
    make_tlvs,
    needs_of,
    rules_of,
    tlv_problems,
)
from onema.domain.configuration.needs import Need
from onema.domain.delivery.outcome import LONGEST_NETWORK_WORD, MOST_NETWORK_FACTS
from onema.domain.values.phone import Phone

INDIA = Phone("+919876543210")
VIETNAM = Phone("+84901888484")
FACTS = {"entity_id": "1101456780000012345", "dlt_id": "1107161234567890123", "tm_chain": "1102,1302"}
DLT = rules_of(TlvSettings(tlv_presets=("india-dlt",)))


def made(rule: TlvRule, **facts: str) -> bytes:
    ((_, value),) = make_tlvs((rule,), facts, VIETNAM)
    return value


# TRAI's DLT, as in doc.powersmpp.com (seen 2026-11): ids as octet strings, the chain in clear to an aggregator.
def test_the_preset_of_india_sends_entity_template_and_chain() -> None:
    """In this order, as octet strings without a NUL, and to India only."""
    assert make_tlvs(DLT, FACTS, INDIA) == (
        (0x1400, b"1101456780000012345"),
        (0x1401, b"1107161234567890123"),
        (0x1402, b"1101456780000012345,1102,1302"),
    )
    assert make_tlvs(DLT, {}, VIETNAM) == ()


def test_a_delivery_partner_gets_the_chain_hashed() -> None:
    """Order, separator and hash are settings: a rule with a preset's tag takes its place among the others."""
    own = TlvRule(tag=0x1402, value="{tm_chain};{entity_id}", sha256=True, required=True, prefix="+91")
    more = TlvRule(tag=0x1500, value="7", kind="int2")
    rules = rules_of(TlvSettings(tlv_presets=("india-dlt",), tlvs=(more, own)))
    tlvs = make_tlvs(rules, FACTS, INDIA)
    assert [tag for tag, _ in tlvs] == [0x1400, 0x1401, 0x1402, 0x1500]
    assert tlvs[2][1] == hashlib.sha256(b"1102,1302;1101456780000012345").hexdigest().encode()


def test_the_preset_of_telesign_says_otp() -> None:
    """It answers 0xC3 or 0xC4 without it."""
    assert make_tlvs(rules_of(TlvSettings(tlv_presets=("telesign",))), {}, VIETNAM) == ((0x1414, b"OTP"),)


def test_required_facts_are_needs_and_others_are_not() -> None:
    """Each once, and for the numbers that the rule is for."""
    assert needs_of(DLT) == (
        Need("entity_id", "+91"),
        Need("dlt_id", "+91"),
        Need("tm_chain", "+91"),
    )
    assert needs_of((TlvRule(tag=0x1500, value="{operator}"),)) == ()


def test_what_is_not_required_is_left_out_without_its_facts() -> None:
    """And what is required refuses the message, whoever routed it here."""
    optional = TlvRule(tag=0x1500, value="{a}-{b}")
    assert make_tlvs((optional,), {"a": "1"}, VIETNAM) == ()
    assert make_tlvs((optional,), {"a": "1", "b": "2"}, VIETNAM) == ((0x1500, b"1-2"),)
    with pytest.raises(TlvFault, match="TLV 0x1401 needs dlt_id"):
        make_tlvs(DLT, {"entity_id": "1", "tm_chain": "2"}, INDIA)


@pytest.mark.parametrize(
    ("kind", "value", "octets"),
    [
        ("int1", "255", b"\xff"),
        ("int2", "258", b"\x01\x02"),
        ("int4", "1", b"\0\0\0\x01"),
        ("int8", "18446744073709551615", b"\xff" * 8),
        ("octets", "OTP", b"OTP"),
        ("c-octets", "OTP", b"OTP\0"),
        ("octets", "签名", "签名".encode()),
    ],
)
def test_every_kind_is_written(kind: str, value: str, octets: bytes) -> None:
    """3.4 §3.1: integers big-endian and unsigned, C-octet strings with one NUL at the end."""
    assert made(TlvRule(tag=0x1500, value="{x}", kind=kind), x=value) == octets  # type: ignore[arg-type]  # one of them


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (TlvRule(tag=0x1500, value="{x}", kind="int1"), "256"),
        (TlvRule(tag=0x1500, value="{x}", kind="int2"), "-1"),
        (TlvRule(tag=0x1500, value="{x}", kind="int2"), "٣"),
        (TlvRule(tag=0x1500, value="{x}", kind="int8"), "1_0"),
        (TlvRule(tag=0x1500, value="{x}", max_length=20), "1" * 21),
        (TlvRule(tag=0x1500, value="{x}", max_length=3), "签名"),
        (TlvRule(tag=0x1500, value="{x}", kind="c-octets", max_length=3), "1234"),
    ],
)
def test_what_does_not_fit_is_not_cut(rule: TlvRule, value: str) -> None:
    """And the fault says nothing of the value."""
    with pytest.raises(TlvFault) as fault:
        made(rule, x=value)
    assert value not in str(fault.value)


@given(st.dictionaries(st.sampled_from(["entity_id", "dlt_id", "tm_chain"]), st.text()))
def test_facts_become_tlvs_or_one_fault(facts: dict[str, str]) -> None:
    """Whatever they are; the surrogates that no document holds aside."""
    try:
        tlvs = make_tlvs(DLT, facts, INDIA)
    except TlvFault:
        return
    assert [tag for tag, _ in tlvs] == [0x1400, 0x1401, 0x1402]
    assert all(len(value) <= rule.max_length for (_, value), rule in zip(tlvs, DLT, strict=True))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="{X}"),)), "tlvs[0].value"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="a}"),)), "tlvs[0].value"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="12a", kind="int4"),)), "tlvs[0].value"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="300", kind="int1"),)), "tlvs[0].value"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="1", kind="int1", sha256=True),)), "tlvs[0].sha256"),
        (TlvSettings(tlvs=(TlvRule(tag=0x0424, value="1"),)), "tlvs[0].tag"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="1"), TlvRule(tag=0x1500, value="2"))), "tlvs[1].tag"),
        (TlvSettings(tlvs=(TlvRule(tag=0x1500, value="1", prefix="91"),)), "tlvs[0].prefix"),
        (
            TlvSettings(receipt_tlvs=(ReceiptTlv(tag=0x1411, name="Operator"),)),
            "receipt_tlvs[0].name",
        ),
        (
            TlvSettings(
                receipt_tlvs=(ReceiptTlv(tag=0x1411, name="a"), ReceiptTlv(tag=0x1411, name="b")),
            ),
            "receipt_tlvs[0]",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: TlvSettings, place: str) -> None:
    """When the carrier is saved, at their place."""
    assert place in [problem.place for problem in tlv_problems(settings)]


def test_good_settings_have_no_problem() -> None:
    """All presets together, and a rule in the place of one of theirs."""
    own = TlvRule(tag=0x1402, value="{entity_id},{tm_chain}", sha256=True)
    settings = TlvSettings(tlv_presets=("india-dlt", "telesign"), tlvs=(own,))
    assert list(tlv_problems(settings)) == []


def test_the_tlvs_of_a_receipt_are_kept_by_name() -> None:
    """Those that the carrier's settings name, network_error_code (3.4 §5.3.2.31), and vendors' others as hex."""
    named = (
        ReceiptTlv(tag=0x1411, name="operator"),
        ReceiptTlv(tag=0x1403, name="mccmnc"),
        ReceiptTlv(tag=0x1502, name="route", kind="number"),
    )
    received = (
        (0x001E, b"id-1\0"),
        (0x0427, b"\x02"),
        (0x0423, b"\x03\x00\x0c"),
        (0x1411, b"Viettel\0"),
        (0x1403, b"45204"),
        (0x1502, b"\x01\x00"),
        (0x1599, b"\x00\xff"),
    )
    assert network_of(received, named) == {
        "network_error_code": "3:12",
        "operator": "Viettel",
        "mccmnc": "45204",
        "route": "256",
        "0x1599": "00ff",
    }


def test_a_text_that_is_none_is_kept_as_hex() -> None:
    """What it means is for people to find out."""
    named = (ReceiptTlv(tag=0x1411, name="operator"),)
    assert network_of(((0x1411, b"\x01\x80"),), named) == {"operator": "0180"}


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=2_000)), max_size=50),
    st.lists(st.sampled_from([0x0423, 0x1411, 0x1412, 0x1413]), unique=True),
    st.sampled_from(["text", "number", "hex"]),
)
def test_whatever_a_receipt_holds_is_bounded(
    tlvs: list[tuple[int, bytes]], tags: list[int], kind: str
) -> None:
    """In number and in length; nothing is raised, and all of it can be stored."""
    named = [ReceiptTlv(tag=tag, name=f"n{tag}", kind=kind) for tag in tags]  # type: ignore[arg-type]  # one of them
    kept = network_of(tlvs, named)
    assert len(kept) <= MOST_NETWORK_FACTS
    assert all(word.isprintable() and len(word) <= LONGEST_NETWORK_WORD for word in kept.values())
