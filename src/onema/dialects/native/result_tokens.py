"""Signed proof of a right check: a JWT (RFC 7519) that anybody can verify without asking, by the keys of
`/.well-known/jwks.json` (RFC 7517, RFC 8037).

The keys are derived from the server key, so every node has the same without sharing anything else. The key's number is
a setting. The keys beside it are published, too: so nodes can move to the next one after the other.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onema.domain.configuration.directory import AccountView
from onema.domain.ids import MessageId
from onema.domain.records import Message

TYPE = "verification+jwt"
"""Of its own, so that no token that somebody else signed with an Ed25519 key is taken for one (RFC 8725, 3.11)."""
ALGORITHM = "EdDSA"


class _Key:
    """One Ed25519 key pair, named by its thumbprint (RFC 7638)."""

    def __init__(self, seed: bytes) -> None:
        """`seed` has 32 bytes, and is the private key (RFC 8032)."""
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._public = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
        self.name = _base64url(hashlib.sha256(msgspec.json.encode(self._public)).digest())

    @property
    def published(self) -> dict[str, str]:
        return {**self._public, "alg": ALGORITHM, "kid": self.name, "use": "sig"}


@lru_cache(maxsize=32)
def _key(seed: bytes) -> _Key:
    return _Key(seed)


class ResultTokens:
    """Signs with the key `number` and publishes it between its neighbours. `seeds_of` derives the keys of a number, one
    from each server key that is held, and that which signs first.
    """

    def __init__(
        self, seeds_of: Callable[[int], Sequence[bytes]], *, number: int, issuer: str, seconds: int
    ) -> None:
        self._seeds_of = seeds_of
        self._number = number
        self._issuer = issuer
        self._seconds = seconds

    @property
    def _key(self) -> _Key:
        return _key(self._seeds_of(self._number)[0])

    @property
    def key_set(self) -> bytes:
        """The JSON of all keys that may have signed what has not expired, or may sign next."""
        numbers = range(max(1, self._number - 1), self._number + 2)
        seeds = (seed for one in numbers for seed in self._seeds_of(one))
        return msgspec.json.encode({"keys": [_key(seed).published for seed in seeds]})

    def token(
        self,
        account: AccountView,
        message: Message,
        purpose: str,
        now: int,
        payment: tuple[str, str] | None = None,
    ) -> str:
        """That the person at the phone of `message`, a verification's, had the code at `now` (Unix ms). `payment` is
        the amount and the payee that the code has confirmed.
        """
        claims = {
            "iss": self._issuer,
            "aud": audience(account, message.application),
            "sub": message.phone,
            "purpose": purpose,
            "verification": str(MessageId(message.id)),
            "iat": now // 1000,
            "exp": now // 1000 + self._seconds,
        }
        if payment:
            claims |= {"amount": payment[0], "payee": payment[1]}
        headers = {"kid": self._key.name, "typ": TYPE}
        return jwt.encode(claims, self._key.private, algorithm=ALGORITHM, headers=headers)


def audience(account: AccountView, application: str) -> str:
    """Whom a token is for: the account, or one application of it."""
    return f"{account.name}/{application}" if application else account.name


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
