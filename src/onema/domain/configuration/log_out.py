"""A person leaves the console, and no copy of a cookie may stay behind."""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import REVISION, decode_document, encode_document
from onema.domain.decision import Context, Decision, World
from onema.domain.records import DirectoryRevision, DirectoryRow, Key


class LogOut(msgspec.Struct, frozen=True, gc=False):
    """End every session of a user. Result: None, also when there is no such user any more.

    Decided on the stored document and not on the snapshot, so that a new password is never undone.
    """

    user: str

    def keys(self, context: Context) -> Iterable[Key]:
        return (DirectoryRevision, REVISION), (DirectoryRow, doc.User.__struct_config__.tag, self.user)

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(DirectoryRow, str(doc.User.__struct_config__.tag), self.user)
        stored = decode_document(row.document, context.keyring) if row else None
        known = world.get(DirectoryRevision, REVISION)
        if row is None or known is None or not isinstance(stored, doc.User):
            return Decision(None)
        left = msgspec.structs.replace(stored, logouts=stored.logouts + 1)
        revision = known.revision + 1
        return Decision(
            None,
            puts=(
                DirectoryRevision(REVISION, revision),
                # A user has no sealed fields, so no nonce is used.
                DirectoryRow(row.kind, row.name, revision, encode_document(left, context.keyring, b"")),
            ),
        )
