"""What makes configuration documents hold together with each other.

Only what a change touches is looked at: the changed documents, those that name what is taken away, and those that
share something with them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import phonenumbers

from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_mappings import DocumentsByKind
from onema.domain.configuration.document_rules import problems_of
from onema.domain.configuration.guard_view import EVERYWHERE
from onema.domain.configuration.problems import Problem, one_of, place_of, shown

LIVE_CREDENTIALS = 2
"""So that a client can move to new keys without a gap."""

Key = tuple[str, str]
"""(kind, identity) of a document."""
D = TypeVar("D", bound=doc.Document)

_NAMED_BY: Mapping[str, tuple[type[doc.Document], ...]] = {
    "tariff": (doc.Account,),
    "account": (doc.Application, doc.Brandname, doc.Credential, doc.Guard, doc.Template, doc.User),
    "application": (doc.Credential, doc.Guard),
    "brandname": (doc.Template,),
    "hotline_pool": (doc.Hotline, doc.Application),
    "carrier": (doc.Route, doc.Brandname),
}
"""Which documents may name one of this kind."""


class After(Mapping[Key, doc.Document]):
    """The documents as they will be: those that are there, with a change on top in which None is taken away."""

    def __init__(
        self, before: Mapping[Key, doc.Document], changed: Mapping[Key, doc.Document | None]
    ) -> None:
        self._before = before
        self.changed = changed
        self._identities: dict[str, list[str]] = {}
        """By kind, sorted; made when somebody must be told what there is."""

    def __getitem__(self, key: Key) -> doc.Document:
        found = self.changed[key] if key in self.changed else self._before[key]
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[Key]:
        yield from (key for key in self._before if key not in self.changed)
        yield from (key for key, document in self.changed.items() if document is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of_kind(self, kind: type[D]) -> Iterator[D]:
        tag = str(kind.__struct_config__.tag)
        before = DocumentsByKind.of(self._before).kinds.get(tag, {})
        for identity, document in before.items():
            if isinstance(document, kind) and (tag, identity) not in self.changed:
                yield document
        yield from (document for document in self.changed.values() if isinstance(document, kind))

    def was(self, document: doc.Document) -> doc.Document | None:
        """The document in whose place this one comes."""
        return self._before.get((document.kind, document.identity))

    def siblings(self, kind: str, parent: str) -> tuple[str, ...]:
        """The names below `parent`, which ends in a slash or is empty, of all documents of a kind."""
        if not self._identities:
            for of_kind, identity in sorted(self):
                self._identities.setdefault(of_kind, []).append(identity)
        found = self._identities.get(kind, ())
        return tuple(identity.removeprefix(parent) for identity in found if identity.startswith(parent))


def problems(after: After, unreadable: Collection[Key] = ()) -> Iterator[Problem]:
    """All that is wrong with what a change would leave. `unreadable` documents are meant to be there too, so that
    whoever names one is not blamed for it.
    """
    changed = [document for document in after.changed.values() if document is not None]
    for document in changed:
        found = [
            *problems_of(document),
            *_missing(document, after, unreadable),
            *_changed_hands(document, after.was(document)),
        ]
        if found:
            place = place_of(document)
            yield from (problem.below(place) for problem in found)
    yield from _left_behind(after)
    yield from _shared_appids(after, changed)
    yield from _shared_names(after, changed)
    yield from _too_many_credentials(after, changed)
    yield from _numbers_spelled_twice(after, changed)


def _missing(document: doc.Document, after: After, unreadable: Collection[Key]) -> Iterator[Problem]:
    for field, kind, identity in _named_by(document):
        if (kind, identity) not in after and (kind, identity) not in unreadable:
            yield _no(field, kind, identity, after)


def _no(field: str, kind: str, identity: str, after: After) -> Problem:
    """There is no such document, or will be none; the choices are its siblings."""
    parent, slash, name = identity.rpartition("/")
    what = kind.replace("_", " ")
    if (kind, identity) in after.changed:
        return Problem(field, f"it names the {what} {shown(name)}, which would be removed")
    return one_of(field, what, name, after.siblings(kind, f"{parent}{slash}"))


def _named_by(document: doc.Document) -> Iterator[tuple[str, str, str]]:
    """(field, kind, identity) of every document that this one refers to."""
    match document:
        case doc.Account():
            yield "tariff", "tariff", document.tariff
        case doc.Application():
            yield "account", "account", document.account
            if document.pool:
                yield "pool", "hotline_pool", document.pool
        case doc.Brandname():
            yield "account", "account", document.account
            for number, registration in enumerate(document.registrations):
                if registration.carrier:
                    yield f"registrations[{number}].carrier", "carrier", registration.carrier
        case doc.Credential():
            yield "account", "account", document.account
            if document.application:
                yield "application", "application", f"{document.account}/{document.application}"
        case doc.Template():
            yield "account", "account", document.account
            yield "brandname", "brandname", f"{document.account}/{document.brandname}"
        case doc.Hotline():
            yield "pool", "hotline_pool", document.pool
        case doc.Guard():
            account, _, application = document.name.partition("/")
            if account != EVERYWHERE:
                yield "name", "account", account
            if application:
                yield "name", "application", document.name
        case doc.Route():
            yield "carrier", "carrier", document.carrier
        case doc.User():
            if document.customer_of:
                yield "customer_of", "account", document.customer_of


def _changed_hands(document: doc.Document, before: doc.Document | None) -> Iterator[Problem]:
    """A copied credential would silently take another account's traffic over."""
    if (
        isinstance(document, doc.Credential)
        and isinstance(before, doc.Credential)
        and document.account != before.account
    ):
        sentence = f"credential {document.identity!r} belongs to account {before.account!r}"
        yield Problem("", f"{sentence}: a key cannot change hands")


