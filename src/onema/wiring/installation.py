"""What this program can do with configuration documents: its dialects (dialects.py), and its carrier types
(carriers.py), each with its own rules.

Whoever saves documents asks here first, be it the server or a command line on the server's store.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from onema.domain.compliance.banks import bank_advice
from onema.domain.compliance.snapshot import CodeLife
from onema.domain.configuration import carrier_settings
from onema.domain.configuration import documents as doc
from onema.domain.configuration.advice import Advice
from onema.domain.configuration.advice import advice as configuration_advice
from onema.domain.configuration.callback_target import URL_FIELDS, callback_url_problem
from onema.domain.configuration.needs import written_needs
from onema.domain.configuration.problems import Problem, one_of, place_of
from onema.domain.configuration.registration_advice import registration_advice
from onema.domain.configuration.rules import After
from onema.wiring import carriers, dialects

SIMULATED = "handset"
"""Codes of real people must not be readable on a simulated phone."""


class ThisInstallation:
    """The rules of this program under its settings: `handset_beside_carriers` lets both stand beside each other,
    `private_targets` lets callback URLs name this machine and private networks, `code_lives` are by dialect,
    and an account may have its messages kept for so many days as are in `keep_days`.
    """

    def __init__(
        self,
        *,
        handset_beside_carriers: bool = False,
        private_targets: bool = False,
        code_lives: Mapping[str, CodeLife] = MappingProxyType({}),
        keep_days: range = range(1, 91),
    ) -> None:
        self._handset_beside_carriers = handset_beside_carriers
        self._private_targets = private_targets
        self.code_lives = code_lives
        self._keep_days = keep_days

    def problems(self, after: After) -> Iterator[Problem]:
        """What is wrong here with the changed documents."""
        for document in after.changed.values():
            if isinstance(document, doc.Credential | doc.Carrier):
                yield from (problem.below(place_of(document)) for problem in problems_of(document))
            if isinstance(document, doc.Route):
                carrier = after.get(("carrier", document.carrier))
                found = carriers.route_problems(
                    document, carrier if isinstance(carrier, doc.Carrier) else None
                )
                yield from (problem.below(place_of(document)) for problem in found)
            if isinstance(document, doc.Account) and document.keep_days not in (0, *self._keep_days):
                shortest, longest = self._keep_days.start, self._keep_days.stop - 1
                fault = (
                    f"it is 0, or {shortest} to {longest} days here: so long messages are counted, and so long all "
                    "are kept (`retention.days`)"
                )
                yield Problem("keep_days", fault).below(place_of(document))
            if isinstance(document, doc.Account | doc.Application) and not self._private_targets:
                yield from _private_target(document)
        if any(isinstance(document, doc.Carrier) for document in after.changed.values()):
            known = {
                carrier.name: carrier
                for carrier in after.of_kind(doc.Carrier)
                if carrier.type in carriers.CARRIER_TYPES
            }
            if not self._handset_beside_carriers:
                yield from handset_beside_carriers(known)

    def masked(self, document: doc.Document) -> doc.Document:
        return masked(document)


def masked(document: doc.Document) -> doc.Document:
    """The document without its secrets, also those among a carrier's settings."""
    kind = carriers.settings_kind(document) if isinstance(document, doc.Carrier) else None
    return carrier_settings.masked(document, kind)


def advice(documents: After, voices: Collection[str], now: int) -> Advice:
    """What this program could do better with documents; `voices` are those that it has here, `now` is in Unix ms."""
    yield from configuration_advice(documents)
    needs = {
        one.name: (*written_needs(one.needs), *carriers.needs_of(one))
        for one in documents.of_kind(doc.Carrier)
    }
    yield from registration_advice(documents, needs, now)
    yield from bank_advice(documents, now)
    for caller in documents.of_kind(doc.Application):
        # Another node may have a pack of its own, so this is no refusal.
        if caller.voice and caller.voice not in voices:
            unknown = one_of("voice", "voice", caller.voice, voices)
            yield (caller.kind, caller.identity), unknown.below(place_of(caller))
        for problem in _of_carriers(documents, caller):
            yield (caller.kind, caller.identity), problem.below(place_of(caller))
    for credential in documents.of_kind(doc.Credential):
        application = documents.get(("application", f"{credential.account}/{credential.application}"))
        dialect = dialects.DIALECTS.get(credential.dialect)
        if dialect and credential.state == "active" and isinstance(application, doc.Application):
            for problem in dialect.advice(application):
                yield (application.kind, application.identity), problem.below(place_of(application))


def _of_carriers(documents: After, caller: doc.Application) -> Iterator[Problem]:
    """What the carriers that may place an application's calls say of it."""
    if caller.state != "active":
        return
    routed = {route.carrier for route in documents.of_kind(doc.Route) if route.channel == "call"}
    for carrier in documents.of_kind(doc.Carrier):
        if carrier.name in routed and carrier.state == "active":
            yield from carriers.advice(carrier, caller)


def _private_target(document: doc.Account | doc.Application) -> Iterator[Problem]:
    """What was saved while they were allowed, or before there was a rule, is left to the connection's own guard."""
    for field in URL_FIELDS:
        fault = callback_url_problem(document, field, private_targets=False)
        # What is wrong with a URL anywhere is said by the rules of documents.
        if fault and not callback_url_problem(document, field):
            yield Problem(field, fault).below(place_of(document))


def problems_of(document: doc.Credential | doc.Carrier) -> Iterator[Problem]:
    """What a credential's dialect, or a carrier's type, refuses of it."""
    if isinstance(document, doc.Credential):
        return dialects.problems_of(document)
    return carriers.problems_of(document)


def handset_beside_carriers(documents: Mapping[str, doc.Carrier]) -> Iterator[Problem]:
    """Those that are active must not be a handset and real ones."""
    active = [carrier for carrier in documents.values() if carrier.state == "active"]
    handsets = [carrier for carrier in active if carrier.type == SIMULATED]
    if handsets and len(handsets) < len(active):
        yield Problem(
            place_of(handsets[0]),
            "the simulated handset would stand beside real carriers: codes could be read on it. Take it out, or set "
            "`handset.beside_carriers` if you mean it",
        )
