"""The directory: an immutable in-memory snapshot of the configuration, arranged for the hot path.

Built from documents; a change of configuration makes a new snapshot, which shares with the one before it all that
the change does not concern. Views are made when somebody first asks for them, so that a snapshot of thousands of
accounts costs little more than a copy of its indexes. Nothing here is ever mutated after building, except memos of
pure functions.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from onema.domain.configuration import documents as doc
from onema.domain.configuration.brandname_view import BrandnameView
from onema.domain.configuration.document_mappings import OWNER, DocumentKey, DocumentsByKind, ViewsByOwner
from onema.domain.configuration.guard_view import Guards
from onema.domain.configuration.needs import Need, unmet_needs, written_needs
from onema.domain.configuration.registered import facts_of
from onema.domain.ids import AccountId
from onema.domain.records import Channel
from onema.domain.refusals import AccountAway, Refusal, Refused
from onema.domain.values.address_list import AddressList
from onema.domain.values.destinations import REACHED, NumberType, number_type
from onema.domain.values.money import Minor, parse_amount
from onema.domain.values.phone import Phone, country_of
from onema.domain.values.times import parse_time

D = TypeVar("D", bound=doc.Document)

_ANY_COUNTRY = "*"


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

    def rate(self, channel: Channel, phone: Phone) -> tuple[Minor, int]:
        """(price, period in seconds) of a segment or of a started period. Raises Refused(PRICE_MISSING)."""
        for prefix, price, period in self._rates[channel]:
            if phone.startswith(prefix):
                return price, period
        raise Refused(Refusal.PRICE_MISSING, f"no {channel} price for this number")


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
        brandnames: Iterable[BrandnameView],
        applications: Iterable[ApplicationView],
    ) -> None:
        self.document = account
        self.id = AccountId(account.number)
        self.name = account.name
        self.active = account.state == "active"
        self.country = account.country
        self.allowed_ips = AddressList(account.allowed_ips)
        self.prepaid = account.wallet == "prepaid"
        self.wallet_expires_at = parse_time(account.wallet_expires_at)
        self.lowest_balance = _lowest_balance(account)
        self.low_balance = None if account.low_balance is None else parse_amount(account.low_balance)
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

    def calls_safe(self, phone: str) -> bool:
        """Whether the customer says that the guard is to let it through."""
        safe = self.document.safe_numbers
        return bool(safe) and (phone in self._safe or f"{phone[:-3]}xxx" in self._safe)

    @cached_property
    def _safe(self) -> frozenset[str]:
        return frozenset(self.document.safe_numbers)

    @cached_property
    def named_templates(self) -> dict[str, doc.Template]:
        """Those of its active texts that have a name."""
        every = (template for brandname in self.brandnames.values() for template in brandname.templates)
        return {template.name: template for template in every if template.name}

    def facts(
        self, application: str, brandname: BrandnameView | None, template: doc.Template | None = None
    ) -> dict[str, str]:
        """What is registered about a message (registered.py). Nobody may change what it returns."""
        caller = self.applications.get(application)
        return facts_of(
            self.document.registered,
            caller.document.registered if caller else {},
            brandname.registered if brandname else {},
            template.registered if template else {},
        )

    def admit_destination(self, phone: Phone, home: str, channel: Channel) -> None:
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


def _lowest_balance(account: doc.Account) -> Minor | None:
    """How low the balance may go; None for a postpaid account without a limit."""
    if account.wallet == "prepaid":
        return parse_amount(account.floor)
    return None if account.credit_limit is None else Minor(-parse_amount(account.credit_limit))


class CredentialView:
    def __init__(self, credential: doc.Credential, account: AccountView, application: ApplicationView | None):
        self.key = credential.key
        self.secret = credential.secret
        self.secret_bytes = credential.secret.encode()
        self.active = credential.state == "active"
        self.account = account
        self.application = application
        self.scopes = frozenset(credential.scopes or doc.USUAL_SCOPES)


class PoolView:
    def __init__(self, pool: doc.HotlinePool, hotlines: Iterable[doc.Hotline]) -> None:
        self.name = pool.name
        self.active = pool.state == "active"
        self.hotlines = tuple(hotline for hotline in hotlines if hotline.state == "active")


class AccountDocuments:
    """One account's documents, and the views that are made of them when somebody first asks.

    What was made of the account's earlier documents is used again where these are the same.
    """

    __slots__ = ("_credentials", "_earlier", "_view", "account", "below")

    def __init__(
        self,
        account: doc.Account | None,
        below: Mapping[DocumentKey, doc.Document],
        before: "AccountDocuments | None" = None,
    ) -> None:
        self.account = account
        self.below = below
        self._view: AccountView | None = None
        self._credentials: dict[tuple[str, str], CredentialView] = {}
        self._earlier: AccountView | None = (before._view or before._earlier) if before else None

    @property
    def view(self) -> AccountView:
        """Raises LookupError without an account, ValueError and Refused for what cannot be used."""
        if self._view is None:
            self._view = self._make_view()
            self._earlier = None
        return self._view

    def view_for(self, _: str | int) -> AccountView:
        return self._view or self.view

    @property
    def away(self) -> AccountAway | None:
        """Why nothing is decided here for the account; None where it is here."""
        account = self.account
        if account is None or not (account.moving_to or account.moved_to):
            return None
        return AccountAway(account.moved_to or account.moving_to, is_there=bool(account.moved_to))

    def credential(self, key: tuple[str, str]) -> CredentialView:
        """By (dialect, key). Raises AccountAway, whatever has become of the key where the account is."""
        if away := self.away:
            raise away
        known = self._credentials.get(key)
        if known is None:
            credential = next(one for one in self.of_kind(doc.Credential) if (one.dialect, one.key) == key)
            application = self.view.applications.get(credential.application)
            known = self._credentials[key] = CredentialView(credential, self.view, application)
        return known

    def application_with(self, appid: str) -> tuple[AccountView, ApplicationView]:
        applications = self.view.applications.values()
        return self.view, next(one for one in applications if one.document.appid == appid)

    def of_kind(self, kind: type[D]) -> Iterator[D]:
        return (document for document in self.below.values() if isinstance(document, kind))

    def prove(self) -> None:
        """Make all that may be asked for. Raises as `view` does."""
        if self.account is not None or self.below:
            for brandname in self.view.brandnames.values():
                brandname.prove()

    def _make_view(self) -> AccountView:
        if self.account is None:
            raise LookupError("there is no account for what is below it")
        templates: dict[str, list[doc.Template]] = {}
        for template in self.of_kind(doc.Template):
            templates.setdefault(template.brandname, []).append(template)
        for of_brandname in templates.values():
            # Where two templates fit, every node takes the same one, however it came to know them.
            of_brandname.sort(key=lambda template: template.text)
        earlier = self._earlier.brandnames if self._earlier else {}
        brandnames = []
        for brandname in self.of_kind(doc.Brandname):
            texts = templates.get(brandname.name, [])
            known = earlier.get(brandname.name)
            same = known is not None and known.is_made_of(brandname, texts)
            brandnames.append(known if known is not None and same else BrandnameView(brandname, texts))
        return AccountView(self.account, brandnames, map(ApplicationView, self.of_kind(doc.Application)))


class _Owners:
    """Which account's documents a name, number, credential or appid belongs to."""

    def __init__(self, before: "_Owners | None" = None) -> None:
        self.names: dict[str, AccountDocuments] = dict(before.names) if before else {}
        self.orphans: dict[str, AccountDocuments] = dict(before.orphans) if before else {}
        """What names an account that is not there: rows that other versions or hands have left."""
        self.numbers: dict[int, AccountDocuments] = dict(before.numbers) if before else {}
        self.credentials: dict[tuple[str, str], AccountDocuments] = dict(before.credentials) if before else {}
        self.appids: dict[str, AccountDocuments] = dict(before.appids) if before else {}
        self.away: dict[int, AccountAway] = dict(before.away) if before else {}
        """By number, the accounts that are moving to other cells, or have."""

    def get(self, name: str) -> AccountDocuments | None:
        return self.names.get(name) or self.orphans.get(name)

    def changed(self, owned: Mapping[str, Iterable[tuple[DocumentKey, doc.Document | None]]]) -> "_Owners":
        """After these changes of each account's documents."""
        after = _Owners(self)
        known = {name: self.get(name) for name in owned}
        # First all that is no more: a credential may have moved from one account to the other.
        for name, documents in known.items():
            if documents is not None:
                after._forget(name, documents)
        for name, changes in owned.items():
            after._know(name, _with_changes(known[name], changes))
        return after

    def _forget(self, name: str, documents: AccountDocuments) -> None:
        self.names.pop(name, None)
        self.orphans.pop(name, None)
        if documents.account is not None:
            self.numbers.pop(documents.account.number, None)
            self.away.pop(documents.account.number, None)
        for document in documents.below.values():
            if isinstance(document, doc.Credential):
                self.credentials.pop((document.dialect, document.key), None)
            elif isinstance(document, doc.Application):
                self.appids.pop(document.appid, None)

    def _know(self, name: str, documents: AccountDocuments) -> None:
        if documents.account is None:
            if documents.below:
                self.orphans[name] = documents
            return
        self.names[name] = documents
        self.numbers[documents.account.number] = documents
        if away := documents.away:
            self.away[documents.account.number] = away
        for document in documents.below.values():
            if isinstance(document, doc.Credential):
                self.credentials[document.dialect, document.key] = documents
            elif isinstance(document, doc.Application) and document.appid:
                self.appids[document.appid] = documents


