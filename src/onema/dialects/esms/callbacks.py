"""The delivery callback: a GET whose query says how a message ended (docs/vendors/esms.md#callback)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote_plus

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.esms.wire import smsid
from onema.domain.delivery.outcome import Ending
from onema.domain.records import Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.phone import Phone

_FINISHED = "5"
_CUSTOMER_CARE = "2"
_FAILED = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.REFUSED)

# The vendor's numbers for the networks (https://developers.esms.vn/esms-api/callback-url, seen 2026-11), by the
# mobile prefixes that Vietnam gave them. A number that was ported still names its first network; what the vendor says
# of one is not known.
_NETWORKS = {
    "1": r"86|9[678]|3[2-9]",
    "2": r"89|90|93|7[06789]",
    "3": r"88|91|94|8[1-5]",
    "4": r"92|5[268]",
    "5": r"99|59",
    "6": r"87",
    "7": r"55",
}
_NETWORK = re.compile(
    "|".join(rf"(?P<n{number}>\+84(?:{prefixes}))" for number, prefixes in _NETWORKS.items())
)


class EsmsCallbacks:
    """Renders the callback of every message that came in through this dialect. It tells no ending, only whether the
    message arrived.
    """

    endings: Mapping[Ending, str] = MappingProxyType({})

    def render(self, message: Message, url: str) -> CallbackRequest:
        return delivery_callback(message, url)


def delivery_callback(message: Message, url: str) -> CallbackRequest:
    """Every parameter is present, in the vendor's order, also the empty ones; a query of `url` stays."""
    parameters = {
        "SMSID": smsid(message.id),
        "SendFailed": "1" if message.state in _FAILED else "0",
        "SendStatus": _FINISHED,
        "SendSuccess": "1" if message.state == MessageState.DELIVERED else "0",
        "TotalPrice": format_amount(message.charged, 4),
        "TotalReceiver": "1",
        "TotalSent": "0" if message.state == MessageState.REFUSED else "1",
        "RequestId": message.reference,
        "TypeId": _CUSTOMER_CARE,
        "telcoid": network_of(message.phone),
        "phonenumber": _national(message.phone),
        "switchsmsid": "",
    }
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())
    address = url.partition("#")[0]
    return CallbackRequest("GET", f"{address}{_joint(address)}{query}")


def network_of(phone: Phone) -> str:
    """The vendor's number for the phone's network, empty for one that it does not list."""
    match = _NETWORK.match(phone)
    return (match.lastgroup or "")[1:] if match else ""


def _national(phone: Phone) -> str:
    return f"0{phone[3:]}" if phone.startswith("+84") else phone.removeprefix("+")


def _joint(address: str) -> str:
    if "?" not in address:
        return "?"
    return "" if address.endswith(("?", "&")) else "&"
