"""What the TLVs of a receipt tell of the network: each vendor has its own tags for the operator and the country."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import LONGEST_NETWORK_WORD, MOST_NETWORK_FACTS

NETWORK_ERROR_CODE = 0x0423
FIRST_OF_VENDORS = 0x1400
"""What is below and has no name here is the protocol's own: ids, states, texts."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class ReceiptTlv(CarrierSettings, frozen=True, kw_only=True):
    tag: Annotated[int, Meta(ge=0x0005, le=0xFFFF, description="The TLV of a receipt that is kept.")]
    name: Annotated[
        str, Meta(min_length=1, max_length=32, description="Its name: operator, mccmnc, or another.")
    ]
    kind: Annotated[
        Literal["text", "number", "hex"],
        Meta(description="How it is read. A text that is not printable is kept as hexadecimal digits."),
    ] = "text"


def receipt_tlv_problems(named: tuple[ReceiptTlv, ...]) -> Iterator[Problem]:
    """Places are those of the settings."""
    tags, names = [one.tag for one in named], [one.name for one in named]
    for number, one in enumerate(named):
        if tags.count(one.tag) > 1 or names.count(one.name) > 1:
            yield Problem(f"receipt_tlvs[{number}]", "its tag or its name is there twice")
        if not _NAME.fullmatch(one.name):
            yield Problem(f"receipt_tlvs[{number}].name", "it has small letters, digits and underscores")


def network_of(tlvs: Iterable[tuple[int, bytes]], named: Iterable[ReceiptTlv]) -> dict[str, str]:
    """What is kept of a receipt, by name: what the settings name, network_error_code, and as hexadecimal digits a few
    of the vendor's other TLVs. Whatever the octets are, it raises nothing.
    """
    by_tag = {one.tag: one for one in named}
    told: dict[str, str] = {}
    others: dict[str, str] = {}
    for tag, value in tlvs:
        known = by_tag.get(tag)
        if known is not None:
            told[known.name] = _read(value, known.kind)
        elif tag == NETWORK_ERROR_CODE:
            told["network_error_code"] = _network_error(value)
        elif tag >= FIRST_OF_VENDORS:
            others[f"0x{tag:04x}"] = _hex(value)
    kept = {**told, **others}
    return {name: kept[name] for name in list(kept)[:MOST_NETWORK_FACTS]}


def _read(value: bytes, kind: str) -> str:
    if kind == "number":
        return str(int.from_bytes(value[:8], "big"))
    if kind == "text":
        # Some write the NUL of a C-octet string, some do not.
        text = value.rstrip(b"\0").decode("latin-1")
        if text.isascii() and text.isprintable():
            return text[:LONGEST_NETWORK_WORD]
    return _hex(value)


def _network_error(value: bytes) -> str:
    """3.4 §5.3.2.31: an octet for the kind of network (3 is GSM), then its code."""
    return f"{value[0]}:{int.from_bytes(value[1:], 'big')}" if len(value) == 3 else _hex(value)


def _hex(value: bytes) -> str:
    return value[: LONGEST_NETWORK_WORD // 2].hex()
