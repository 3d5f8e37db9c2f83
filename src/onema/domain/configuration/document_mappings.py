"""Mappings that look things up where they are kept, instead of keeping them once more."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar, overload

from onema.domain.configuration import documents as doc

DocumentKey = tuple[str, str]

OWNER: Mapping[str, str] = {
    "account": "name",
    "application": "account",
    "brandname": "account",
    "credential": "account",
    "template": "account",
}
"""The field that names the account which a document belongs to, or is."""

K = TypeVar("K")
Owner = TypeVar("Owner")
V = TypeVar("V")
T = TypeVar("T")


class DocumentsByKind(Mapping[DocumentKey, doc.Document]):
    """All documents, each kind in a mapping of its own, which snapshots share."""

    def __init__(self, kinds: Mapping[str, Mapping[str, doc.Document]]) -> None:
        self.kinds = kinds

    @classmethod
    def of(cls, documents: Mapping[DocumentKey, doc.Document]) -> "DocumentsByKind":
        """These documents by kind; nothing is copied of those that are already."""
        if isinstance(documents, cls):
            return documents
        kinds: dict[str, dict[str, doc.Document]] = {}
        for (kind, identity), document in documents.items():
            kinds.setdefault(kind, {})[identity] = document
        return cls(kinds)

    def __getitem__(self, key: DocumentKey) -> doc.Document:
        kind, identity = key
        return self.kinds[kind][identity]

    def __iter__(self) -> Iterator[DocumentKey]:
        return ((kind, identity) for kind, documents in self.kinds.items() for identity in documents)

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))


class ViewsByOwner(Mapping[K, V], Generic[K, Owner, V]):
    """What `view` makes of the owner of a key, and remembers: the owners never change."""

    def __init__(self, owners: Mapping[K, Owner], view: Callable[[Owner, K], V]) -> None:
        self._owners = owners
        self._view = view
        self._seen: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        return self._view(self._owners[key], key)

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...

    @overload
    def get(self, key: K, default: T, /) -> V | T: ...

    def get(self, key: K, default: T | None = None, /) -> V | T | None:
        # Every request looks things up, and Mapping's own way costs an exception or two calls more.
        seen = self._seen.get(key)
        if seen is not None:
            return seen
        owner = self._owners.get(key)
        if owner is None:
            return default
        view = self._seen[key] = self._view(owner, key)
        return view

    def __iter__(self) -> Iterator[K]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)


def account_of(document: doc.Document) -> str:
    """The name of the account that the document belongs to, or is; "" for what is nobody's."""
    match document:
        case doc.User():
            return document.customer_of
        case doc.Guard():
            return document.name.partition("/")[0]
        case _:
            return str(getattr(document, OWNER[document.kind])) if document.kind in OWNER else ""
