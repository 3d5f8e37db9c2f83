"""Letting people into the console: links for them, and what becomes of these."""

from collections.abc import Awaitable, Callable, Sequence

from onema.administration.author import Author
from onema.administration.people_requests import (
    AdmitUser,
    Invited,
    InviteUser,
    OpenInvitation,
    ReadInvitation,
    ReadInvitations,
    ResetUser,
    SignUp,
    TakeInvitation,
    WithdrawInvitation,
)
from onema.domain.configuration.document_rules import role_fault, user_name_fault
from onema.domain.configuration.documents import User
from onema.domain.decision import Command
from onema.domain.door_rows import Invitation
from onema.domain.keyring import Keyring
from onema.domain.people import invitations, sign_up
from onema.domain.people.change_access import ForgetFactors
from onema.domain.people.invitations import (
    LONGEST_DAYS,
    MakeFirstOwner,
    Withdraw,
    digest_of,
    digests_of,
    has_owner,
    is_set_up,
)
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

MOST_SHOWN = 500
_TRIES = 10
_DAY_MS = 86_400_000
_ENTROPY_BYTES = 32
_APPID_BYTES = 16


class Invitations:
    """Answers administrative requests about links that make users."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        refresh: Callable[[], Awaitable[None]],
        keyring: Keyring | None,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._refresh = refresh
        self._key = keyring

    async def invite(self, request: InviteUser, author: Author) -> Invited:
        actor = author.actor
        if fault := role_fault(request.role, request.account):
            raise Refused(Refusal.CONFLICT, fault)
        if fault := user_name_fault(request.name) if request.name else "":
            raise Refused(Refusal.CONFLICT, fault)
        if not request.account and actor.role != "owner":
            raise Refused(Refusal.CONFLICT, "only an owner says who the operators are")
        if not 1 <= request.days <= LONGEST_DAYS:
            raise Refused(Refusal.CONFLICT, f"a link works for 1 to {LONGEST_DAYS} days")
        token = invitations.written(self._gateway.token(invitations.SECRET_BYTES))
        now = self._gateway.now()
        row = Invitation(
            digest_of(token, self._keyring),
            request.name,
            request.role,
            request.account,
            actor.name,
            now,
            now + request.days * _DAY_MS,
        )
        await author.execute(
            invitations.Invite(row),
            request.account,
            f"invitation {row.digest[:8]}",
            {"name": row.name, "role": row.role, "expires_at": row.expires_at},
        )
        return Invited(token=token, id=row.digest, expires_at=row.expires_at)

    async def withdraw(self, request: WithdrawInvitation, author: Author) -> bool:
        if not request.id.isalnum():  # nor could every store look for it
            return False
        command = Withdraw(request.id, request.account, for_operators=author.actor.role == "owner")
        done: bool = await author.execute(command, request.account, f"invitation {request.id[:8]}")
        return done

    async def reset(self, request: ResetUser, author: Author) -> None:
        user = self._gateway.directory.users.get(request.name)
        if user is None or (request.account and user.customer_of != request.account):
            raise Refused(Refusal.CONFLICT, f"There is no user {request.name!r}.")
        if not user.customer_of and author.actor.role != "owner":
            raise Refused(Refusal.CONFLICT, "only an owner says who the operators are")
        await author.execute(ForgetFactors(user=user.name), user.customer_of, f"user {user.name}")

    async def read(self, request: ReadInvitations) -> Sequence[OpenInvitation]:
        rows = await self._storage.read_invitations(request.account, MOST_SHOWN)
        now = self._gateway.now()
        return [_shown(row) for row in rows if row.expires_at > now]

    async def look_up(self, request: ReadInvitation) -> OpenInvitation | None:
        now = self._gateway.now()
        if is_set_up(request.token, self._keyring, now):
            return None if has_owner(self._gateway.directory.users) else OpenInvitation(id="", role="owner")
        keys = [(Invitation, one) for one in digests_of(request.token, self._keyring)]
        found = (await self._storage.read(keys)).values()
        rows = (row for row in found if isinstance(row, Invitation) and row.expires_at > now)
        return next(map(_shown, rows), None)

    async def take(self, request: TakeInvitation, author: Author) -> User:
        return await self._newly(
            lambda: self._command(request), author, "", f"user {request.name}", {"name": request.name}
        )

    async def admit(self, request: AdmitUser, author: Author) -> User:
        rows = await self._storage.read_invitations("", MOST_SHOWN)
        now = self._gateway.now()
        named = [one for one in rows if one.name == request.name and one.expires_at > now]
        # A customer names whomever it likes: whom the operators have named too is theirs.
        digests = tuple(one.digest for one in sorted(named, key=lambda one: one.account != ""))[:1]

        def command() -> Command:
            entropy = self._gateway.token(_ENTROPY_BYTES)
            if not digests and request.role is not None:
                return invitations.Admit(
                    name=request.name,
                    password_hash=request.password_hash,
                    role=request.role,
                    entropy=entropy,
                )
            return invitations.TakeInvitation(
                digests=digests,
                name=request.name,
                password_hash=request.password_hash,
                entropy=entropy,
                now=self._gateway.now(),
            )

        return await self._newly(command, author, "", f"user {request.name}", {"name": request.name})

    async def sign_up(self, request: SignUp, author: Author) -> User:
        def command() -> Command:
            return sign_up.SignUp(
                account=request.account,
                name=request.name,
                password_hash=request.password_hash,
                network=request.network,
                appid=self._gateway.token(_APPID_BYTES).hex(),
                entropy=self._gateway.token(_ENTROPY_BYTES),
                now=self._gateway.now(),
            )

        made = {"account": request.account, "name": request.name}
        return await self._newly(command, author, request.account, f"account {request.account}", made)

    async def _newly(
        self,
        command: Callable[[], Command],
        author: Author,
        account: str,
        subject: str,
        after: dict[str, str],
    ) -> User:
        """The user whom a command makes, decided on the newest configuration."""
        for _ in range(_TRIES):
            known = self._gateway.directory.revision
            try:
                user: User = await author.execute(command(), account, subject, after)
            except Refused as refused:
                await self._refresh()
                # Somebody else changed the configuration meanwhile: decide again on what they left.
                if refused.refusal is Refusal.CONFLICT and self._gateway.directory.revision != known:
                    continue
                raise
            return user
        raise Refused(Refusal.CONFLICT, "the configuration keeps changing; try again later")

    def _command(self, request: TakeInvitation) -> Command:
        now, entropy = self._gateway.now(), self._gateway.token(_ENTROPY_BYTES)
        if is_set_up(request.token, self._keyring, now):
            return MakeFirstOwner(name=request.name, password_hash=request.password_hash, entropy=entropy)
        return invitations.TakeInvitation(
            digests=digests_of(request.token, self._keyring),
            name=request.name,
            password_hash=request.password_hash,
            entropy=entropy,
            now=now,
        )

    @property
    def _keyring(self) -> Keyring:
        """Raises Refused(CONFLICT) where there is none."""
        if self._key is None:
            raise Refused(Refusal.CONFLICT, "links are made and taken where the server key is")
        return self._key


def _shown(row: Invitation) -> OpenInvitation:
    return OpenInvitation(
        id=row.digest,
        role=row.role,
        name=row.name,
        account=row.account,
        invited_by=row.invited_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
    )
