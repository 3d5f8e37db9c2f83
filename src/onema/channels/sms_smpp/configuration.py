"""What may be configured of a carrier of the type `smpp`."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from onema.channels.sms_smpp.message_ids import IdBase
from onema.channels.sms_smpp.outcomes import StatusRule, status_problems
from onema.channels.sms_smpp.reports import ReceiptError, receipt_error_problems
from onema.channels.sms_smpp.tlv_rules import TlvSettings, rules_of, tlv_problems
from onema.channels.sms_smpp.tlv_rules import needs_of as needs_of_rules
from onema.channels.tls import TlsRefused, context_of
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.documents import Carrier
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem, shown
from onema.protocols.smpp.pdus import LONGEST_CREDENTIAL
from onema.secret import Secret

MOST_ROWS = (16, 200, 200)
"""Addresses, rules for statuses, rules for receipts' errors."""
WINDOW = 10
QUEUE_SECONDS = 10.0
ANSWER_SECONDS = 30.0
MOST_BINDS = 100
"""Of a process; each is a connection."""
PORT, TLS_PORT = 2775, 3550
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")


class Settings(TlvSettings, frozen=True, kw_only=True):
    addresses: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            max_length=MOST_ROWS[0],
            description="The SMSC's, as `host` or `host:port` (2775, with TLS 3550). Binds are spread over several, "
            "and each tries the next one when its own does not answer.",
        ),
    ]
    system_id: Annotated[
        str, Meta(min_length=1, max_length=LONGEST_CREDENTIAL, description="The name to bind with.")
    ]
    password: Annotated[Secret, Meta(description="The password to bind with.")] = Secret()
    system_type: Annotated[
        str, Meta(max_length=12, description="What a few SMSCs want to be told at the bind.")
    ] = ""
    interface_version: Annotated[
        Literal["3.3", "3.4", "5.0"], Meta(description="The version that the bind names.")
    ] = "3.4"
    bind: Annotated[
        Literal["transceiver", "separate", "transmitter"],
        Meta(
            description="separate: the second bind of each process receives, the others send. transmitter: no receipts "
            "come over this carrier."
        ),
    ] = "transceiver"
    binds: Annotated[
        int,
        Meta(
            ge=1, le=MOST_BINDS, description="Of each process, where the carrier has no `capacity` over all."
        ),
    ] = 1
    window: Annotated[
        int,
        Meta(ge=1, le=10_000, description="Messages (segments) of a bind that may be unanswered at once."),
    ] = WINDOW
    bind_per_second: Annotated[
        float,
        Meta(
            ge=0, le=100_000, description="Segments that each bind sends in a second; 0: no limit of its own."
        ),
    ] = 0.0
    throttle_pause: Annotated[
        float,
        Meta(ge=0.05, le=60, description="Seconds that a bind rests when the SMSC says that it is too much."),
    ] = 1.0
    queue_seconds: Annotated[
        float,
        Meta(
            ge=0.5, le=300, description="How long a message may wait here for the window, the pace or a bind."
        ),
    ] = QUEUE_SECONDS
    answer_seconds: Annotated[
        float,
        Meta(
            ge=0.1, le=300, description="How long an answer may take; then nobody knows whether it has left."
        ),
    ] = ANSWER_SECONDS
    enquire_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="A silent SMSC is asked (enquire_link) after so long, and is dead when it says nothing for "
            "answer_seconds. 0: never.",
        ),
    ] = 30.0
    connect_seconds: Annotated[
        float, Meta(ge=0.1, le=60, description="How long connecting, and then binding, may take, each.")
    ] = 10.0
    service_type: Annotated[str, Meta(max_length=5, description="service_type of each message.")] = ""
    source_ton: Annotated[
        int,
        Meta(
            ge=-1,
            le=255,
            description="Type of number of every sender; -1: 5 for names, 1 for numbers, 0 for short codes.",
        ),
    ] = -1
    source_npi: Annotated[
        int,
        Meta(ge=-1, le=255, description="Numbering plan of every sender; -1: 0 for names, 1 for numbers."),
    ] = -1
    destination_ton: Annotated[int, Meta(ge=0, le=255, description="Type of number of phones.")] = 1
    destination_npi: Annotated[int, Meta(ge=0, le=255, description="Numbering plan of phones.")] = 1
    esm_class: Annotated[
        int, Meta(ge=0, le=3, description="Messaging mode: 0 the SMSC's own, 3 store and forward.")
    ] = 0
    protocol_id: Annotated[int, Meta(ge=0, le=255, description="protocol_id of each message.")] = 0
    priority: Annotated[int, Meta(ge=0, le=3, description="priority_flag of each message.")] = 0
    registered_delivery: Annotated[
        int, Meta(ge=0, le=255, description="1 asks for receipts of final states, 0 for none.")
    ] = 1
    validity: Annotated[
        Literal["relative", "absolute", "none"],
        Meta(description="How the SMSC is told when the code dies, so that it drops it then."),
    ] = "relative"
    concatenation: Annotated[
        Literal["udh", "sar", "payload"],
        Meta(
            description="Long texts: a header in each part, TLVs beside each part, or all of it in message_payload."
        ),
    ] = "udh"
    default_alphabet: Annotated[
        Literal["gsm", "latin1"], Meta(description="What the SMSC takes data_coding 0 for.")
    ] = "gsm"
    id_base: Annotated[
        IdBase,
        Meta(
            description="How ids are written, in answers and in receipts: the same texts, texts in any case, decimal "
            "or hex numbers, hex in answers and decimal in receipts, the other way round; auto finds out."
        ),
    ] = "text"
    plain_receipts: Annotated[
        bool,
        Meta(
            description="Whether texts under esm_class 0 that look like receipts are some. Whoever has a phone can "
            "write one, where the SMSC hands on texts of phones."
        ),
    ] = False
    statuses: Annotated[
        tuple[StatusRule, ...],
        Meta(
            max_length=MOST_ROWS[1], description="What statuses mean, where this SMSC means something else."
        ),
    ] = ()
    receipt_errors: Annotated[
        tuple[ReceiptError, ...],
        Meta(max_length=MOST_ROWS[2], description="How a message ended by the `err:` of its receipt."),
    ] = ()
    tls: Annotated[bool, Meta(description="Whether to speak TLS, and to check the SMSC's certificate.")] = (
        False
    )
    tls_ca_file: Annotated[
        str, Meta(description="PEM file of the authorities to trust instead of the usual ones.")
    ] = ""
    tls_certificate_file: Annotated[
        str, Meta(description="PEM file of our own certificate, and those above it.")
    ] = ""
    tls_key_file: Annotated[str, Meta(description="PEM file of its key, where that is another one.")] = ""
    tls_server_name: Annotated[
        str,
        Meta(max_length=253, description="The name in the SMSC's certificate, where it is not the address."),
    ] = ""


