"""What is asked of the configuration documents, and every change of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from onema.administration.author import Author, changed_document
from onema.administration.permissions import Actor, forbidden_changes, told_to
from onema.administration.requests import Configuration, PutDocuments, ReadDocuments
from onema.delivery.recordings import Recordings
from onema.domain.compliance.snapshot import CodeLife
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import masked
from onema.domain.configuration.configure import Change, Configure, Proposal
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.problems import InvalidConfiguration, Problem, place_of
from onema.domain.configuration.rules import After, problems
from onema.domain.refusals import Refusal, Refused
from onema.engine.directory_loading import SLICE
from onema.engine.gateway import Gateway
from onema.secret import MASK
from onema.storage.contract import Storage

_TRIES = 10
_ENTROPY_BYTES = 32
_NO_ID_IS_AS_LARGE = 2**63 - 1


class Installation(Protocol):
    """Knows what this program can do with documents: which dialects, carriers and settings it has."""

    @property
    def code_lives(self) -> Mapping[str, CodeLife]:
        """How long codes may live, by dialect, of those whose codes are checked here."""

    def problems(self, after: After) -> Iterable[Problem]:
        """What is wrong with a change here, although it holds together. May look around, for seconds."""

    def masked(self, document: doc.Document) -> doc.Document:
        """The document without its secrets."""


class AnyInstallation:
    """Takes every document."""

    code_lives: Mapping[str, CodeLife] = MappingProxyType({})

    def problems(self, after: After) -> Iterable[Problem]:
        return ()

    def masked(self, document: doc.Document) -> doc.Document:
        return masked(document, None)


class Configuring:
    """Answers administrative requests about documents."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        refresh: Callable[[], Awaitable[None]],
        recordings: Recordings | None,
        installation: Installation,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._refresh = refresh
        self._recordings = recordings
        self._installation = installation
        self._configuring = asyncio.Lock()
        """Held during a change, so that changes of this process do not refuse each other."""

    async def read(self, request: ReadDocuments, actor: Actor) -> Configuration:
        directory = self._gateway.directory
        found: list[doc.Document] = []
        for documents in _asked_for(directory, request, actor):
            for start in range(0, len(documents), SLICE):
                some = documents[start : start + SLICE]
                found += some if request.reveal else map(self._installation.masked, some)
                await asyncio.sleep(0)
        return Configuration(revision=directory.revision, documents=tuple(found))  # type: ignore[arg-type]  # every Document is one of AnyDocument

    async def put(self, request: PutDocuments, author: Author) -> tuple[Change, ...]:
        async with self._configuring:
            for _ in range(_TRIES):
                known = self._gateway.directory.revision
                if request.revision is not None and request.revision != known:
                    raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
                try:
                    return await self._put_once(request, author)
                except Refused as refused:
                    await self._refresh()
                    # Somebody else's change came between: decide again on what they left.
                    if refused.refusal is Refusal.CONFLICT and self._gateway.directory.revision != known:
                        continue
                    raise
        raise Refused(Refusal.CONFLICT, "the configuration keeps changing; try again later")

    async def _put_once(self, request: PutDocuments, author: Author) -> tuple[Change, ...]:
        directory = self._gateway.directory
        # Looking at thousands of documents takes seconds; in a thread it leaves the loop to others.
        proposal = await asyncio.to_thread(self._checked, directory, request, author.actor)
        await self._refuse_to_forget_accounts(request.remove)
        if request.dry_run:
            return proposal.changes
        changed = proposal.after.changed
        documents: tuple[doc.AnyDocument, ...] = tuple(one for one in changed.values() if one is not None)  # type: ignore[misc]  # every Document is one of AnyDocument
        if self._recordings is not None:
            await self._recordings.make(documents)
        command = Configure(
            entropy=self._gateway.token(_ENTROPY_BYTES),
            documents=documents,
            remove=tuple(key for key, document in changed.items() if document is None),
            judged=directory.revision,
        )
        before, shown = directory.documents, self._installation.masked
        await author.change(
            command,
            [changed_document(key, before.get(key), after, shown) for key, after in changed.items()],
        )
        return proposal.changes

    def _checked(self, directory: Directory, request: PutDocuments, actor: Actor) -> Proposal:
        """What would change. Raises InvalidConfiguration with all that is wrong, in this installation too."""
        before = directory.documents
        documents = [kept(one, before.get((one.kind, one.identity))) for one in request.documents]
        proposal = Proposal(before, documents, request.remove)
        # Whoever may not do it hears nothing else about it.
        if forbidden := [*forbidden_changes(before, proposal, actor)]:
            raise InvalidConfiguration(forbidden)
        found = [
            *_never_told(documents),
            *problems(proposal.after, frozenset(request.unreadable) if request.dry_run else ()),
            *self._installation.problems(proposal.after),
        ]
        if found:
            raise InvalidConfiguration(told_to(actor, found))
        return proposal

    async def _refuse_to_forget_accounts(self, remove: Sequence[tuple[str, str]]) -> None:
        """Messages and money are kept under an account's number: without the account nobody could find them."""
        for kind, name in remove:
            account = self._gateway.directory.account_named.get(name) if kind == "account" else None
            if account is None:
                continue
            ledger = await self._storage.read_ledger(account.id, 1)
            if ledger or await self._storage.read_messages(account.id, _NO_ID_IS_AS_LARGE, 1):
                raise Refused(Refusal.CONFLICT, f"account {name!r} has messages or money; suspend it instead")