def _left_behind(after: After) -> Iterator[Problem]:
    """Documents that stay, and name one that is taken away."""
    gone = {key for key, document in after.changed.items() if document is None}
    kinds = {kind for removed, _ in gone for kind in _NAMED_BY.get(removed, ())}
    for kind in kinds:
        for document in after.of_kind(kind):
            if (document.kind, document.identity) in after.changed:
                continue
            for field, named, identity in _named_by(document):
                if (named, identity) in gone:
                    yield _no(field, named, identity, after).below(place_of(document))


def _shared_appids(after: After, changed: Sequence[doc.Document]) -> Iterator[Problem]:
    new = {one.appid for one in changed if isinstance(one, doc.Application) and one.appid}
    for appid, sharing in _groups(after, doc.Application, new, lambda one: one.appid):
        for one in sharing[1:]:
            first = place_of(sharing[0])
            problem = Problem("appid", f"{len(sharing)} applications share the appid {appid!r}: also {first}")
            yield problem.below(place_of(one))


def _shared_names(after: After, changed: Sequence[doc.Document]) -> Iterator[Problem]:
    new = {(one.account, one.name) for one in changed if isinstance(one, doc.Template) and one.name}
    for (_, name), sharing in _groups(after, doc.Template, new, lambda one: (one.account, one.name)):
        for one in sharing[1:]:
            sentence = f"{len(sharing)} templates of the account share the name {name!r}: also {place_of(sharing[0])}"
            yield Problem("name", sentence).below(place_of(one))


def _too_many_credentials(after: After, changed: Sequence[doc.Document]) -> Iterator[Problem]:
    new = {_owner(one) for one in changed if isinstance(one, doc.Credential) and one.state == "active"}
    groups = _groups(
        after, doc.Credential, new, lambda one: _owner(one) if one.state == "active" else ("", "", "")
    )
    for (account, dialect, application), live in groups:
        if len(live) > LIVE_CREDENTIALS:
            owner = f"application {account}/{application}" if application else f"account {account!r}"
            sentence = f"{owner} has {len(live)} live {dialect} credentials; {LIVE_CREDENTIALS} may live"
            yield Problem(f"accounts[{account}].credentials", sentence)


def _owner(credential: doc.Credential) -> tuple[str, str, str]:
    return credential.account, credential.dialect, credential.application


G = TypeVar("G")


def _groups(
    after: After, kind: type[D], new: Collection[G], group_of: Callable[[D], G]
) -> Iterable[tuple[G, list[D]]]:
    """The documents of those groups that the change has to do with."""
    if not new:
        return ()
    groups: dict[G, list[D]] = {group: [] for group in new}
    for document in after.of_kind(kind):
        group = groups.get(group_of(document))
        if group is not None:
            group.append(document)
    return groups.items()


def _numbers_spelled_twice(after: After, changed: Sequence[doc.Document]) -> Iterator[Problem]:
    """Calls are counted by a hotline's number as it is written: spelled twice it would have two daily caps."""
    if not any(isinstance(one, doc.Hotline) for one in changed):
        return
    hotlines = list(after.of_kind(doc.Hotline))
    written = {one.number for one in hotlines}
    national = {spelled: one.number for one in hotlines for spelled in _other_spellings(one.number)}
    for one in hotlines:
        other = national.get(one.number)
        if other in written and other != one.number:
            sentence = f"{one.number} is {other}, spelled another way: spell it the same everywhere"
            yield Problem("", sentence).below(place_of(one))


def _other_spellings(number: str) -> tuple[str, ...]:
    """How else an international number is written: without the plus, or as at home."""
    if not number.startswith("+"):
        return ()
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return (number[1:],)
    at_home = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    digits = "".join(filter(str.isdigit, at_home))
    return (number[1:], digits, f"00{number[1:]}")