def _with_changes(
    before: AccountDocuments | None, changes: Iterable[tuple[DocumentKey, doc.Document | None]]
) -> AccountDocuments:
    account = before.account if before else None
    below = dict(before.below) if before else {}
    for key, document in changes:
        if key[0] == "account":
            account = document if isinstance(document, doc.Account) else None
        elif document is None:
            below.pop(key, None)
        else:
            below[key] = document
    return AccountDocuments(account, below, before)


NeedsOf = Callable[[doc.Carrier], Iterable[Need]]
"""What a carrier's type asks of messages under its settings, which only the type can read."""


def no_needs(carrier: doc.Carrier) -> Iterable[Need]:
    return ()


class Directory:
    """One snapshot. `documents` maps (kind, identity) to what is configured, secrets in clear."""

    def __init__(
        self,
        documents: Mapping[DocumentKey, doc.Document],
        revision: int = 0,
        needs_of: NeedsOf = no_needs,
    ) -> None:
        self.revision = revision
        self.needs_of = needs_of
        self._kinds: dict[str, dict[str, doc.Document]] = {}
        self._owners = _Owners()
        self._tariffs: dict[str, TariffView] = {}
        self.pools: dict[str, PoolView] = {}
        self.carriers: dict[str, doc.Carrier] = {}
        self.needs: dict[str, tuple[Need, ...]] = {}
        """By carrier, of those that have any: what messages must bring along."""
        self.routes: tuple[doc.Route, ...] = ()
        self.resends = False
        """Whether any route has codes sent again of which nothing is heard."""
        self.by_result = False
        """Whether any route goes by what carriers made of codes."""
        self.users: dict[str, doc.User] = {}
        self.operator_keys: dict[str, doc.OperatorKey] = {}
        self.guards = Guards({})
        """What looks for abuse."""
        self._take(documents)

    def replace(self, changed: Mapping[DocumentKey, doc.Document | None], revision: int) -> "Directory":
        """A new snapshot in which the changed documents are replaced, or gone where None."""
        after = copy.copy(self)
        after.revision = revision
        after._take(changed)
        return after

    def prove(self, keys: Iterable[DocumentKey]) -> None:
        """Make now what these documents are part of. Raises LookupError, ValueError and Refused when it cannot be
        used.
        """
        owners = set()
        for kind, identity in keys:
            document = self._kinds.get(kind, {}).get(identity)
            if document is None:
                continue
            if isinstance(document, doc.Tariff):
                self._tariff(document.name)
            elif kind in OWNER:
                owners.add(getattr(document, OWNER[kind]))
        for name in owners:
            owner = self._owners.get(name)
            if owner is not None:
                owner.prove()

    def of_kind(self, kind: type[D]) -> Collection[D]:
        documents = self._kinds.get(str(kind.__struct_config__.tag), {})
        return documents.values()  # type: ignore[return-value]  # documents are kept under their kind's tag

    @property
    def kinds(self) -> Mapping[str, Mapping[str, doc.Document]]:
        """All documents by kind, then by identity."""
        return self._kinds

    def live_secrets(self, account: AccountId, dialect: str, application: str | None = None) -> list[str]:
        """Of the account's active credentials of a dialect, two while its client moves from one to the next; None takes
        those of every application.
        """
        found = self.accounts.get(account)
        documents = self.of_account(found.name).get("credential", {}).values() if found else ()
        return sorted(
            one.secret
            for one in documents
            if isinstance(one, doc.Credential)
            and (one.dialect, one.state) == (dialect, "active")
            and application in (None, one.application)
            and one.secret
        )

    def of_account(self, name: str) -> Mapping[str, Mapping[str, doc.Document]]:
        """An account and what belongs to it, by kind, then by identity."""
        owner = self._owners.get(name)
        kinds: dict[str, dict[str, doc.Document]] = {}
        if owner is not None:
            for (kind, identity), document in owner.below.items():
                kinds.setdefault(kind, {})[identity] = document
            if owner.account is not None:
                kinds["account"] = {name: owner.account}
        return kinds

    def rate(self, account: AccountView, channel: Channel, phone: Phone) -> tuple[Minor, int]:
        """What the account pays: TariffView.rate of its tariff. Raises Refused(PRICE_MISSING)."""
        return self._tariff(account.document.tariff).rate(channel, phone)

    def _tariff(self, name: str) -> TariffView:
        view = self._tariffs.get(name)
        if view is None:
            tariff = self._kinds.get("tariff", {}).get(name)
            view = self._tariffs[name] = TariffView(tariff if isinstance(tariff, doc.Tariff) else None)
        return view

    def _take(self, changed: Mapping[DocumentKey, doc.Document | None]) -> None:
        """Make these the documents of this snapshot, which nobody has seen yet."""
        owned: dict[str, list[tuple[DocumentKey, doc.Document | None]]] = {}
        for key, document in changed.items():
            field = OWNER.get(key[0])
            if field is None:
                continue
            before = self._kinds.get(key[0], {}).get(key[1])
            if document is not None:
                owned.setdefault(getattr(document, field), []).append((key, document))
            if before is not None and getattr(before, field) != getattr(document, field, None):
                owned.setdefault(getattr(before, field), []).append((key, None))
        self._kinds = self._changed_kinds(changed)
        self.documents: Mapping[DocumentKey, doc.Document] = DocumentsByKind(self._kinds)
        if owned:
            self._owners = self._owners.changed(owned)
        self._arrange({kind for kind, _ in changed})

    def _changed_kinds(
        self, changed: Mapping[DocumentKey, doc.Document | None]
    ) -> dict[str, dict[str, doc.Document]]:
        kinds = dict(self._kinds)
        for kind in {kind for kind, _ in changed}:
            kinds[kind] = dict(kinds.get(kind, {}))
        for (kind, identity), document in changed.items():
            if document is None:
                kinds[kind].pop(identity, None)
            else:
                kinds[kind][identity] = document
        return kinds

    def _arrange(self, kinds: set[str]) -> None:
        """What is looked up, for all that is no account's; only what these kinds change is made anew."""
        owners = self._owners
        self.account_named = ViewsByOwner(owners.names, AccountDocuments.view_for)
        self.accounts = ViewsByOwner(owners.numbers, AccountDocuments.view_for)
        self.credentials = ViewsByOwner(owners.credentials, AccountDocuments.credential)
        self.application_with_appid = ViewsByOwner(owners.appids, AccountDocuments.application_with)
        self.away: Mapping[int, AccountAway] = owners.away
        if "tariff" in kinds:
            self._tariffs = {}
        if not kinds.isdisjoint(("hotline_pool", "hotline")):
            hotlines: dict[str, list[doc.Hotline]] = {}
            for hotline in self.of_kind(doc.Hotline):
                hotlines.setdefault(hotline.pool, []).append(hotline)
            self.pools = {
                pool.name: PoolView(pool, hotlines.get(pool.name, ()))
                for pool in self.of_kind(doc.HotlinePool)
            }
        if "carrier" in kinds:
            self.carriers = {carrier.name: carrier for carrier in self.of_kind(doc.Carrier)}
            needs = {
                name: unmet_needs(
                    (*written_needs(carrier.needs), *self.needs_of(carrier)), carrier.registered
                )
                for name, carrier in self.carriers.items()
            }
            self.needs = {name: some for name, some in needs.items() if some}
        if "route" in kinds:
            self.resends = any(route.resend_after for route in self.of_kind(doc.Route))
            self.by_result = any(route.by_result for route in self.of_kind(doc.Route))
            self.routes = tuple(
                sorted(
                    self.of_kind(doc.Route),
                    key=lambda route: (-len(route.prefix), route.priority, route.carrier),
                )
            )
        if "guard" in kinds:
            self.guards = Guards(self._kinds["guard"])
        if "operator_key" in kinds:
            self.operator_keys = {key.name: key for key in self.of_kind(doc.OperatorKey)}
        if "user" in kinds:
            self.users = {user.name: user for user in self.of_kind(doc.User)}
