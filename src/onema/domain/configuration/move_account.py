"""An account moves to another cell: a store of its own, with other nodes (docs/operations/cells.md).

The old store says that it is `moving_to` the cell, and from that commit on nothing is decided there for it. Its rows
go over, and the new store receives the account in one commit: that is the moment of the move. Then the old one says
that it has `moved_to` there. So there is never a moment in which both decide, whoever dies when.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import (
    ACCOUNT_NUMBERS,
    REVISION,
    encode_document,
    known_revision,
    nonce_of,
)
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.document_mappings import account_of
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.configuration.rules import After, problems
from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import UserAccess
from onema.domain.keyring import key_id
from onema.domain.records import (
    CarrierReference,
    DirectoryRevision,
    DirectoryRow,
    Job,
    Key,
    KeyFingerprint,
    RecentRefusals,
    Row,
)
from onema.domain.refusals import AccountAway, Refusal, Refused
from onema.domain.server_keys.rows import FORMER, IN_USE

FENCE = "fence"
"""The row that has the revision of the last change which every batch must know that commits after it."""


def refuse_away(keys: Iterable[Key], world: World, away: Mapping[int, AccountAway]) -> None:
    """Raises AccountAway for a command over rows of an account that does not live here (any more)."""
    for key in keys:
        number = _account_of(key, world)
        if number in away:
            raise away[number]


def account_of_row(row: Row) -> int:
    """The account whose row it is; 0 for nobody's."""
    return row.account if isinstance(row, Job | CarrierReference) else _account_in(row.key)


def _account_of(key: Key, world: World) -> int:
    if key[0] is Job or key[0] is CarrierReference:
        row = world.get(*key)
        return account_of_row(row) if row is not None else 0
    return _account_in(key)


def _account_in(key: Key) -> int:
    row_type: type[Row] = key[0]
    # Why requests were refused is noted of many accounts at once, and stays where they were.
    is_of_account = row_type.__struct_fields__[0] == "account" and row_type is not RecentRefusals
    return int(key[1]) if is_of_account else 0


class PlaceAccount(msgspec.Struct, frozen=True, kw_only=True, tag="place_account"):
    """Say where an account lives, in the store that it leaves: here (both empty), `moving_to` a cell, or `moved_to` it.

    With the last the users of its own go, who have come along. Result: the revision that says so. Raises
    Refused(CONFLICT) for another order than here, moving, moved; moving may be taken back.
    """

    account: str
    moving_to: str = ""
    moved_to: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (DirectoryRevision, REVISION),
            (DirectoryRevision, FENCE),
            (DirectoryRow, "account", self.account),
            *(
                (row, *key)
                for name in self._users(context.directory)
                for row, key in ((DirectoryRow, ("user", name)), (UserAccess, (name,)))
            ),
        )

    def decide(self, world: World, context: Context) -> Decision:
        directory = context.directory
        revision = known_revision(world, directory)
        before = directory.documents.get(("account", self.account))
        if not isinstance(before, doc.Account):
            raise Refused(Refusal.CONFLICT, f"there is no account {self.account}")
        after = msgspec.structs.replace(before, moving_to=self.moving_to, moved_to=self.moved_to)
        if after == before:
            return Decision(revision)
        if not _may_follow(before, after):
            raise Refused(
                Refusal.CONFLICT, f"the account {self.account} is not here: it cannot go on from there"
            )
        gone = self._users(directory)
        changed: dict[tuple[str, str], doc.Document | None] = {("account", self.account): after}
        changed |= dict.fromkeys(("user", name) for name in gone)
        nothing_secret = b""
        row = DirectoryRow(
            "account", self.account, revision + 1, encode_document(after, context.keyring, nothing_secret)
        )
        left = [(DirectoryRow, "user", name) for name in gone] + [(UserAccess, name) for name in gone]
        return Decision(
            revision + 1,
            puts=(DirectoryRevision(REVISION, revision + 1), DirectoryRevision(FENCE, revision + 1), row),
            deletes=tuple(key for key in left if world.get(*key) is not None),
            directory=directory.replace(changed, revision + 1),
        )

    def _users(self, directory: Directory) -> list[str]:
        """Those who would have nothing to see here any more."""
        if not self.moved_to:
            return []
        return sorted(user.name for user in directory.users.values() if user.customer_of == self.account)


def _may_follow(before: doc.Account, after: doc.Account) -> bool:
    if after.moved_to:
        return before.moving_to == after.moved_to and not after.moving_to
    return not before.moved_to


