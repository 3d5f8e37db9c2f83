"""TLVs that an SMSC demands with submit_sm: which they are is a setting, and what is in them a text with facts.

A rule's value is a text in which `{entity_id}` stands for the fact of that name. So it is a constant, a fact, or
several joined in any order and with anything between them; `sha256` then hashes it, as 64 small hexadecimal digits.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta

from onema.channels.sms_smpp.receipt_tlvs import ReceiptTlv, receipt_tlv_problems
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem
from onema.domain.values.phone import Phone

Tlvs = tuple[tuple[int, bytes], ...]

LONGEST_TLV = 1_024
"""Octets that a rule may allow; vendors' own take 20 to 64."""
MOST_RULES = 32

_INTEGERS = {"int1": 1, "int2": 2, "int4": 4, "int8": 8}
_FACT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PREFIX = re.compile(r"\+[0-9]{0,15}")
# What the channel itself says of a text's parts (3.4 §5.3.2.22 to 24 and 32).
_OURS = frozenset((0x020C, 0x020E, 0x020F, 0x0424))


class TlvRule(CarrierSettings, frozen=True, kw_only=True):
    tag: Annotated[
        int,
        Meta(ge=0x0005, le=0xFFFF, description="Its tag: vendors' own are 0x1400 to 0x3FFF (3.4 §5.3.2)."),
    ]
    value: Annotated[
        str,
        Meta(
            min_length=1, max_length=500, description="Its text, with facts in it: `{entity_id},{tm_chain}`."
        ),
    ]
    kind: Annotated[
        Literal["octets", "c-octets", "int1", "int2", "int4", "int8"],
        Meta(
            description="How it is written: as it is, with a NUL behind it, or as a number of so many octets."
        ),
    ] = "octets"
    max_length: Annotated[
        int, Meta(ge=1, le=LONGEST_TLV, description="The most octets of a text, without its NUL.")
    ] = 255
    required: Annotated[
        bool, Meta(description="Whether nothing goes this way without it; else it may be left out.")
    ] = False
    sha256: Annotated[bool, Meta(description="Whether the text's hash is sent instead of the text.")] = False
    prefix: Annotated[str, Meta(description="Only for numbers that begin so: +91, say.")] = "+"


class TlvSettings(CarrierSettings, frozen=True, kw_only=True):
    """What a carrier's settings have about TLVs."""

    tlv_presets: Annotated[
        tuple[Literal["india-dlt", "telesign"], ...],
        Meta(description="TLVs as regulators and vendors want them; docs/carriers/regulated-text.md."),
    ] = ()
    tlvs: Annotated[
        tuple[TlvRule, ...],
        Meta(max_length=MOST_RULES, description="More TLVs; one with a preset's tag takes its place."),
    ] = ()
    receipt_tlvs: Annotated[
        tuple[ReceiptTlv, ...],
        Meta(
            max_length=MOST_RULES,
            description="Names for TLVs of receipts; without one 0x1400 and up are kept as hex.",
        ),
    ] = ()


PRESETS: Mapping[str, tuple[TlvRule, ...]] = {
    # India, TRAI's DLT: ids of the entity and the template; since 2024-12-11 also the chain of telemarketers, without
    # which operators drop the SMS. To an aggregator it goes in clear, to a delivery partner as a hash
    # (doc.powersmpp.com, seen 2026-11): then 0x1402 is written as a rule with `sha256`.
    "india-dlt": (
        TlvRule(tag=0x1400, value="{entity_id}", max_length=20, required=True, prefix="+91"),
        TlvRule(tag=0x1401, value="{dlt_id}", max_length=20, required=True, prefix="+91"),
        TlvRule(tag=0x1402, value="{entity_id},{tm_chain}", required=True, prefix="+91"),
    ),
    # Telesign answers 0xC3 or 0xC4 to a submit_sm without it.
    "telesign": (TlvRule(tag=0x1414, value="OTP", required=True),),
}


class TlvFault(ValueError):
    """A TLV cannot be made of the facts; the text holds no value of one."""


