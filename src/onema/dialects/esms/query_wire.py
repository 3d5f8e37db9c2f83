"""The bytes of what the vendor's queries answer.

Members in ordinal order, as in all answers of the vendor's service (wire.py). Which member has the code differs from
query to query, and so does what an error looks like: the shapes are those of the vendor's pages
(docs/vendors/esms.md#sources).
"""

import math
import zlib
from collections.abc import Iterable, Sequence

import msgspec

from onema.dialects.esms.networks import national, network_name
from onema.dialects.esms.wire import json_text, smsid
from onema.domain.configuration.documents import Template
from onema.domain.ids import AccountId, MessageId, time_of_id
from onema.domain.records import Message, MessageState
from onema.domain.values.money import Minor, format_amount
from onema.domain.values.phone import Phone

_CUSTOMER_CARE = 2
_EVERY_NETWORK = 0
_INT32 = 2**31 - 1
"""Clients in Go and C# read numbers into 32 bits."""

_FAILED = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.REFUSED)
_LEFT = frozenset(MessageState) - {MessageState.ACCEPTED, MessageState.REFUSED}
_NOT_ARRIVED, _ARRIVED, _NOBODY_KNOWS = 0, 1, 2
_WAITING, _REFUSED, _FINISHED, _REPORT_AWAITED = 2, 4, 5, 7


class Totals(msgspec.Struct, frozen=True):
    """What became of the messages that one SMSID names."""

    status: int
    succeeded: int
    failed: int
    sent: int
    receivers: int
    price: Minor

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Totals":
        states = [message.state for message in messages]
        return cls(
            status=_send_status(states),
            succeeded=states.count(MessageState.DELIVERED),
            failed=sum(state in _FAILED for state in states),
            sent=sum(state in _LEFT for state in states),
            receivers=len(messages),
            # What is held will be charged or given back; the vendor's totals of an order are its price until then.
            price=Minor(sum(message.charged + message.held for message in messages)),
        )


def _send_status(states: Sequence[str]) -> int:
    """The vendor's 2 waits, 4 refused, 5 finished, 7 sent; of several messages that of the one with most to come."""
    if MessageState.ACCEPTED in states:
        return _WAITING
    if MessageState.SENT in states or MessageState.UNKNOWN in states:
        return _REPORT_AWAITED
    return _REFUSED if all(state == MessageState.REFUSED for state in states) else _FINISHED


def balance(account: AccountId, left: Minor) -> bytes:
    return b'{"Balance":%b,"CodeResponse":"100","UserID":%d}' % (number(left), account)


def balance_refused(code: str, text: str) -> bytes:
    return b'{"Balance":0,"CodeResponse":"%b","ErrorMessage":%b}' % (code.encode(), json_text(text))


def brandnames(names: Iterable[str]) -> bytes:
    each = (b'{"Brandname":%b,"Type":%d}' % (json_text(name), _CUSTOMER_CARE) for name in names)
    return b'{"CodeResponse":"100","ListBrandName":[%b]}' % b",".join(each)


def templates(found: Iterable[Template]) -> bytes:
    each = (
        b'{"NetworkID":%d,"TempContent":%b,"TempId":%d}'
        % (_EVERY_NETWORK, json_text(template.text), _template_number(template))
        for template in found
    )
    return b'{"BrandnameTemplates":[%b],"CodeResult":"100","ErrorMessage":"success"}' % b",".join(each)


def send_status(smsid: str, totals: Totals) -> bytes:
    return (
        b'{"CodeResponse":"100","SMSID":%b,"SendFailed":%d,"SendStatus":%d,"SendSuccess":%d,"TotalPrice":%b,'
        b'"TotalReceiver":%d,"TotalSent":%d}'
    ) % (
        json_text(smsid),
        totals.failed,
        totals.status,
        totals.succeeded,
        number(totals.price),
        totals.receivers,
        totals.sent,
    )


