"""What users show to come in besides their password, and where they are logged in."""

import msgspec

from onema.domain.decision import World
from onema.domain.door_rows import UserAccess
from onema.domain.values.written_ahead import TOLERATED_MS

SESSION_MS = 12 * 3_600_000
MOST_SESSIONS = 20
"""Of one user at once: the one that began first ends when there are more."""
MOST_PASSKEYS = 20


class Session(msgspec.Struct, frozen=True):
    """A browser that is logged in: since when and until when (Unix ms), where from, and what was shown for it."""

    id: str
    began_at: int
    expires_at: int
    address: str
    browser: str
    shown: str


class Totp(msgspec.Struct, frozen=True):
    """An authenticator app. `seed` is sealed, in hex; `last_step` is the newest step of 30 s whose code was used.

    Until it is `confirmed` it counts for nothing.
    """

    seed: str
    made_at: int
    confirmed: bool = False
    last_step: int = 0


def seed_bound_to(user: str) -> str:
    """What the seed of a user's app is sealed for."""
    return f"authenticator of {user}"


class Passkey(msgspec.Struct, frozen=True):
    """A public key of an authenticator; `id` and `key` in base64url. `count` is what it had counted when used last."""

    id: str
    key: str
    count: int
    name: str
    made_at: int
    used_at: int = 0


class Access(msgspec.Struct, frozen=True):
    """`recovery` are the hashes of the codes that stand in for the authenticator app, each once; `subject` is who the
    user is to the provider by whose word they came in.
    """

    sessions: tuple[Session, ...] = ()
    totp: Totp | None = None
    recovery: tuple[str, ...] = ()
    passkeys: tuple[Passkey, ...] = ()
    subject: str = ""

    @property
    def app(self) -> Totp | None:
        """The authenticator app, where there is one that counts."""
        return self.totp if self.totp is not None and self.totp.confirmed else None

    @property
    def has_second_factor(self) -> bool:
        return self.app is not None or bool(self.passkeys)

    def passkey(self, identifier: str) -> Passkey | None:
        return next((one for one in self.passkeys if one.id == identifier), None)

    def session(self, identifier: str, now: int) -> Session | None:
        """The session of this id, if it still lasts."""
        found = next((one for one in self.sessions if one.id == identifier), None)
        return found if found is not None and lasts(found, now) else None


def lasts(session: Session, now: int) -> bool:
    """One that would last longer than any begins when a clock was ahead."""
    return 0 < session.expires_at - now <= SESSION_MS + TOLERATED_MS


_decoder = msgspec.json.Decoder(Access)
_encoder = msgspec.json.Encoder()
NONE = Access()


def read_access(row: UserAccess | None) -> Access:
    return _decoder.decode(row.content) if row is not None else NONE


def access_of(world: World, user: str) -> Access:
    return read_access(world.get(UserAccess, user))


def written_access(user: str, access: Access) -> UserAccess:
    return UserAccess(user, _encoder.encode(access))