def rules_of(settings: TlvSettings) -> tuple[TlvRule, ...]:
    """Those of presets first; each rule that has a preset's tag stands in its place."""
    own = {rule.tag: rule for rule in settings.tlvs}
    preset = [rule for name in dict.fromkeys(settings.tlv_presets) for rule in PRESETS[name]]
    tags = {rule.tag for rule in preset}
    return (
        *(own.get(rule.tag, rule) for rule in preset),
        *(rule for rule in settings.tlvs if rule.tag not in tags),
    )


def tlv_problems(settings: TlvSettings) -> Iterator[Problem]:
    """Places are those of the settings."""
    seen: set[int] = set()
    for number, rule in enumerate(settings.tlvs):
        place = f"tlvs[{number}]"
        if rule.tag in seen:
            yield Problem(f"{place}.tag", f"0x{rule.tag:04x} is there twice")
        seen.add(rule.tag)
        yield from (problem.below(place) for problem in _rule_problems(rule))
    tags = [rule.tag for name in dict.fromkeys(settings.tlv_presets) for rule in PRESETS[name]]
    if len(tags) != len(set(tags)):
        yield Problem("tlv_presets", "two of them have a tag in common")
    yield from receipt_tlv_problems(settings.receipt_tlvs)


def _rule_problems(rule: TlvRule) -> Iterator[Problem]:
    if rule.tag in _OURS:
        yield Problem("tag", f"0x{rule.tag:04x} is the channel's own")
    if not _PREFIX.fullmatch(rule.prefix):
        yield Problem("prefix", 'it is a prefix such as "+91", or "+" for every number')
    rest = _FACT.sub("", rule.value)
    if "{" in rest or "}" in rest:
        yield Problem("value", "a brace belongs to no fact: they are written {entity_id}")
        return
    if rule.kind in _INTEGERS and rule.sha256:
        yield Problem("sha256", "a hash is no number")
    elif not facts_in(rule):
        try:
            _written(rule, {})
        except TlvFault as fault:
            yield Problem("value", str(fault))


def facts_in(rule: TlvRule) -> tuple[str, ...]:
    """The names of the facts that its value is made of."""
    return tuple(dict.fromkeys(_FACT.findall(rule.value)))


def needs_of(rules: Iterable[TlvRule]) -> tuple[Need, ...]:
    """What every message must have registered that goes this way."""
    return tuple(
        dict.fromkeys(Need(name, rule.prefix) for rule in rules if rule.required for name in facts_in(rule))
    )


def make_tlvs(rules: Iterable[TlvRule], facts: Mapping[str, str], phone: Phone) -> Tlvs:
    """The TLVs of one message in the order of the rules. Raises TlvFault, and then nothing may be sent: messages for
    which a fact is missing are not routed here, so that what is left is one whose form does not fit.
    """
    made = []
    for rule in rules:
        if not phone.startswith(rule.prefix):
            continue
        if all(name in facts for name in facts_in(rule)):
            made.append((rule.tag, _written(rule, facts)))
        elif rule.required:
            missing = ", ".join(name for name in facts_in(rule) if name not in facts)
            raise TlvFault(f"TLV 0x{rule.tag:04x} needs {missing}")
    return tuple(made)


def _written(rule: TlvRule, facts: Mapping[str, str]) -> bytes:
    text = _FACT.sub(lambda match: facts[match[1]], rule.value)
    size = _INTEGERS.get(rule.kind)
    if size:
        # Of ASCII digits only: int() takes those of every script, and signs, blanks and underscores.
        if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) >= 256**size:
            raise TlvFault(f"the value of TLV 0x{rule.tag:04x} is no whole number of {size} octets")
        return int(text).to_bytes(size, "big")
    value = text.encode()
    if rule.sha256:
        value = hashlib.sha256(value).hexdigest().encode()
    if len(value) > rule.max_length:
        raise TlvFault(f"TLV 0x{rule.tag:04x} has {len(value)} octets; {rule.max_length} are the most")
    return value + b"\0" if rule.kind == "c-octets" else value
