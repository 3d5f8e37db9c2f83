"""Bodies of PDUs (SMPP 3.4 §4) there and back, and what peers send that the specification does not have."""

import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses, tlvs
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.pdus import (
    Address,
    AlertNotification,
    AnyBody,
    Bind,
    BindResp,
    DataSm,
    Empty,
    MalformedPdu,
    MessageResp,
    Outbind,
    QuerySm,
    QuerySmResp,
    ShortMessage,
    decode,
)
from onema.protocols.smpp.receipts import is_report, read_receipt

octet = st.integers(0, 255)


def c_octets(longest: int) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=longest).map(lambda value: value.replace(b"\0", b"\x01"))


addresses = st.builds(Address, octet, octet, c_octets(20))
pairs = st.lists(st.tuples(st.integers(1, 0xFFFF), st.binary(max_size=40)), max_size=6).map(tuple)
trailing = st.binary(max_size=3)
BODIES: dict[int, st.SearchStrategy[AnyBody]] = {
    c.BIND_TRANSCEIVER: st.builds(
        Bind,
        system_id=c_octets(15),
        password=c_octets(8),
        system_type=c_octets(12),
        interface_version=octet,
        address_range=addresses,
    ),
    c.BIND_TRANSCEIVER_RESP: st.builds(BindResp, system_id=c_octets(15), tlvs=pairs, trailing=trailing),
    c.OUTBIND: st.builds(Outbind, system_id=c_octets(15), password=c_octets(8)),
    c.SUBMIT_SM: st.builds(
        ShortMessage,
        service_type=c_octets(5),
        source=addresses,
        destination=addresses,
        esm_class=octet,
        protocol_id=octet,
        priority_flag=octet,
        schedule_delivery_time=c_octets(16),
        validity_period=c_octets(16),
        registered_delivery=octet,
        replace_if_present_flag=octet,
        data_coding=octet,
        sm_default_msg_id=octet,
        short_message=st.binary(max_size=254),
        tlvs=pairs,
        trailing=trailing,
    ),
    c.DATA_SM: st.builds(
        DataSm,
        service_type=c_octets(5),
        source=addresses,
        destination=addresses,
        esm_class=octet,
        registered_delivery=octet,
        data_coding=octet,
        tlvs=pairs,
        trailing=trailing,
    ),
    c.SUBMIT_SM_RESP: st.builds(MessageResp, message_id=c_octets(64), tlvs=pairs, trailing=trailing),
    c.QUERY_SM: st.builds(QuerySm, message_id=c_octets(64), source=addresses),
    c.QUERY_SM_RESP: st.builds(
        QuerySmResp, message_id=c_octets(64), final_date=c_octets(16), message_state=octet, error_code=octet
    ),
    c.ALERT_NOTIFICATION: st.builds(AlertNotification, source=addresses, esme=addresses, tlvs=pairs),
    c.ENQUIRE_LINK: st.just(Empty()),
}


@given(
    st.sampled_from(sorted(BODIES)).flatmap(lambda command: BODIES[command].map(lambda body: (command, body)))
)
def test_a_body_comes_back_as_it_was(given_body: tuple[int, AnyBody]) -> None:
    """Unknown TLVs, their order and trailing octets too."""
    command, body = given_body
    assert decode(Frame(command, 0, 1, body.encode())) == body


