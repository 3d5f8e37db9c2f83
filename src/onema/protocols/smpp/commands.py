"""command_id (3.4 §5.1.2.1): plain numbers, since they are compared for every PDU."""

from collections.abc import Mapping
from types import MappingProxyType

RESPONSE = 0x80000000
"""The bit that makes a request's command its response's."""

GENERIC_NACK = 0x80000000
BIND_RECEIVER = 0x00000001
BIND_TRANSMITTER = 0x00000002
QUERY_SM = 0x00000003
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
REPLACE_SM = 0x00000007
CANCEL_SM = 0x00000008
BIND_TRANSCEIVER = 0x00000009
OUTBIND = 0x0000000B
ENQUIRE_LINK = 0x00000015
SUBMIT_MULTI = 0x00000021
ALERT_NOTIFICATION = 0x00000102
DATA_SM = 0x00000103

BIND_RECEIVER_RESP = BIND_RECEIVER | RESPONSE
BIND_TRANSMITTER_RESP = BIND_TRANSMITTER | RESPONSE
QUERY_SM_RESP = QUERY_SM | RESPONSE
SUBMIT_SM_RESP = SUBMIT_SM | RESPONSE
DELIVER_SM_RESP = DELIVER_SM | RESPONSE
UNBIND_RESP = UNBIND | RESPONSE
REPLACE_SM_RESP = REPLACE_SM | RESPONSE
CANCEL_SM_RESP = CANCEL_SM | RESPONSE
BIND_TRANSCEIVER_RESP = BIND_TRANSCEIVER | RESPONSE
ENQUIRE_LINK_RESP = ENQUIRE_LINK | RESPONSE
SUBMIT_MULTI_RESP = SUBMIT_MULTI | RESPONSE
DATA_SM_RESP = DATA_SM | RESPONSE

BINDS = frozenset((BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER))
WITHOUT_RESPONSE = frozenset((OUTBIND, ALERT_NOTIFICATION))

NAMES: Mapping[int, str] = MappingProxyType(
    {
        number: name.lower()
        for name, number in globals().copy().items()
        if isinstance(number, int) and name != "RESPONSE"
    }
)
"""The specification's name of each command."""


def name_of(command: int) -> str:
    """Its name, or its number where it has none."""
    return NAMES.get(command) or f"0x{command:08x}"