class ReceiveAccount(msgspec.Struct, frozen=True, kw_only=True, tag="receive_account"):
    """In the new store: the account is coming, so that its name and number are nobody else's and its keys are known, or
    lives there from now on, when all its other rows are there.

    `documents` are all its own (whole, secrets in clear), `access` is what its users can show to come in, `jobs` are
    what is to be done for it; users and jobs come with the last, `users` names them before. `server_keys` are the
    fingerprints of the keys under which its rows may rest. Result: the revision that says so. Raises
    InvalidConfiguration when the documents do not hold together with what is there, Refused(CONFLICT), also when no
    process of this store need hold one of the keys.
    """

    cell: str
    entropy: bytes
    server_keys: tuple[int, ...]
    documents: tuple[doc.AnyDocument, ...]
    lives_here: bool
    users: tuple[str, ...] = ()
    access: tuple[UserAccess, ...] = ()
    jobs: tuple[Job, ...] = ()

    @property
    def _account(self) -> doc.Account:
        return next(one for one in self.documents if isinstance(one, doc.Account))

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (DirectoryRevision, REVISION),
            (KeyFingerprint, IN_USE),
            (KeyFingerprint, FORMER),
            *((DirectoryRow, one.kind, one.identity) for one in self.documents),
            *((DirectoryRow, *key) for key in self._gone(context.directory)),
            *(one.key for one in self.access),
        )

    def decide(self, world: World, context: Context) -> Decision:
        directory, account = context.directory, self._account
        revision = known_revision(world, directory)
        self._refuse_unreadable(world, context)
        _refuse_if_taken(directory, account.name, account.number)
        here = msgspec.structs.replace(account, moving_to="" if self.lives_here else self.cell, moved_to="")
        changed: dict[tuple[str, str], doc.Document | None] = dict.fromkeys(self._gone(directory))
        own = {(document.kind, document.identity): document for document in self.documents}
        for kind, identity in (*own, *(("user", name) for name in self.users)):
            known = directory.documents.get((kind, identity))
            if known is not None and account_of(known) != account.name:
                raise Refused(Refusal.CONFLICT, f"the {kind} {identity} is somebody else's there")
        changed |= {key: here if document is account else document for key, document in own.items()}
        if wrong := tuple(problems(After(directory.documents, changed))):
            raise InvalidConfiguration(wrong)
        rows = (
            DirectoryRow(
                *key, revision + 1, encode_document(one, context.keyring, nonce_of(key, self.entropy))
            )
            for key, one in changed.items()
            if one is not None
        )
        return Decision(
            revision + 1,
            puts=(DirectoryRevision(REVISION, revision + 1), *rows, *self.access),
            inserts=self.jobs,
            deletes=tuple((DirectoryRow, *key) for key in self._gone(directory)),
            directory=directory.replace(changed, revision + 1),
        )

    def _refuse_unreadable(self, world: World, context: Context) -> None:
        """A process here holds the key in use, and the one before it until that is retired; others it may lose. Who
        moves an account for long may have seen none of this store's changes of keys, and seals under the old one.
        """
        rows = (world.get(KeyFingerprint, name) for name in (IN_USE, FORMER))
        held = {row.fingerprint for row in rows if row is not None}
        if context.keyring.fingerprint not in held:
            raise Refused(Refusal.CONFLICT, f"{self.cell} uses another server key meanwhile; try again")
        for one in self.server_keys:
            if one not in held:
                key = key_id(one)
                raise Refused(
                    Refusal.CONFLICT,
                    f"codes, secrets or jobs of {self._account.name} may rest under the server key {key}, which"
                    f" {self.cell} does not use: `onema key use {key}` there, or use another key in both cells and"
                    f" `onema key retire {key}` where the account lives; then move it (docs/operations/keys.md, Several"
                    " cells)",
                )

    def _gone(self, directory: Directory) -> Collection[tuple[str, str]]:
        """What the account had here when it left, and has no more."""
        here = {(one.kind, one.identity) for one in self.documents}
        return [key for key in keys_of(directory, self._account.name) if key not in here]


class NumberAccounts(msgspec.Struct, frozen=True, kw_only=True, tag="number_accounts"):
    """New accounts of this store get numbers behind `after`: with a range of its own in each cell, all may move.
    Numbers never go back. Result: the last number that was given, or jumped over.
    """

    after: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ((DirectoryRevision, ACCOUNT_NUMBERS),)

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(DirectoryRevision, ACCOUNT_NUMBERS)
        if row is not None and row.revision >= self.after:
            return Decision(row.revision)
        return Decision(self.after, puts=(DirectoryRevision(ACCOUNT_NUMBERS, self.after),))


def keys_of(directory: Directory, account: str) -> list[tuple[str, str]]:
    """(kind, identity) of all that belongs to an account, those first that others name."""
    of_account = directory.of_account(account)
    keys = [(kind, identity) for kind in sorted(of_account) for identity in of_account[kind]]
    others = (*directory.of_kind(doc.User), *directory.of_kind(doc.Guard))
    return keys + [(one.kind, one.identity) for one in others if account_of(one) == account]


def _refuse_if_taken(directory: Directory, name: str, number: int) -> None:
    """One that is coming, or was here and moved away, has its own number here."""
    named, numbered = directory.account_named.get(name), directory.accounts.get(number)
    if numbered is not None and numbered.name != name:
        raise Refused(Refusal.CONFLICT, f"its number, {number}, is that of the account {numbered.name} there")
    if named is not None and (named.id != number or number not in directory.away):
        raise Refused(Refusal.CONFLICT, f"there is an account {name} of its own there")
