"""The directory: an immutable in-memory snapshot of the configuration, arranged for the hot path.

Built from documents; a change of configuration makes a new snapshot. Nothing here is ever mutated after
building, except memos of pure functions.
"""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Mapping
from typing import TypeVar

from onema.domain import documents as doc
from onema.domain.destinations import REACHED, NumberType, number_type
from onema.domain.message_template import MessageTemplate, place_code
from onema.domain.money import Minor, parse_amount
from onema.domain.phone import country_of
from onema.domain.records import Channel
from onema.domain.refusals import Refusal, Refused

DocumentKey = tuple[str, str]
D = TypeVar("D", bound=doc.Document)

_MEMO_LIMIT = 1_000
# A template's 1,000 characters and ten placeholders of 500: no longer text can fit one.
_LONGEST_MESSAGE = 6_000
_ANY_COUNTRY = "*"


def parse_time(text: str) -> int:
    """ISO 8601 to Unix milliseconds; UTC when it names no zone; "" is never (0). Raises ValueError."""
    if not text:
        return 0
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)


class AddressList:
    """IP networks that may call; empty allows everyone."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(address.strip(), strict=False) for address in addresses)

    def admits(self, client_ip: str) -> bool:
        if not self._networks:
            return True
        try:
            address = ipaddress.ip_address(client_ip)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


class TariffView:
    """Prices, longest prefix first."""

    def __init__(self, tariff: doc.Tariff | None) -> None:
        rates = sorted(tariff.rates if tariff else (), key=lambda rate: -len(rate.prefix))
        self._rates = {
            channel: tuple(
                (rate.prefix, parse_amount(rate.price), rate.period)
                for rate in rates
                if rate.channel == channel
            )
            for channel in Channel
        }

    def rate(self, channel: Channel, phone: str) -> tuple[Minor, int]:
        """(price, period in seconds) of a segment or of a started period. Raises Refused(PRICE_MISSING)."""
        for prefix, price, period in self._rates[channel]:
            if phone.startswith(prefix):
                return price, period
        raise Refused(Refusal.PRICE_MISSING, f"no {channel} price for this number")


class BrandnameView:
    def __init__(self, brandname: doc.Brandname, templates: Iterable[doc.Template]) -> None:
        self.name = brandname.name
        self.active = brandname.state == "active"
        self.expires_at = parse_time(brandname.expires_at)
        self._templates = tuple(
            (MessageTemplate.parse(template.text), template)
            for template in templates
            if template.state == "active"
        )
        self._memo: dict[tuple[str, int], doc.Template] = {}

    @property
    def templates(self) -> tuple[doc.Template, ...]:
        return tuple(template for _, template in self._templates)

    def template_for(self, message: str, code_length: int) -> doc.Template | None:
        """The registered template that this text fits, with its marker and with a code of this length in place.
        Remembered, because integrators repeat their texts.
        """
        known = self._memo.get((message, code_length))
        if known is not None or len(message) > _LONGEST_MESSAGE:
            return known
        with_code = place_code(message, "0" * code_length)
        for parsed, template in self._templates:
            if parsed.accepts(message) and parsed.accepts(with_code):
                if len(self._memo) >= _MEMO_LIMIT:
                    del self._memo[next(iter(self._memo))]
                self._memo[message, code_length] = template
                return template
        return None


class ApplicationView:
    def __init__(self, application: doc.Application) -> None:
        self.document = application
        self.name = application.name
        self.active = application.state == "active"
        self.allowed_ips = AddressList(application.allowed_ips)


class AccountView:
    """Everything of one account that a decision may ask for."""

    def __init__(
        self,
        account: doc.Account,
        tariff: doc.Tariff | None,
        brandnames: Iterable[BrandnameView],
        applications: Iterable[ApplicationView],
    ) -> None:
        self.document = account
        self.id = account.number
        self.name = account.name
        self.active = account.state == "active"
        self.country = account.country
        self.allowed_ips = AddressList(account.allowed_ips)
        self.tariff = TariffView(tariff)
        self.prepaid = account.wallet == "prepaid"
        self.wallet_expires_at = parse_time(account.wallet_expires_at)
        self.lowest_balance = _lowest_balance(account)
        self.capture_on_submitted = account.capture_on == "submitted"
        self.callback_url = account.callback_url
        self.brandnames = {brandname.name: brandname for brandname in brandnames}
        self.applications = {application.name: application for application in applications}
        self._reached = _reached(account.destinations)
        windows = doc.DEFAULT_WINDOWS if account.windows is None else account.windows
        self.windows: dict[str, tuple[tuple[int, int], ...]] = {}
        """By scope: (seconds, at most so often)."""
        for window in windows:
            limit = (window.seconds, window.limit)
            self.windows[window.per] = (*self.windows.get(window.per, ()), limit)

    def admit_destination(self, phone: str, home: str, channel: Channel) -> None:
        """`home` is where the request's national numbers belong.

        Raises Refused(COUNTRY_NOT_ALLOWED | DESTINATION_NOT_ALLOWED).
        """
        country, countries = country_of(phone), self.document.countries
        if country not in (countries or (home,)) and _ANY_COUNTRY not in countries:
            raise Refused(Refusal.COUNTRY_NOT_ALLOWED)
        if (kind := number_type(phone, country)) not in self._reached[channel]:
            raise Refused(Refusal.DESTINATION_NOT_ALLOWED, f"{kind} is not among the account's destinations")


def _reached(destinations: tuple[str, ...]) -> dict[Channel, frozenset[NumberType]]:
    """Every account without `destinations` of its own shares one."""
    more = frozenset(map(NumberType, destinations))
    return {channel: kinds | more for channel, kinds in REACHED.items()} if destinations else REACHED


def _lowest_balance(account: doc.Account) -> int | None:
    """How low the balance may go; None for a postpaid account without a limit."""
    if account.wallet == "prepaid":
        return parse_amount(account.floor)
    return None if account.credit_limit is None else -parse_amount(account.credit_limit)


class CredentialView:
    def __init__(self, credential: doc.Credential, account: AccountView, application: ApplicationView | None):
        self.key = credential.key
        self.secret = credential.secret
        self.secret_bytes = credential.secret.encode()
        self.active = credential.state == "active"
        self.account = account
        self.application = application


class PoolView:
    def __init__(self, pool: doc.HotlinePool, hotlines: Iterable[doc.Hotline]) -> None:
        self.name = pool.name
        self.active = pool.state == "active"
        self.hotlines = tuple(hotline for hotline in hotlines if hotline.state == "active")


class Directory:
    """One snapshot. `documents` maps (kind, identity) to what is configured, secrets in clear."""

    def __init__(self, documents: Mapping[DocumentKey, doc.Document], revision: int = 0) -> None:
        self.documents = dict(documents)
        self.revision = revision
        tariffs = {tariff.name: tariff for tariff in self.of_kind(doc.Tariff)}
        templates: dict[tuple[str, str], list[doc.Template]] = {}
        for template in self.of_kind(doc.Template):
            templates.setdefault((template.account, template.brandname), []).append(template)
        brandnames: dict[str, list[BrandnameView]] = {}
        for brandname in self.of_kind(doc.Brandname):
            view = BrandnameView(brandname, templates.get((brandname.account, brandname.name), ()))
            brandnames.setdefault(brandname.account, []).append(view)
        applications: dict[str, list[ApplicationView]] = {}
        for application in self.of_kind(doc.Application):
            applications.setdefault(application.account, []).append(ApplicationView(application))

        self.account_named = {
            account.name: AccountView(
                account,
                tariffs.get(account.tariff),
                brandnames.get(account.name, ()),
                applications.get(account.name, ()),
            )
            for account in self.of_kind(doc.Account)
        }
        self.accounts = {view.id: view for view in self.account_named.values()}
        self.credentials = {
            (credential.dialect, credential.key): CredentialView(
                credential,
                self.account_named[credential.account],
                self.account_named[credential.account].applications.get(credential.application),
            )
            for credential in self.of_kind(doc.Credential)
        }
        self.application_with_appid = {
            application.document.appid: (account, application)
            for account in self.account_named.values()
            for application in account.applications.values()
            if application.document.appid
        }
        hotlines: dict[str, list[doc.Hotline]] = {}
        for hotline in self.of_kind(doc.Hotline):
            hotlines.setdefault(hotline.pool, []).append(hotline)
        self.pools = {
            pool.name: PoolView(pool, hotlines.get(pool.name, ())) for pool in self.of_kind(doc.HotlinePool)
        }
        self.carriers = {carrier.name: carrier for carrier in self.of_kind(doc.Carrier)}
        self.routes = tuple(
            sorted(
                self.of_kind(doc.Route), key=lambda route: (-len(route.prefix), route.priority, route.carrier)
            )
        )
        self.users = {user.name: user for user in self.of_kind(doc.User)}

    def of_kind(self, kind: type[D]) -> Iterable[D]:
        return (document for document in self.documents.values() if isinstance(document, kind))

    def replace(self, changed: Mapping[DocumentKey, doc.Document | None], revision: int) -> "Directory":
        """A new snapshot in which the changed documents are replaced, or gone where None."""
        documents = {**self.documents, **changed}
        return Directory(
            {key: document for key, document in documents.items() if document is not None}, revision
        )
