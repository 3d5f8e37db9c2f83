"""The literal registry of carrier types: what the program does with a carrier document of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from onema.channels.contract import CallEvents, Carrier, ReceiptSink, Webhook
from onema.channels.handset import configuration as handset
from onema.channels.handset.calls import HandsetCalls
from onema.channels.handset.carrier import HandsetCarrier, Inbox
from onema.channels.handset.carrier import Speaker as HandsetSpeaker
from onema.channels.http_sender import esms, generic, infobip, twilio, vonage
from onema.channels.http_sender import sender as http_sender
from onema.channels.http_sender.contract import HttpCarrierSettings, Vendor
from onema.channels.http_verifier import camara as camara_verify
from onema.channels.http_verifier import twilio as twilio_verify
from onema.channels.http_verifier import verifier
from onema.channels.http_verifier import vonage as vonage_verify
from onema.channels.http_verifier.contract import Service
from onema.channels.own_codes import OwnCodes
from onema.channels.sms_smpp import configuration as smpp
from onema.channels.sms_smpp.carrier import SmppCarrier
from onema.channels.voice_sip import carrier as sip_carrier
from onema.channels.voice_sip import configuration as sip
from onema.channels.voice_sip.process import SipEngine
from onema.delivery.carriers import CarrierFactory, CarrierRefused
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, settings_of, settings_problems
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem, one_of
from onema.domain.records import Channel
from onema.engine.ports import SystemClock, steady_seconds
from onema.http.client.client import PooledClient
from onema.http.client.contract import HttpClient
from onema.http.client.trust import ClientRefused
from onema.telemetry.faults import describe_fault


class Speaker(HandsetSpeaker, sip_carrier.Speaker, Protocol):
    """Says what calls play."""


@dataclass(frozen=True)
class Surroundings:
    """What a running process has for its carriers; each type takes what it needs."""

    receipts: ReceiptSink
    inbox: Inbox
    calls: HandsetCalls
    speaker: Speaker
    now: Callable[[], int]
    """The clock in Unix ms."""
    call_events: CallEvents = lambda event: None
    """Where those that place calls tell how far each is."""
    sip: SipEngine = field(default_factory=SipEngine)
    """The process beside this one that places them over trunks."""


TEXTS, CALLS = frozenset({Channel.SMS}), frozenset({Channel.CALL})


def _no_needs(document: doc.Carrier) -> Iterable[Need]:
    return ()


def _no_advice(document: doc.Carrier, application: doc.Application) -> Iterator[Problem]:
    return iter(())


def _no_problem(document: doc.Carrier) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class CarrierType:
    """One type of carrier. `make` is called only with a document that has none of the problems below."""

    make: Callable[[doc.Carrier, Surroundings], Carrier]
    settings: type[CarrierSettings]
    """What its settings may be, and which of them are secret."""
    problems: Callable[[doc.Carrier], Iterator[Problem]] = _no_problem
    """What it refuses of a document whose settings fit: such a one is neither saved nor run."""
    own_codes: bool = False
    """Whether it makes and checks codes itself (OwnCodes): operators must say so in its documents, too."""
    check: Callable[[doc.Carrier], Iterator[Problem]] = _no_problem
    """What it refuses once it has looked around: a file that is not there, a key that is none. Asked last, of a
    document without other problems, in a thread, for a few seconds at most."""
    needs: Callable[[doc.Carrier], Iterable[Need]] = _no_needs
    """What every message must have registered under these settings (domain/configuration/needs.py), besides what the
    document itself says. Called only with settings that fit."""
    channels: frozenset[Channel] = frozenset(Channel)
    """What it can carry: no route leads anything else to it."""
    advice: Callable[[doc.Carrier, doc.Application], Iterator[Problem]] = _no_advice
    """What an application lacks whose calls may go this way. Called only with settings that fit."""
    webhook: Callable[[doc.Carrier, ReceiptSink], Webhook] | None = None
    """Makes what answers reports that come over HTTP, also in processes that do not run the carrier."""


def _handset(document: doc.Carrier, around: Surroundings) -> Carrier:
    return HandsetCarrier(
        document.name,
        around.inbox,
        around.calls,
        around.speaker,
        around.receipts,
        call_events=around.call_events,
    )


def _http_client(settings: HttpCarrierSettings) -> HttpClient:
    return PooledClient(
        seconds=settings.timeout,
        idle_connections=settings.connections,
        private_targets=settings.private_targets,
        proxy=settings.proxy.reveal(),
        ca_file=settings.ca_file,
    )


def _check_http_client(kind: type[HttpCarrierSettings], document: doc.Carrier) -> Iterator[Problem]:
    try:
        _http_client(settings_of(kind, document))
    except ClientRefused as error:
        yield Problem("settings.ca_file", str(error))


def http_carrier(vendor: Vendor) -> CarrierType:
    """The type of carrier that is this vendor's HTTP API."""

    def make(document: doc.Carrier, around: Surroundings) -> Carrier:
        return http_sender.HttpSender(document, vendor, _http_client, around.now, steady_seconds)

    return CarrierType(
        make,
        vendor.settings,
        partial(http_sender.problems_of, vendor),
        check=partial(_check_http_client, vendor.settings),
        needs=lambda document: vendor.needs(settings_of(vendor.settings, document)),
        channels=TEXTS,
        webhook=partial(http_sender.webhook, vendor),
    )


def http_verifier(service: Service) -> CarrierType:
    """The type of carrier that is this service's HTTP API, which makes and checks codes."""

    def make(document: doc.Carrier, around: Surroundings) -> Carrier:
        return OwnCodes(verifier.HttpVerifier(document, service, _http_client, around.now, steady_seconds))

    return CarrierType(
        make,
        service.settings,
        partial(verifier.problems_of, service),
        own_codes=True,
        check=partial(_check_http_client, service.settings),
        channels=service.channels,
    )


