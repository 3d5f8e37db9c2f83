"""What holds together and may be meant, but probably is not: `onema apply` and `onema doctor` tell of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import phonenumbers

from onema.domain.configuration import documents as doc
from onema.domain.configuration.message_template import CODE_MARKER
from onema.domain.configuration.problems import Problem, place_of
from onema.domain.configuration.rules import After, Key
from onema.domain.records import Channel

PLENTY_SECRET = 16
"""Characters of a secret that nobody guesses, however fast they may try."""

_SPOKEN = {Channel.SMS: "SMS", Channel.CALL: "calls"}
Advice = Iterator[tuple[Key, Problem]]
"""(the document that it is about, what may be wrong)."""


def advice(documents: After) -> Advice:
    """About all documents that are in use."""
    for credential in documents.of_kind(doc.Credential):
        if credential.state == "active":
            yield from _about(credential, _secret(credential))
    for template in documents.of_kind(doc.Template):
        if template.state == "active":
            yield from _about(template, _text(template))
    yield from _accounts(documents)


def _about(document: doc.Document, problems: Iterable[Problem]) -> Advice:
    for problem in problems:
        yield (document.kind, document.identity), problem.below(place_of(document))


def _secret(credential: doc.Credential) -> Iterator[Problem]:
    length = len(credential.secret)
    if length < PLENTY_SECRET:
        yield Problem("secret", f"it has {length} characters; {PLENTY_SECRET} at random cannot be guessed")


def _text(template: doc.Template) -> Iterator[Problem]:
    if CODE_MARKER in template.text:
        return
    if "{" in template.text:
        yield Problem("", f"a code fits only where words may stand: it has no {CODE_MARKER}")
    else:
        yield Problem("", f"no code fits into this text: it has no {CODE_MARKER}")


def _accounts(documents: After) -> Advice:
    tariffs = {tariff.name: tariff for tariff in documents.of_kind(doc.Tariff)}
    carriers = {carrier.name for carrier in documents.of_kind(doc.Carrier) if carrier.state == "active"}
    routes = [route for route in documents.of_kind(doc.Route) if route.carrier in carriers]
    routed = {channel: {route.prefix for route in routes if route.channel == channel} for channel in Channel}
    senders: dict[Channel, set[str]] = {
        Channel.SMS: {one.account for one in documents.of_kind(doc.Brandname) if one.state == "active"},
        Channel.CALL: {
            one.account
            for one in documents.of_kind(doc.Application)
            if one.state == "active" and one.voice_code
        },
    }
    for account in documents.of_kind(doc.Account):
        if account.state != "active":
            continue
        yield from _about(account, _terms(account))
        for channel in Channel:
            if account.name in senders[channel]:
                tariff = tariffs.get(account.tariff)
                yield from _about(account, _unpriced(account, channel, tariff))
                yield from _about(account, _unrouted(account, channel, routed))


def _terms(account: doc.Account) -> Iterator[Problem]:
    if account.windows is not None and not any(window.per == "phone" for window in account.windows):
        yield Problem(
            "windows",
            "none counts per phone: anybody can have a phone bombed with codes, and guess at each new one, the easier "
            'the shorter they are. Add { per = "phone", seconds = 600, limit = 5 }, or leave them out for the defaults',
        )
    if account.wallet == "prepaid" and account.credit_limit is not None:
        yield Problem("credit_limit", 'only a wallet that is "postpaid" has one; this one stops at its floor')
    if account.wallet == "postpaid" and account.floor != "0":
        yield Problem("floor", 'only a wallet that is "prepaid" stops there; this one has its credit_limit')


def _unpriced(account: doc.Account, channel: Channel, tariff: doc.Tariff | None) -> Iterator[Problem]:
    prefixes = {rate.prefix for rate in tariff.rates if rate.channel == channel} if tariff else set()
    where = _not_reached(account, prefixes)
    if where is not None:
        yield Problem(
            "tariff", f"{account.tariff!r} has no price for {_SPOKEN[channel]}{where}: they are refused"
        )


def _unrouted(
    account: doc.Account, channel: Channel, routed: Mapping[Channel, set[str]]
) -> Iterator[Problem]:
    where = _not_reached(account, routed[channel])
    if where is not None:
        yield Problem("", f"no route leads {_SPOKEN[channel]}{where} to an active carrier: none is delivered")


def _not_reached(account: doc.Account, prefixes: Collection[str]) -> str | None:
    """Which of the account's countries no prefix has to do with, in words; None when there is nothing to say."""
    if not prefixes:
        return ""
    countries = account.countries or ((account.country,) if account.country else ())
    missing = [country for country in countries if country != "*" and not _covers(prefixes, country)]
    return f" to {', '.join(missing)}" if missing else None


def _covers(prefixes: Collection[str], country: str) -> bool:
    code = f"+{phonenumbers.country_code_for_region(country)}"
    return any(prefix.startswith(code) or code.startswith(prefix) for prefix in prefixes)
