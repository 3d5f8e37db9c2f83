"""Optional parameters, TLVs (3.4 §5.3): those that are not known are kept, and the order is."""

import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType

Tlvs = tuple[tuple[int, bytes], ...]
"""(tag, value) in the order of the PDU; a tag may stand more than once."""

DEST_ADDR_SUBUNIT = 0x0005
PAYLOAD_TYPE = 0x0019
ADDITIONAL_STATUS_INFO_TEXT = 0x001D
RECEIPTED_MESSAGE_ID = 0x001E
USER_MESSAGE_REFERENCE = 0x0204
SOURCE_PORT = 0x020A
SAR_MSG_REF_NUM = 0x020C
SAR_TOTAL_SEGMENTS = 0x020E
SAR_SEGMENT_SEQNUM = 0x020F
SC_INTERFACE_VERSION = 0x0210
DPF_RESULT = 0x0420
MS_AVAILABILITY_STATUS = 0x0422
NETWORK_ERROR_CODE = 0x0423
MESSAGE_PAYLOAD = 0x0424
DELIVERY_FAILURE_REASON = 0x0425
MORE_MESSAGES_TO_SEND = 0x0426
MESSAGE_STATE = 0x0427

NAMES: Mapping[int, str] = MappingProxyType(
    {number: name.lower() for name, number in globals().copy().items() if isinstance(number, int)}
)
"""The specification's names of those that are used here (3.4 §5.3.2)."""

LARGEST_TAG = LONGEST_VALUE = 0xFFFF
_TAG_LENGTH = struct.Struct(">HH")


def read_tlvs(body: bytes, at: int = 0) -> tuple[Tlvs, bytes]:
    """The TLVs from `at` to the end, and what trails them: octets that are no whole TLV, as some peers send."""
    found: list[tuple[int, bytes]] = []
    size = len(body)
    while size - at >= _TAG_LENGTH.size:
        tag, length = _TAG_LENGTH.unpack_from(body, at)
        end = at + _TAG_LENGTH.size + length
        if end > size:
            break
        found.append((tag, body[at + _TAG_LENGTH.size : end]))
        at = end
    return tuple(found), body[at:]


def tlv(tag: int, value: bytes) -> bytes:
    """Its octets. Raises ValueError for one that none can be."""
    if not (0 <= tag <= LARGEST_TAG and len(value) <= LONGEST_VALUE):
        raise ValueError(f"no TLV has tag {tag} and {len(value)} octets")
    return _TAG_LENGTH.pack(tag, len(value)) + value


def tlvs(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """The octets of all, in their order. Raises ValueError."""
    return b"".join(tlv(tag, value) for tag, value in pairs)


def find(pairs: Tlvs, tag: int) -> bytes | None:
    """The value of the first with this tag."""
    for found, value in pairs:
        if found == tag:
            return value
    return None