def _smpp(document: doc.Carrier, around: Surroundings) -> Carrier:
    settings = settings_of(smpp.Settings, document)
    return SmppCarrier(document.name, settings, around.receipts, now=around.now, steady=steady_seconds)


def _sip(document: doc.Carrier, around: Surroundings) -> Carrier:
    return sip_carrier.SipCarrier(
        document.name,
        sip.trunk_settings(document),
        around.sip,
        around.speaker,
        around.call_events,
        steady=steady_seconds,
    )


CARRIER_TYPES: dict[str, CarrierType] = {
    "handset": CarrierType(_handset, handset.Settings, handset.problems_of),
    "http": http_carrier(generic.vendor(SystemClock().now)),
    "esms": http_carrier(esms.VENDOR),
    "infobip": http_carrier(infobip.VENDOR),
    "twilio": http_carrier(twilio.VENDOR),
    "vonage": http_carrier(vonage.VENDOR),
    "camara": http_verifier(camara_verify.SERVICE),
    "twilio_verify": http_verifier(twilio_verify.SERVICE),
    "vonage_verify": http_verifier(vonage_verify.SERVICE),
    "sip": CarrierType(
        _sip, sip.Settings, sip.problems_of, check=sip.check, channels=CALLS, advice=sip.advice_of
    ),
    "smpp": CarrierType(
        _smpp, smpp.Settings, smpp.problems_of, check=smpp.check, needs=smpp.needs_of, channels=TEXTS
    ),
}
"""By the name that documents give as their type. A test that needs another type puts it in, and takes it out again."""


OWN_CODES = (
    "it must be true: this type makes and checks codes itself, so that its words are sent instead of an account's "
    "texts, and codes that were given are not sent at all"
)


def problems_of(document: doc.Carrier) -> Iterator[Problem]:
    """All for which the program would not run a carrier."""
    found = CARRIER_TYPES.get(document.type)
    if found is None:
        yield one_of("type", "type", document.type, CARRIER_TYPES)
        return
    if document.own_codes != found.own_codes:
        yield Problem(
            "own_codes", OWN_CODES if found.own_codes else "it must be false: this type carries our codes"
        )
        return
    for ask in (partial(settings_problems, found.settings), found.problems, found.check):
        problems = list(ask(document))
        yield from problems
        if problems:
            return


def route_problems(route: doc.Route, carrier: doc.Carrier | None) -> Iterator[Problem]:
    """Whether the route leads to a carrier that can carry what it is for."""
    found = CARRIER_TYPES.get(carrier.type) if carrier else None
    if found and route.channel not in found.channels:
        carried = " and ".join(sorted(found.channels))
        yield Problem(
            "channel", f"the carrier {route.carrier} is of a type for {carried}, not for {route.channel}"
        )


class Webhooks:
    """The webhooks of configured carriers, of those too that may not send: their receipts still come."""

    def __init__(self, carriers: Callable[[], Mapping[str, doc.Carrier]], receipts: ReceiptSink) -> None:
        self._carriers = carriers
        self._receipts = receipts
        self._made: dict[str, tuple[doc.Carrier, Webhook | None]] = {}
        """By name, with the document that each was made of."""

    def of(self, name: str) -> Webhook | None:
        """None of a carrier that there is not, that has no webhook, or that this program would not run."""
        document = self._carriers().get(name)
        if document is None:
            self._made.pop(name, None)
            return None
        made = self._made.get(name)
        if made is None or made[0] is not document:
            self._made[name] = made = (document, self._make(document))
        return made[1]

    def _make(self, document: doc.Carrier) -> Webhook | None:
        found = CARRIER_TYPES.get(document.type)
        if found is None or found.webhook is None:
            return None
        if any(settings_problems(found.settings, document)) or any(found.problems(document)):
            return None
        return found.webhook(document, self._receipts)


def needs_of(document: doc.Carrier) -> Iterable[Need]:
    """What the carrier's type asks of messages; nothing for a carrier that this program would not run."""
    found = CARRIER_TYPES.get(document.type)
    try:
        if found is None or any(settings_problems(found.settings, document)) or any(found.problems(document)):
            return ()
        return tuple(found.needs(document))
    except Exception:  # noqa: BLE001  # one type must not keep the whole configuration from being read
        return ()


def advice(document: doc.Carrier, application: doc.Application) -> Iterator[Problem]:
    """What the carrier's type says of an application; nothing for a carrier that this program would not run."""
    found = CARRIER_TYPES.get(document.type)
    if found and not any(settings_problems(found.settings, document)):
        yield from found.advice(document, application)


def settings_kind(document: doc.Carrier) -> type[CarrierSettings] | None:
    """What the carrier's settings may be; None where there is no such type."""
    found = CARRIER_TYPES.get(document.type)
    return found.settings if found else None


def carrier_factory(around: Surroundings) -> CarrierFactory:
    """Makes carriers of documents. Raises CarrierRefused for what `problems_of` says, since what was saved by another
    version of the program may be refused by this one, and for whatever a type raises: the others run without it.
    """

    def make(document: doc.Carrier) -> Carrier:
        try:
            refused = "; ".join(map(str, problems_of(document)))
            if not refused:
                return CARRIER_TYPES[document.type].make(document, around)
        except Exception as error:  # noqa: BLE001  # one type must not keep the carriers of others from running
            # Its words may quote a secret setting.
            refused = describe_fault(error)
        raise CarrierRefused(f"Carrier {document.name!r}: {refused}.")

    return make
