"""The configuration out of the store, a little at a time: whatever its size, nobody waits long for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from onema.domain.configuration.configure import decode_document
from onema.domain.configuration.directory import Directory, NeedsOf, no_needs
from onema.domain.configuration.document_mappings import DocumentKey
from onema.domain.configuration.documents import Document
from onema.domain.keyring import Keyring
from onema.domain.records import DirectoryRow
from onema.storage.contract import Storage

SLICE = 500
"""So many documents are read, opened and arranged in a few milliseconds."""


async def load_directory(storage: Storage, keyring: Keyring, needs_of: NeedsOf = no_needs) -> Directory:
    """The whole configuration. Raises StorageError, Unsealable, msgspec.DecodeError."""
    revision, rows = await storage.read_directory()
    documents: dict[DocumentKey, Document] = {}
    async for some in _decoded(rows, keyring):
        documents.update(some)
    return Directory(documents, revision, needs_of)


async def follow_directory(storage: Storage, keyring: Keyring, known: Directory) -> Directory:
    """`known` with what has changed since; itself when nothing has.

    Raises StorageError, and what a document raises that cannot be used: Unsealable, msgspec.DecodeError, LookupError,
    ValueError, Refused.
    """
    changes = await storage.read_directory_changes(known.revision, known.documents.keys())
    if changes.revision == known.revision:
        return known
    if changes.revision < known.revision:
        # An older store took the place of ours: nothing that is known need be there.
        return await load_directory(storage, keyring, known.needs_of)
    after = known.replace(dict.fromkeys(changes.gone), changes.revision)
    async for some in _decoded(changes.rows, keyring):
        after = after.replace(some, changes.revision)
    keys = [(row.kind, row.name) for row in changes.rows]
    for start in range(0, len(keys), SLICE):
        after.prove(keys[start : start + SLICE])
        await asyncio.sleep(0)
    return after


async def _decoded(
    rows: Sequence[DirectoryRow], keyring: Keyring
) -> AsyncIterator[Mapping[DocumentKey, Document]]:
    for start in range(0, len(rows), SLICE):
        some = rows[start : start + SLICE]
        yield {(row.kind, row.name): decode_document(row.document, keyring) for row in some}
        await asyncio.sleep(0)
