"""The callbacks: a GET whose query says how a message ended (docs/vendors/esms.md#callback), or a call
(docs/vendors/esms.md#callback-of-a-call).
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote_plus

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.esms.networks import national, network_of
from onema.dialects.esms.query_wire import call_word, talked_seconds
from onema.dialects.esms.wire import smsid
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId
from onema.domain.records import Call, Channel, Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.phone import Phone

_FINISHED = "5"
_CUSTOMER_CARE = "2"
_FAILED = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.REFUSED)


class EsmsCallbacks:
    """Renders the callback of every message that came in through this dialect. It tells no ending, only whether the
    message arrived.
    """

    endings: Mapping[Ending, str] = MappingProxyType({})

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        if message.channel == Channel.CALL:
            return call_callback(message, url, call.keys if call else "")
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
    return _get(url, parameters)


def call_callback(call: Message, url: str, keys: str) -> CallbackRequest:
    """As `delivery_callback`; `keys` is what was pressed."""
    parameters = {
        "ReferenceId": smsid(MessageId(call.together or call.id)),
        "CallDuration": str(talked_seconds(call)),
        "CallStatus": call_word(call, b"NO ANSWER").decode(),
        "Ivr": keys,
        "Price": format_amount(call.charged, 4),
        "SentResult": "1" if call.state == MessageState.DELIVERED else "0",
        "CID": national(Phone(call.sender)),
        "SendStatus": _FINISHED,
    }
    return _get(url, parameters)


def _get(url: str, parameters: Mapping[str, str]) -> CallbackRequest:
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())
    address = url.partition("#")[0]
    return CallbackRequest("GET", f"{address}{_joint(address)}{query}")


def _joint(address: str) -> str:
    if "?" not in address:
        return "?"
    return "" if address.endswith(("?", "&")) else "&"
