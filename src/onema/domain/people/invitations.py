"""Links that make users: made by somebody who may, used once, and dead after a while.

The link of the first run needs no row: it is signed with the server key, so that every node of an installation tells
the same people in, and it works as long as there is nobody who could let others in.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping

import msgspec

from onema.domain.codes.limits import count
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.configuration.named_account import account_by_name
from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import Invitation
from onema.domain.ids import AccountId
from onema.domain.keyring import Keyring
from onema.domain.records import Key, Window
from onema.domain.refusals import Refusal, Refused

SECRET_BYTES = 32
"""Of what stands in a link."""
LONGEST_DAYS = 30
SET_UP_MS = 24 * 3_600_000
"""How long the link of the first run works; the next start gives another."""
MOST_A_DAY = 100
"""Links for people of one account, used or not."""
NO_ACCOUNT = AccountId(0)
_SCOPE = "invitations"
_DAY_SECONDS = 86_400
_SET_UP = "setup-"
_SET_UP_SIGNED = b"set up\0"
_TIME_BYTES = 8


def written(secret: bytes) -> str:
    """A secret as it stands in a link."""
    return urlsafe_b64encode(secret).decode("ascii").rstrip("=")


def digest_of(token: str, keyring: Keyring) -> str:
    """What is kept of a new link."""
    return keyring.digest(_invitation(token))


def digests_of(token: str, keyring: Keyring) -> tuple[str, ...]:
    """What may have been kept of a link, whichever server key was in use."""
    return keyring.digests(_invitation(token))


def _invitation(token: str) -> bytes:
    return b"invitation\0" + token.encode()


def set_up_token(keyring: Keyring, expires_at: int) -> str:
    """What stands in the link of the first run."""
    time = expires_at.to_bytes(_TIME_BYTES, "big")
    return _SET_UP + written(time + keyring.sign(_SET_UP_SIGNED + time))


def is_set_up(token: str, keyring: Keyring, now: int) -> bool:
    """Whether this was the link of a first run, and still works; it makes an owner where there is none."""
    if not token.startswith(_SET_UP):
        return False
    text = token.removeprefix(_SET_UP)
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return False
    time, signature = raw[:_TIME_BYTES], raw[_TIME_BYTES:]
    if not keyring.has_signed(_SET_UP_SIGNED + time, signature):
        return False
    return now < int.from_bytes(time, "big") <= now + 2 * SET_UP_MS


def has_owner(users: Mapping[str, doc.User]) -> bool:
    """Whether somebody can log in who may let others in."""
    return any(
        one.role == "owner" and not one.customer_of and one.state == "active" for one in users.values()
    )


class Invite(msgspec.Struct, frozen=True, gc=False):
    """Let somebody in who has the link of this row. Result: None.

    Raises Refused: CONFLICT, DUPLICATE, and RATE_LIMITED after MOST_A_DAY for people of one account.
    """

    invitation: Invitation

    def keys(self, context: Context) -> Iterable[Key]:
        return self.invitation.key, (Window, NO_ACCOUNT, _SCOPE, self.invitation.account)

    def decide(self, world: World, context: Context) -> Decision:
        account = self.invitation.account
        if account:
            account_by_name(context.directory, account)
        if self.invitation.name in context.directory.users:
            raise Refused(Refusal.DUPLICATE, f"There is already a user {self.invitation.name!r}.")
        window = world.get(Window, NO_ACCOUNT, _SCOPE, account) or Window(NO_ACCOUNT, _SCOPE, account, "", 0)
        counted = count(window, ((_DAY_SECONDS, MOST_A_DAY),), self.invitation.made_at)
        return Decision(None, puts=(self.invitation, counted))


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """Make a link worthless that nobody has used; of the `account` only, where one is named, and unless by an owner
    (`for_operators`) none for the installation's people. Result: whether it was there.
    """

    digest: str
    account: str = ""
    for_operators: bool = True

    def keys(self, context: Context) -> Iterable[Key]:
        return ((Invitation, self.digest),)

    def decide(self, world: World, context: Context) -> Decision:
        found = world.get(Invitation, self.digest)
        if found is None or (self.account and found.account != self.account):
            return Decision(False)
        if not found.account and not self.for_operators:
            raise Refused(Refusal.CONFLICT, "only an owner says who the operators are")
        return Decision(True, deletes=(found.key,))


class TakeInvitation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make the user whom the link's row is for, and the link worthless, at once. Result: the user. `digests` are what
    may have been kept of the link.

    Raises Refused(CREDENTIAL_UNKNOWN) when the link is worth nothing, DUPLICATE when another has the name; CONFLICT and
    InvalidConfiguration as Configure does.
    """

    digests: tuple[str, ...]
    name: str
    password_hash: str
    entropy: bytes
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            *((Invitation, one) for one in self.digests),
            *self._configure(doc.User(name=self.name, password_hash="")).keys(context),
        )

    def decide(self, world: World, context: Context) -> Decision:
        found = next(filter(None, (world.get(Invitation, one) for one in self.digests)), None)
        if found is None or found.expires_at <= self.now or found.name not in ("", self.name):
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, "this link was used, withdrawn, or is too old")
        user = doc.User(
            name=self.name,
            password_hash=self.password_hash,
            role=found.role,  # type: ignore[arg-type]  # Invite was asked with one
            customer_of=found.account,
        )
        made = _made(self._configure(user), user, world, context)
        return msgspec.structs.replace(made, deletes=(*made.deletes, found.key))

    def _configure(self, user: doc.User) -> Configure:
        return Configure(entropy=self.entropy, documents=(user,))


class MakeFirstOwner(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make the first owner of an installation. Result: the user.

    Raises Refused(CREDENTIAL_UNKNOWN) when there is one, and as TakeInvitation does.
    """

    name: str
    password_hash: str
    entropy: bytes

    def _user(self) -> doc.User:
        return doc.User(name=self.name, password_hash=self.password_hash, role="owner")

    def keys(self, context: Context) -> Iterable[Key]:
        return Configure(entropy=self.entropy, documents=(self._user(),)).keys(context)

    def decide(self, world: World, context: Context) -> Decision:
        user = self._user()
        # On an older snapshot Configure refuses, so that of two who try at once only one succeeds.
        made = _made(Configure(entropy=self.entropy, documents=(user,)), user, world, context)
        if has_owner(context.directory.users):
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, "there is an owner already")
        return made


class Admit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make a user of the installation whom nobody has invited. Result: the user.

    Raises Refused and InvalidConfiguration as TakeInvitation does.
    """

    name: str
    password_hash: str
    role: doc.UserRole
    entropy: bytes

    def _configure(self) -> tuple[Configure, doc.User]:
        user = doc.User(name=self.name, password_hash=self.password_hash, role=self.role)
        return Configure(entropy=self.entropy, documents=(user,)), user

    def keys(self, context: Context) -> Iterable[Key]:
        return self._configure()[0].keys(context)

    def decide(self, world: World, context: Context) -> Decision:
        return _made(*self._configure(), world, context)


def _made(configure: Configure, user: doc.User, world: World, context: Context) -> Decision:
    decision = configure.decide(world, context)
    if user.name in context.directory.users:
        raise Refused(Refusal.DUPLICATE, f"There is already a user {user.name!r}.")
    return msgspec.structs.replace(decision, result=user)
