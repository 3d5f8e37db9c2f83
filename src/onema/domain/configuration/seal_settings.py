"""Carriers whose settings were stored in clear, as they were before 0.1.0, are sealed."""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import decode_document, encode_document, nonce_of, rests_in_clear
from onema.domain.decision import Context, Decision, World
from onema.domain.records import DirectoryRow, Key


class SealSettings(msgspec.Struct, frozen=True):
    """Every process's second command. Nothing about the carriers changes, so neither does the revision.

    Result: the names of those that were sealed now.
    """

    entropy: bytes

    def keys(self, context: Context) -> Iterable[Key]:
        return [(DirectoryRow, *key) for key in _carriers(context)]

    def decide(self, world: World, context: Context) -> Decision:
        sealed = []
        for key in _carriers(context):
            row = world.get(DirectoryRow, *key)
            if row is not None and rests_in_clear(row.document):
                document = decode_document(row.document, context.keyring)
                whole = encode_document(document, context.keyring, nonce_of(key, self.entropy))
                sealed.append(msgspec.structs.replace(row, document=whole))
        return Decision(tuple(row.name for row in sealed), puts=tuple(sealed))


def _carriers(context: Context) -> Iterable[tuple[str, str]]:
    return [(one.kind, one.identity) for one in context.directory.of_kind(doc.Carrier)]