def send_status_refused(code: str, text: str, smsid: str) -> bytes:
    """The vendor's answer to wrong keys has no text."""
    if not text:
        return b'{"CodeResponse":"%b","SMSID":%b}' % (code.encode(), json_text(smsid))
    return b'{"CodeResponse":"%b","ErrorMessage":%b,"SMSID":%b}' % (
        code.encode(),
        json_text(text),
        json_text(smsid),
    )


def call_status(reference: str, call: Message, keys: str) -> bytes:
    """`reference` is spelled as it was asked for; `keys` is what was pressed."""
    return (
        b'{"CallDuration":%d,"CallStatus":"%b","CodeResponse":"100","Ivr":%b,"ReferenceId":%b,"SendStatus":%d,'
        b'"SentResult":%d}'
    ) % (
        talked_seconds(call),
        call_word(call, b"NOANSWERED"),
        json_text(keys),
        json_text(reference),
        _send_status([call.state]),
        call.state == MessageState.DELIVERED,
    )


def call_word(call: Message, not_answered: bytes) -> bytes:
    """How a call ended: the vendor has two words, one of which its pages spell in two ways. Empty while nobody
    knows, as in a sample.
    """
    if call.state == MessageState.DELIVERED:
        return b"ANSWERED"
    return not_answered if call.state in _FAILED else b""


def talked_seconds(call: Message) -> int:
    return math.ceil(call.talked_ms / 1000)


def receivers(messages: Iterable[Message]) -> bytes:
    each = (
        b'{"IsSent":%b,"NetworkName":%b,"Phone":%b,"Retry":0,"SentResult":%b}'
        % (
            _boolean(message.state in _LEFT),
            json_text(network_name(Phone(message.phone))),
            json_text(national(Phone(message.phone))),
            _boolean(message.state == MessageState.DELIVERED),
        )
        for message in messages
    )
    return b'{"CodeResult":"100","ReceiverList":[%b]}' % b",".join(each)


def sent(total: int, messages: Iterable[Message]) -> bytes:
    """Texts are kept nowhere once they were sent, so `Content` is empty."""
    each = (
        b'{"Campaign":%b,"Content":"","Phone":%b,"ReferenceId":"%b","SellPrice":%b,"SendResult":%d,"SendStatus":%d,'
        b'"SentTime":"\\/Date(%d+0700)\\/","SmsId":%d,"SmsType":%d}'
        % (
            json_text(message.campaign),
            json_text(national(Phone(message.phone))),
            smsid(MessageId(message.together or message.id)).encode(),
            number(Minor(message.charged + message.held)),
            _send_result(message.state),
            _send_status([message.state]),
            time_of_id(message.id),
            _number_of(message.id.to_bytes(8)),
            int(message.category) if message.category.isdecimal() else _CUSTOMER_CARE,
        )
        for message in messages
    )
    return b'{"CodeResult":"100","CountTotal":%d,"SentData":[%b]}' % (total, b",".join(each))


def _send_result(state: str) -> int:
    if state == MessageState.DELIVERED:
        return _ARRIVED
    return _NOT_ARRIVED if state in _FAILED else _NOBODY_KNOWS


def price(total: Minor, phones: int) -> bytes:
    return b'{"CodeResult":"100","ErrorMessage":"success","TotalPrice":%b,"TotalReceiver":%d}' % (
        number(total),
        phones,
    )


def refused(code: str, text: str) -> bytes:
    return b'{"CodeResult":"%b","ErrorMessage":%b}' % (code.encode(), json_text(text))


def number(amount: Minor) -> bytes:
    """A whole amount without a point, which also reads as an int32; never an exponent. The vendor's samples have both
    `850` and `850.0000`, which is the same to readers of JSON numbers, but to clients that ask for a whole one.
    """
    return format_amount(amount).encode()


def _number_of(name: bytes) -> int:
    """A number that always stands for `name`, and nearly never for another."""
    return zlib.crc32(name) & _INT32


def _template_number(template: Template) -> int:
    """Its name where that is a number, as the operator gave it."""
    name = template.name
    if name.isascii() and name.isdecimal() and len(name) < 10:
        return int(name)
    return _number_of(template.identity.encode())


def _boolean(value: bool) -> bytes:
    return b"true" if value else b"false"