class Where(NamedTuple):
    """An address of an SMSC."""

    host: str
    port: int


def where(written: str, *, tls: bool) -> Where:
    """Raises ValueError for what is no address."""
    found = _ADDRESS.fullmatch(written)
    if found is None or (found[2] and not 0 < int(found[2]) < 65_536):
        raise ValueError(f"{shown(written)} is no host or host:port")
    return Where(found[1].strip("[]"), int(found[2] or (TLS_PORT if tls else PORT)))


def problems_of(carrier: Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    found: list[Problem] = []
    for number, address in enumerate(settings.addresses):
        try:
            where(address, tls=settings.tls)
        except ValueError as error:
            found.append(Problem(f"addresses[{number}]", str(error)))
    password = settings.password.reveal()
    if len(password) > LONGEST_CREDENTIAL:
        found.append(Problem("password", f"it has at most {LONGEST_CREDENTIAL} characters"))
    texts = {name: getattr(settings, name) for name in ("system_id", "system_type", "service_type")}
    for name, text in {**texts, "password": password}.items():
        if not text.isascii() or not text.isprintable():
            found.append(Problem(name, "it has other characters than printable ASCII"))
    if not settings.tls:
        for name in ("tls_ca_file", "tls_certificate_file", "tls_key_file", "tls_server_name"):
            if getattr(settings, name):
                found.append(Problem(name, "it needs tls = true"))
    if settings.tls_key_file and not settings.tls_certificate_file:
        found.append(Problem("tls_certificate_file", "a key needs its certificate"))
    found += status_problems(settings.statuses)
    found += receipt_error_problems(settings.receipt_errors)
    found += tlv_problems(settings)
    yield from (problem.below("settings") for problem in found)


def needs_of(carrier: Carrier) -> Iterable[Need]:
    """What its TLVs are made of."""
    return needs_of_rules(rules_of(settings_of(Settings, carrier)))


def check(carrier: Carrier) -> Iterator[Problem]:
    """Whether the files of TLS are there and fit."""
    try:
        context_of(settings_of(Settings, carrier))
    except TlsRefused as error:
        yield Problem(f"settings.{error.setting}", str(error))
