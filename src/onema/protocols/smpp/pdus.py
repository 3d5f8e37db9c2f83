"""Bodies of PDUs (3.4 §4): octets to fields and back. Texts and ids stay octets, since peers write anything there.

`decode(frame)` raises MalformedPdu and nothing else. What a body has behind its last TLV is kept as `trailing`. Every
`encode()` raises ValueError for what a field cannot hold.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.tlvs import MESSAGE_PAYLOAD, Tlvs, find, read_tlvs
from onema.protocols.smpp.tlvs import tlvs as tlv_octets

LONGEST_SHORT_MESSAGE = 254
"""Octets of short_message (3.4 §5.2.22). sm_length could say 255, and some peers let that out; it is refused here."""

UDHI = 0x40
"""esm_class: the text begins with a user data header (3.4 §5.2.12)."""


LONGEST_CREDENTIAL = 64
"""Octets of system_id and password: 15 and 8 by the specification (3.4 §5.2.1, §5.2.2), more at many operators."""


class MalformedPdu(Exception):
    """A body that its command cannot have. `status` is what it is answered with."""

    def __init__(self, why: str, status: int = statuses.ESME_RINVCMDLEN) -> None:
        super().__init__(why)
        self.status = status


class Body(Protocol):
    """What every body can do."""

    def encode(self) -> bytes:
        """Its octets. Raises ValueError for a field that cannot be sent."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """An address with its type of number and numbering plan (3.4 §5.2.5, §5.2.6)."""

    ton: int = 0
    npi: int = 0
    digits: bytes = b""

    def __repr__(self) -> str:
        """Without the number."""
        return f"<Address ton {self.ton} npi {self.npi}>"

    def encode(self, longest: int = 20) -> bytes:
        return bytes((self.ton, self.npi)) + c_octets(self.digits, longest, "address")


class Bind(msgspec.Struct, frozen=True, kw_only=True):
    """bind_transmitter, bind_receiver, bind_transceiver (3.4 §4.1)."""

    system_id: bytes = b""
    password: bytes = b""
    system_type: bytes = b""
    interface_version: int = 0x34
    address_range: Address = Address()

    def __repr__(self) -> str:
        return "<Bind>"

    def encode(self) -> bytes:
        return b"".join(
            (
                c_octets(self.system_id, LONGEST_CREDENTIAL, "system_id"),
                c_octets(self.password, LONGEST_CREDENTIAL, "password"),
                c_octets(self.system_type, 12, "system_type"),
                bytes((self.interface_version,)),
                self.address_range.encode(40),
            )
        )


class BindResp(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a bind; the TLV sc_interface_version says what the SMSC speaks (3.4 §4.1.2)."""

    system_id: bytes = b""
    tlvs: Tlvs = ()
    trailing: bytes = b""

    def encode(self) -> bytes:
        return (
            c_octets(self.system_id, LONGEST_CREDENTIAL, "system_id") + tlv_octets(self.tlvs) + self.trailing
        )


class Outbind(msgspec.Struct, frozen=True, kw_only=True):
    """An SMSC asks an ESME to bind (3.4 §4.1.7)."""

    system_id: bytes = b""
    password: bytes = b""

    def __repr__(self) -> str:
        return "<Outbind>"

    def encode(self) -> bytes:
        return c_octets(self.system_id, LONGEST_CREDENTIAL, "system_id") + c_octets(
            self.password, LONGEST_CREDENTIAL, "password"
        )


class ShortMessage(msgspec.Struct, frozen=True, kw_only=True):
    """submit_sm and deliver_sm, which have the same fields (3.4 §4.4.1, §4.6.1)."""

    service_type: bytes = b""
    source: Address = Address()
    destination: Address = Address()
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()
    trailing: bytes = b""

    def __repr__(self) -> str:
        """Without number and text."""
        return f"<ShortMessage esm_class {self.esm_class} data_coding {self.data_coding}>"

    @property
    def octets(self) -> bytes:
        """The text's octets, header and all: short_message, or the TLV message_payload (3.4 §5.3.2.32)."""
        return self.short_message or find(self.tlvs, MESSAGE_PAYLOAD) or b""

    def encode(self) -> bytes:
        if len(self.short_message) > LONGEST_SHORT_MESSAGE:
            raise ValueError(f"a short_message of {len(self.short_message)} octets")
        return b"".join(
            (
                c_octets(self.service_type, 5, "service_type"),
                self.source.encode(),
                self.destination.encode(),
                bytes((self.esm_class, self.protocol_id, self.priority_flag)),
                c_octets(self.schedule_delivery_time, 16, "schedule_delivery_time"),
                c_octets(self.validity_period, 16, "validity_period"),
                bytes(
                    (
                        self.registered_delivery,
                        self.replace_if_present_flag,
                        self.data_coding,
                        self.sm_default_msg_id,
                        len(self.short_message),
                    )
                ),
                self.short_message,
                tlv_octets(self.tlvs),
                self.trailing,
            )
        )