def test_random_bodies_raise_nothing_but_the_documented_error() -> None:
    """30,000 of them, and cut and changed ones, through everything that reads."""
    dice = random.Random(7)
    whole = ShortMessage(
        source=Address(5, 0, b"Acme"),
        short_message=b"id:12 stat:DELIVRD err:000 text:x",
        esm_class=0x44,
        tlvs=((tlvs.RECEIPTED_MESSAGE_ID, b"12\0"), (0x1400, b"x"), (tlvs.SAR_TOTAL_SEGMENTS, b"")),
    ).encode()
    commands = sorted(c.NAMES)
    for turn in range(30_000):
        if turn % 2:
            body = dice.randbytes(dice.randrange(80))
        else:
            changed = bytearray(whole[: dice.randrange(len(whole) + 1)])
            for _ in range(dice.randrange(4)):
                if changed:
                    changed[dice.randrange(len(changed))] = dice.randrange(256)
            body = bytes(changed)
        try:
            found = decode(Frame(dice.choice(commands), 0, 1, body))
        except MalformedPdu:
            continue
        if isinstance(found, ShortMessage | DataSm):
            is_report(found, plain_too=True)
            read_receipt(found)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ShortMessage(short_message=bytes(255)),
        lambda: ShortMessage(destination=Address(1, 1, b"1" * 21)),
        lambda: ShortMessage(source=Address(5, 0, b"Ac\0me")),
        lambda: ShortMessage(esm_class=256),
        lambda: MessageResp(message_id=b"x" * 65),
        lambda: BindResp(tlvs=((0x10000, b""),)),
        lambda: BindResp(tlvs=((0x1400, bytes(0x10000)),)),
    ],
)
def test_what_a_field_cannot_hold_is_refused(make: Callable[[], AnyBody]) -> None:
    """255 octets of short_message too, which peers let out though the field ends at 254; nothing is cut."""
    with pytest.raises(ValueError, match=r"."):
        make().encode()


def test_a_text_is_in_short_message_or_in_its_tlv() -> None:
    """message_payload (3.4 §5.3.2.32)."""
    assert ShortMessage(short_message=b"a").octets == b"a"
    assert ShortMessage(tlvs=((0x1400, b"x"), (tlvs.MESSAGE_PAYLOAD, b"b"))).octets == b"b"
    assert DataSm(tlvs=((tlvs.MESSAGE_PAYLOAD, b"b"),)).octets == b"b"
    assert ShortMessage().octets == DataSm().octets == b""


def test_a_response_may_have_any_body_or_none() -> None:
    """Without a body, an id that is empty, without its NUL, not UTF-8, or with TLVs behind it."""

    def read(body: bytes) -> AnyBody:
        return decode(Frame(c.SUBMIT_SM_RESP, 0, 1, body))

    assert read(b"") == MessageResp(has_body=False)
    assert read(b"\0") == MessageResp()
    assert read(b"7f3a") == MessageResp(message_id=b"7f3a")
    assert read(b"\xff\xfe\0") == MessageResp(message_id=b"\xff\xfe")
    assert read(b"12\0" + tlvs.tlv(0x1401, b"v")) == MessageResp(message_id=b"12", tlvs=((0x1401, b"v"),))
    assert MessageResp(has_body=False).encode() == b""


def test_a_deliver_sm_resp_is_one_nul() -> None:
    """libsmpp34 takes nothing else, and no id in it."""
    assert MessageResp().encode() == b"\0"


def test_a_bind_may_be_refused_without_a_body() -> None:
    """Or with an id that has no end."""
    for body, system_id in ((b"", b""), (b"smsc", b"smsc")):
        assert decode(Frame(c.BIND_TRANSCEIVER_RESP, 0xE, 1, body)) == BindResp(system_id=system_id)


def test_what_is_malformed_says_what_to_answer() -> None:
    """An sm_length beyond the end is a wrong message length; a command that is not read an unknown one."""
    cut = ShortMessage(short_message=b"0123456789").encode()[:-1]
    with pytest.raises(MalformedPdu) as found:
        decode(Frame(c.DELIVER_SM, 0, 1, cut))
    assert found.value.status == statuses.ESME_RINVMSGLEN
    with pytest.raises(MalformedPdu) as found:
        decode(Frame(0x77, 0, 1, b""))
    assert found.value.status == statuses.ESME_RINVCMDID


def test_no_body_shows_numbers_texts_or_passwords() -> None:
    """Faults are logged with what they were about."""
    address = Address(1, 1, b"84901888484")
    bodies: list[msgspec.Struct] = [
        Bind(system_id=b"us", password=b"pw482913"),
        Outbind(password=b"pw482913"),
        ShortMessage(destination=address, short_message=b"482913"),
        DataSm(destination=address, tlvs=((tlvs.MESSAGE_PAYLOAD, b"482913"),)),
    ]
    for body in bodies:
        assert "482913" not in repr(body)
        assert "8484" not in repr(body)