def _never_told(documents: Iterable[doc.Document]) -> Iterator[Problem]:
    """Secrets of which only the mask has come, and none is stored."""
    for document in documents:
        for field in document.secret_fields:
            if getattr(document, field) == MASK:
                problem = Problem(field, "the secret is not told here: write it as it is")
                yield problem.below(place_of(document))


def kept(document: doc.Document, known: doc.Document | None) -> doc.Document:
    """The document with the stored secrets where it shows masked ones, which is how they are read."""
    if known is None or not document.unshown_fields:
        return document
    values = {
        field: _kept(getattr(document, field), getattr(known, field)) for field in document.unshown_fields
    }
    return msgspec.structs.replace(document, **values)


def _kept(value: Any, stored: Any) -> Any:
    match value:
        case str() if value == MASK:
            return stored
        case Mapping():
            known = stored if isinstance(stored, Mapping) else {}
            return {name: _kept(inner, known.get(name, inner)) for name, inner in value.items()}
        case list() | tuple():
            same = isinstance(stored, list | tuple) and len(stored) == len(value)
            return [_kept(*pair) for pair in zip(value, stored, strict=True)] if same else value
        case _:
            return value


def _asked_for(directory: Directory, request: ReadDocuments, actor: Actor) -> Iterator[list[doc.Document]]:
    """In order of kind and identity, a list of each kind."""
    kinds = directory.of_account(request.account) if request.account else directory.kinds
    if actor.account:
        kinds = {**kinds, **_used_by(directory, request.account)}
    for kind in [request.kind] if request.kind else sorted(kinds):
        documents = kinds.get(kind, {})
        if request.identity:
            yield [documents[request.identity]] if request.identity in documents else []
        else:
            yield [documents[identity] for identity in sorted(documents)]


def _used_by(directory: Directory, name: str) -> dict[str, dict[str, doc.Document]]:
    """What an account sees besides its own: its people, its price list, and the numbers that its calls show."""
    kinds, account = directory.kinds, directory.account_named[name]
    pools = {one.document.pool for one in account.applications.values()}
    wanted: dict[str, Callable[[Any], bool]] = {
        "user": lambda one: one.customer_of == name,
        "tariff": lambda one: one.name == account.document.tariff,
        "hotline_pool": lambda one: one.name in pools,
        "hotline": lambda one: one.pool in pools,
    }
    return {
        kind: {identity: one for identity, one in kinds.get(kind, {}).items() if is_theirs(one)}
        for kind, is_theirs in wanted.items()
    }