class DataSm(msgspec.Struct, frozen=True, kw_only=True):
    """data_sm, in either direction; its text is the TLV message_payload (3.4 §4.7.1)."""

    service_type: bytes = b""
    source: Address = Address()
    destination: Address = Address()
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()
    trailing: bytes = b""

    def __repr__(self) -> str:
        """Without number and text."""
        return f"<DataSm esm_class {self.esm_class} data_coding {self.data_coding}>"

    @property
    def octets(self) -> bytes:
        return find(self.tlvs, MESSAGE_PAYLOAD) or b""

    def encode(self) -> bytes:
        return b"".join(
            (
                c_octets(self.service_type, 5, "service_type"),
                self.source.encode(64),
                self.destination.encode(64),
                bytes((self.esm_class, self.registered_delivery, self.data_coding)),
                tlv_octets(self.tlvs),
                self.trailing,
            )
        )


class MessageResp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """submit_sm_resp, deliver_sm_resp, data_sm_resp: the SMSC's id of the message, and TLVs.

    On refusals any body is accepted, on success none too; an id without its NUL is the whole body. `has_body` tells a
    response without one.
    """

    message_id: bytes = b""
    tlvs: Tlvs = ()
    trailing: bytes = b""
    has_body: bool = True

    def encode(self) -> bytes:
        if not self.has_body:
            return b""
        return c_octets(self.message_id, 64, "message_id") + tlv_octets(self.tlvs) + self.trailing


class QuerySm(msgspec.Struct, frozen=True, kw_only=True):
    """Asks an SMSC for a message's state (3.4 §4.8.1)."""

    message_id: bytes = b""
    source: Address = Address()

    def encode(self) -> bytes:
        return c_octets(self.message_id, 64, "message_id") + self.source.encode()


class QuerySmResp(msgspec.Struct, frozen=True, kw_only=True):
    """What state it has (3.4 §4.8.2)."""

    message_id: bytes = b""
    final_date: bytes = b""
    message_state: int = 0
    error_code: int = 0

    def encode(self) -> bytes:
        return b"".join(
            (
                c_octets(self.message_id, 64, "message_id"),
                c_octets(self.final_date, 16, "final_date"),
                bytes((self.message_state, self.error_code)),
            )
        )


class AlertNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that had data pending is reachable again (3.4 §4.12.1)."""

    source: Address = Address()
    esme: Address = Address()
    tlvs: Tlvs = ()
    trailing: bytes = b""

    def encode(self) -> bytes:
        return self.source.encode(64) + self.esme.encode(64) + tlv_octets(self.tlvs) + self.trailing


class Empty(msgspec.Struct, frozen=True):
    """enquire_link, unbind, their responses, generic_nack: nothing but a header; what stands there is not read."""

    def encode(self) -> bytes:
        return b""


AnyBody = (
    Bind
    | BindResp
    | Outbind
    | ShortMessage
    | DataSm
    | MessageResp
    | QuerySm
    | QuerySmResp
    | AlertNotification
    | Empty
)


def decode(frame: Frame) -> AnyBody:
    """What the body says. Raises MalformedPdu, also for commands that are not read here."""
    read = _READERS.get(frame.command)
    if read is None:
        raise MalformedPdu(f"command 0x{frame.command:08x} is not read", statuses.ESME_RINVCMDID)
    try:
        return read(frame.body)
    except (IndexError, struct.error) as error:
        raise MalformedPdu("the body ends too early") from error


def c_octets(value: bytes, longest: int, field: str) -> bytes:
    """A C-Octet String (3.4 §3.1): its octets and a NUL. Raises ValueError."""
    if len(value) > longest or 0 in value:
        raise ValueError(f"{field} has a NUL or more than {longest} octets")
    return value + b"\0"


def _until_nul(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(0, at)
    if end < 0:
        raise MalformedPdu("a text without its NUL")
    return body[at:end], end + 1


def _address(body: bytes, at: int) -> tuple[Address, int]:
    end = body.find(0, at + 2)
    if end < 0:
        raise MalformedPdu("an address without its NUL")
    return Address(body[at], body[at + 1], body[at + 2 : end]), end + 1


def _bind(body: bytes) -> Bind:
    system_id, at = _until_nul(body, 0)
    password, at = _until_nul(body, at)
    system_type, at = _until_nul(body, at)
    address_range, _ = _address(body, at + 1)
    return Bind(
        system_id=system_id,
        password=password,
        system_type=system_type,
        interface_version=body[at],
        address_range=address_range,
    )


def _bind_resp(body: bytes) -> BindResp:
    if 0 not in body:
        # Refused binds come without a body, and from some peers with an id that has no end.
        return BindResp(system_id=body)
    system_id, at = _until_nul(body, 0)
    found, trailing = read_tlvs(body, at)
    return BindResp(system_id=system_id, tlvs=found, trailing=trailing)


def _outbind(body: bytes) -> Outbind:
    system_id, at = _until_nul(body, 0)
    password, _ = _until_nul(body, at)
    return Outbind(system_id=system_id, password=password)


def _short_message(body: bytes) -> ShortMessage:
    service_type, at = _until_nul(body, 0)
    source, at = _address(body, at)
    destination, at = _address(body, at)
    esm_class, protocol_id, priority_flag = body[at], body[at + 1], body[at + 2]
    schedule, at = _until_nul(body, at + 3)
    validity, at = _until_nul(body, at)
    end = at + 5 + body[at + 4]
    if end > len(body):
        raise MalformedPdu("sm_length is more than there is", statuses.ESME_RINVMSGLEN)
    found, trailing = read_tlvs(body, end) if end < len(body) else ((), b"")
    return ShortMessage(
        service_type=service_type,
        source=source,
        destination=destination,
        esm_class=esm_class,
        protocol_id=protocol_id,
        priority_flag=priority_flag,
        schedule_delivery_time=schedule,
        validity_period=validity,
        registered_delivery=body[at],
        replace_if_present_flag=body[at + 1],
        data_coding=body[at + 2],
        sm_default_msg_id=body[at + 3],
        short_message=body[at + 5 : end],
        tlvs=found,
        trailing=trailing,
    )


def _data_sm(body: bytes) -> DataSm:
    service_type, at = _until_nul(body, 0)
    source, at = _address(body, at)
    destination, at = _address(body, at)
    found, trailing = read_tlvs(body, at + 3)
    return DataSm(
        service_type=service_type,
        source=source,
        destination=destination,
        esm_class=body[at],
        registered_delivery=body[at + 1],
        data_coding=body[at + 2],
        tlvs=found,
        trailing=trailing,
    )


def _message_resp(body: bytes) -> MessageResp:
    end = body.find(0)
    if end < 0:
        return MessageResp(message_id=body, has_body=bool(body))
    if end == len(body) - 1:
        return MessageResp(message_id=body[:end])
    found, trailing = read_tlvs(body, end + 1)
    return MessageResp(message_id=body[:end], tlvs=found, trailing=trailing)


def _query_sm(body: bytes) -> QuerySm:
    message_id, at = _until_nul(body, 0)
    source, _ = _address(body, at)
    return QuerySm(message_id=message_id, source=source)


def _query_sm_resp(body: bytes) -> QuerySmResp:
    message_id, at = _until_nul(body, 0)
    final_date, at = _until_nul(body, at)
    return QuerySmResp(
        message_id=message_id, final_date=final_date, message_state=body[at], error_code=body[at + 1]
    )


def _alert_notification(body: bytes) -> AlertNotification:
    source, at = _address(body, 0)
    esme, at = _address(body, at)
    found, trailing = read_tlvs(body, at)
    return AlertNotification(source=source, esme=esme, tlvs=found, trailing=trailing)


_EMPTY = Empty()


def _nothing(body: bytes) -> Empty:
    return _EMPTY


_READERS: Mapping[int, Callable[[bytes], AnyBody]] = {
    **dict.fromkeys(c.BINDS, _bind),
    **dict.fromkeys((bind | c.RESPONSE for bind in c.BINDS), _bind_resp),
    c.OUTBIND: _outbind,
    c.SUBMIT_SM: _short_message,
    c.DELIVER_SM: _short_message,
    c.DATA_SM: _data_sm,
    c.SUBMIT_SM_RESP: _message_resp,
    c.DELIVER_SM_RESP: _message_resp,
    c.DATA_SM_RESP: _message_resp,
    c.QUERY_SM: _query_sm,
    c.QUERY_SM_RESP: _query_sm_resp,
    c.ALERT_NOTIFICATION: _alert_notification,
    **dict.fromkeys((c.ENQUIRE_LINK, c.ENQUIRE_LINK_RESP, c.UNBIND, c.UNBIND_RESP, c.GENERIC_NACK), _nothing),
}
