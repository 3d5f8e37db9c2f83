"""The literal registry of carrier types: what the program does with a carrier document of each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from onema.channels.contract import Carrier, ReceiptSink
from onema.channels.handset import configuration as handset
from onema.channels.handset.calls import HandsetCalls
from onema.channels.handset.carrier import HandsetCarrier, Inbox, Speaker
from onema.delivery.carriers import CarrierFactory, CarrierRefused
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import Problem, one_of


@dataclass(frozen=True)
class Surroundings:
    """What a running process has for its carriers; each type takes what it needs."""

    receipts: ReceiptSink
    inbox: Inbox
    calls: HandsetCalls
    speaker: Speaker


def _no_problem(document: doc.Carrier) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class CarrierType:
    """One type of carrier. `make` is called only with a document that has no `problems`."""

    make: Callable[[doc.Carrier, Surroundings], Carrier]
    problems: Callable[[doc.Carrier], Iterator[Problem]]
    """What it refuses of a document: such a one is neither saved nor run."""
    advice: Callable[[doc.Carrier], Iterator[Problem]] = _no_problem
    """What is probably not meant."""


def _handset(document: doc.Carrier, around: Surroundings) -> Carrier:
    return HandsetCarrier(document.name, around.inbox, around.calls, around.speaker, around.receipts)


CARRIER_TYPES: Mapping[str, CarrierType] = {
    "handset": CarrierType(_handset, handset.problems_of, handset.advice),
}
"""By the name that documents give as their type."""


def problems_of(document: doc.Carrier) -> Iterator[Problem]:
    """What the document's type refuses of it."""
    found = CARRIER_TYPES.get(document.type)
    if found is None:
        return iter((one_of("type", "type", document.type, CARRIER_TYPES),))
    return found.problems(document)


def advice_on(document: doc.Carrier) -> Iterator[Problem]:
    """What its type would have otherwise in the document."""
    found = CARRIER_TYPES.get(document.type)
    return found.advice(document) if found else iter(())


def carrier_factory(around: Surroundings) -> CarrierFactory:
    """Makes carriers of documents. Raises CarrierRefused for what `problems_of` says, since what was saved by another
    version of the program may be refused by this one.
    """

    def make(document: doc.Carrier) -> Carrier:
        refused = "; ".join(map(str, problems_of(document)))
        if refused:
            raise CarrierRefused(f"Carrier {document.name!r}: {refused}.")
        return CARRIER_TYPES[document.type].make(document, around)

    return make
