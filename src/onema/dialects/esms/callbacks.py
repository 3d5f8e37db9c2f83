"""The delivery callback: a GET whose query says how a message ended (docs/vendors/esms.md#callback)."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote_plus

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.esms.networks import national, network_of
from onema.dialects.esms.wire import smsid
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId
from onema.domain.records import Message, MessageState
from onema.domain.values.money import format_amount

_FINISHED = "5"
_CUSTOMER_CARE = "2"
_FAILED = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.REFUSED)


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
        # The request was answered with the id of its first message.
        "SMSID": smsid(MessageId(message.together or message.id)),
        "SendFailed": "1" if message.state in _FAILED else "0",
        "SendStatus": _FINISHED,
        "SendSuccess": "1" if message.state == MessageState.DELIVERED else "0",
        "TotalPrice": format_amount(message.charged, 4),
        "TotalReceiver": "1",
        "TotalSent": "0" if message.state == MessageState.REFUSED else "1",
        "RequestId": message.reference,
        "TypeId": message.category or _CUSTOMER_CARE,
        "telcoid": network_of(message.phone),
        "phonenumber": national(message.phone),
        "switchsmsid": "",
    }
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())
    address = url.partition("#")[0]
    return CallbackRequest("GET", f"{address}{_joint(address)}{query}")


def _joint(address: str) -> str:
    if "?" not in address:
        return "?"
    return "" if address.endswith(("?", "&")) else "&"
