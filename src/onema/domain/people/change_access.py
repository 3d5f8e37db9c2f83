"""Every change of what a user can show, and of where they are logged in: decided on the user's one row.

Whoever is no user any more has no row, and gets none: a command about them is refused.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import UserAccess
from onema.domain.people.access import (
    MOST_PASSKEYS,
    MOST_SESSIONS,
    Access,
    Passkey,
    Session,
    Totp,
    access_of,
    lasts,
    written_access,
)
from onema.domain.records import DirectoryRow, Key
from onema.domain.refusals import Refusal, Refused

_USER = str(doc.User.__struct_config__.tag)
replace = msgspec.structs.replace


class OfUser(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one user's row."""

    user: str

    def keys(self, context: Context) -> Iterable[Key]:
        return (DirectoryRow, _USER, self.user), (UserAccess, self.user)

    def decide(self, world: World, context: Context) -> Decision:
        if world.get(DirectoryRow, _USER, self.user) is None:
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, "there is no such user any more")
        before = access_of(world, self.user)
        after = self.changed(before)
        return Decision(None, puts=() if after == before else (written_access(self.user, after),))

    def changed(self, access: Access) -> Access:
        """What becomes of it. Raises Refused."""
        raise NotImplementedError


class BeginSession(OfUser, frozen=True, kw_only=True):
    session: Session

    def changed(self, access: Access) -> Access:
        now = self.session.began_at
        left = [one for one in access.sessions if lasts(one, now)]
        return replace(access, sessions=(*left[-(MOST_SESSIONS - 1) :], self.session))


class EndSessions(OfUser, frozen=True, kw_only=True):
    """End the session of this id; with `others` all but it; without an id all."""

    id: str = ""
    others: bool = False

    def changed(self, access: Access) -> Access:
        left = [one for one in access.sessions if self.id and (one.id == self.id) is self.others]
        return replace(access, sessions=tuple(left))


class ShowSubject(OfUser, frozen=True, kw_only=True):
    """A login provider says that the user is this `subject` of it, as at the first time. Raises
    Refused(CREDENTIAL_UNKNOWN) when that was another.
    """

    subject: str

    def changed(self, access: Access) -> Access:
        if access.subject not in ("", self.subject):
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, "another person came in under this name")
        return replace(access, subject=self.subject)


class OfferApp(OfUser, frozen=True, kw_only=True):
    """Keep the seed of an authenticator app until a code of it shows that somebody has it."""

    totp: Totp

    def changed(self, access: Access) -> Access:
        if access.app is not None:
            raise Refused(Refusal.CONFLICT, "there is an authenticator app already")
        return replace(access, totp=self.totp)


class ConfirmApp(OfUser, frozen=True, kw_only=True):
    """The app of this sealed seed gave the code of `step`: from now on it counts, and these are its recovery codes."""

    seed: str
    step: int
    recovery: tuple[str, ...]

    def changed(self, access: Access) -> Access:
        totp = access.totp
        if totp is None or totp.confirmed or totp.seed != self.seed:
            raise Refused(Refusal.CONFLICT, "the authenticator app changed meanwhile")
        return replace(
            access, totp=replace(totp, confirmed=True, last_step=self.step), recovery=self.recovery
        )


class UseApp(OfUser, frozen=True, kw_only=True):
    """The code of `step` was shown. Refused (CODE_INVALID) when that code, or a later one, was shown before
    (RFC 6238, 5.2).
    """

    seed: str
    step: int

    def changed(self, access: Access) -> Access:
        totp = access.app
        if totp is None or totp.seed != self.seed or self.step <= totp.last_step:
            raise Refused(Refusal.CODE_INVALID, "this code was used")
        return replace(access, totp=replace(totp, last_step=self.step))


class UseRecoveryCode(OfUser, frozen=True, kw_only=True):
    """Refused (CODE_INVALID) when there is none of these hashes, which are one code's, or it was used."""

    digests: tuple[str, ...]

    def changed(self, access: Access) -> Access:
        left = tuple(one for one in access.recovery if one not in self.digests)
        if access.app is None or left == access.recovery:
            raise Refused(Refusal.CODE_INVALID, "there is no such code any more")
        return replace(access, recovery=left)


class NewRecoveryCodes(OfUser, frozen=True, kw_only=True):
    recovery: tuple[str, ...]

    def changed(self, access: Access) -> Access:
        if access.app is None:
            raise Refused(Refusal.CONFLICT, "there is no authenticator app any more")
        return replace(access, recovery=self.recovery)


class RemoveApp(OfUser, frozen=True, kw_only=True):
    def changed(self, access: Access) -> Access:
        return replace(access, totp=None, recovery=())


class AddPasskey(OfUser, frozen=True, kw_only=True):
    passkey: Passkey

    def changed(self, access: Access) -> Access:
        if access.passkey(self.passkey.id) is not None:
            raise Refused(Refusal.DUPLICATE, "this passkey is here already")
        if len(access.passkeys) >= MOST_PASSKEYS:
            raise Refused(Refusal.CONFLICT, f"{MOST_PASSKEYS} passkeys are the most")
        return replace(access, passkeys=(*access.passkeys, self.passkey))


class UsePasskey(OfUser, frozen=True, kw_only=True):
    """It was shown, and counted up to `count`. Refused (CODE_INVALID) when it had counted as far before: then there
    are two of it (WebAuthn, 7.2). Authenticators that do not count say 0 each time.
    """

    id: str
    count: int
    now: int

    def changed(self, access: Access) -> Access:
        found = access.passkey(self.id)
        if found is None or (max(self.count, found.count) > 0 and self.count <= found.count):
            raise Refused(Refusal.CODE_INVALID, "this passkey counts for nothing")
        return _with_passkey(access, replace(found, count=self.count, used_at=self.now))


class NamePasskey(OfUser, frozen=True, kw_only=True):
    id: str
    name: str

    def changed(self, access: Access) -> Access:
        found = access.passkey(self.id)
        return access if found is None else _with_passkey(access, replace(found, name=self.name))


class RemovePasskey(OfUser, frozen=True, kw_only=True):
    id: str

    def changed(self, access: Access) -> Access:
        return replace(access, passkeys=tuple(one for one in access.passkeys if one.id != self.id))


class ForgetFactors(OfUser, frozen=True, kw_only=True):
    """Whoever lost everything begins anew: no second factor, no passkey, no session is left."""

    def changed(self, access: Access) -> Access:
        return Access()


def _with_passkey(access: Access, changed: Passkey) -> Access:
    return replace(
        access, passkeys=tuple(changed if one.id == changed.id else one for one in access.passkeys)
    )
