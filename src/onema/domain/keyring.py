"""What the server key is used for: hashing codes, and sealing what must rest in the store unreadable."""

import hashlib
import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
ID_BYTES = 8
MAC_BYTES = 32
_SEALED_UNDER = b"key\0"
"""Begins what says under which key it rests: that key's fingerprint follows, then what others begin with, the nonce."""
_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Unsealable(Exception):
    """A sealed value that this server key cannot open: another key, or a damaged row."""


class _KeyedHash:
    """HMAC-SHA256 (RFC 2104) under one key, which is taken in once: hmac.digest looks up the hash and takes in the key
    for every message, which makes three times the work of a short one.
    """

    def __init__(self, key: bytes) -> None:
        """`key` has at most 64 bytes, a block of the hash."""
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER_PAD))
        """Has taken in the key; copied for each message, never changed."""
        self._outer = hashlib.sha256(block.translate(_OUTER_PAD))
        """The same, for what the inner hash makes of the message."""

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class ServerKey:
    """One server key of at least 32 bytes, and the keys that are derived from it.

    What is made under a key that is `named` says under which; the first key of an installation has no name, and what is
    made under it looks as it did before there could be several.
    """

    def __init__(self, secret: bytes, *, named: bool = False) -> None:
        if len(secret) < 32:
            raise ValueError("the server key must have at least 32 bytes")
        self.named = named
        self.code_mac = _KeyedHash(_derive(secret, b"onema code hash"))
        """Hashes codes."""
        self.request_mac = _KeyedHash(_derive(secret, b"onema request"))
        """Tells whether two requests ask the same."""
        self.aead = AESGCM(_derive(secret, b"onema seal"))
        """Seals what must be read again."""
        self.result_key = _derive(secret, b"onema result token")
        """From which the keys come that sign results."""
        self.challenge_key = _derive(secret, b"onema challenge")
        """From which the keys come that sign challenges."""
        self.signing_key = _derive(secret, b"onema console session")
        """Signs what people bring back: cookies and links."""
        self.fingerprint = int.from_bytes(_derive(secret, b"onema fingerprint")[:8]) >> 1
        """Which key it is, and nothing of the key itself; 63 bits fit a column."""
        self.mark = self.fingerprint.to_bytes(ID_BYTES) if named else b""
        """Stands before the MACs that it makes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerKey) and (other.fingerprint, other.named) == (
            self.fingerprint,
            self.named,
        )

    def __hash__(self) -> int:
        return self.fingerprint

    @property
    def id(self) -> str:
        """The fingerprint as people read it: 16 hex digits."""
        return key_id(self.fingerprint)


def key_id(fingerprint: int) -> str:
    return f"{fingerprint:016x}"


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, hashlib.sha256)


class Keyring:
    """The server keys of an installation, oldest first, of which one is in use. Pure: nonces come from the caller.

    What is made, is made under the key in use; what is read may rest under any.
    """

    def __init__(self, *keys: ServerKey | bytes) -> None:
        """The first one is in use."""
        self.take(one if isinstance(one, ServerKey) else ServerKey(one) for one in keys)

    def take(self, keys: Iterable[ServerKey], in_use: int | None = None) -> None:
        """Hold these keys from now on; the one of the fingerprint `in_use` is used, without it the first.

        Raises ValueError when two have no name, LookupError when the one in use is not among them.
        """
        held = {one.fingerprint: one for one in keys}
        if sum(not one.named for one in held.values()) > 1:
            raise ValueError("only one server key may be without a name")
        used = held[next(iter(held)) if in_use is None else in_use]
        self._held = held
        """By fingerprint; replaced as a whole by `take`."""
        self._unnamed = next((one for one in held.values() if not one.named), None)
        """Under which rests whatever does not say it."""
        self.in_use = used

    @property
    def keys(self) -> tuple[ServerKey, ...]:
        return tuple(self._held.values())

    @property
    def fingerprint(self) -> int:
        """Of the key in use."""
        return self.in_use.fingerprint

    @property
    def fingerprints(self) -> tuple[int, ...]:
        return tuple(self._held)

    def use(self, fingerprint: int) -> None:
        """Raises LookupError when that key is not held."""
        self.in_use = self._held[fingerprint]

    def result_keys(self, number: int) -> tuple[bytes, ...]:
        """The 32 bytes of each private key of this number that signs results, that of the key in use first: what was
        signed under another, or will be under the next, is to be believed. Nobody finds one from another.
        """
        return tuple(_derive(one.result_key, b"%d" % number) for one in self._used_first())

    def challenge_keys(self, subject: str) -> tuple[bytes, ...]:
        """The 32 bytes of each key that signs challenges for this subject, and for no other; that in use first."""
        return tuple(_derive(one.challenge_key, subject.encode()) for one in self._used_first())

    def code_hash(self, verification: int, code: str, bound: str = "") -> bytes:
        """The code's HMAC-SHA256, bound to its verification so that equal codes do not look alike, and to what else it
        is good for alone.
        """
        return self._code_hash(self.in_use, verification, code, bound)

    @staticmethod
    def _code_hash(key: ServerKey, verification: int, code: str, bound: str) -> bytes:
        return key.mark + key.code_mac.digest(b"%d:%b%b" % (verification, code.encode(), bound.encode()))

    def code_matches(self, verification: int, code: str, code_hash: bytes, bound: str = "") -> bool:
        key = self._of_mac(code_hash)
        return key is not None and hmac.compare_digest(
            self._code_hash(key, verification, code, bound), code_hash
        )

    def request_mac(self, digest: str) -> str:
        """Of the digest of a request, which may have a code in it that a digest alone would give away: there are so few
        codes that somebody can try them all.
        """
        return _request_mac(self.in_use, digest)

    def is_request_mac(self, digest: str, known: str) -> bool:
        """Whether `known` was made of this digest, under whichever key."""
        return known in [_request_mac(one, digest) for one in self.keys]

    def sign(self, message: bytes) -> bytes:
        """For what people bring back: HMAC-SHA256."""
        return hmac.digest(self.in_use.signing_key, message, hashlib.sha256)

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Under whichever key."""
        return any(
            hmac.compare_digest(hmac.digest(one.signing_key, message, hashlib.sha256), signature)
            for one in self.keys
        )

    def digest(self, message: bytes) -> str:
        """What is kept of a secret that somebody brings back, in hex: nobody finds it from that without the key."""
        return _digest(self.in_use, message)

    def digests(self, message: bytes) -> tuple[str, ...]:
        """What may have been kept of it under each key, that in use first."""
        return tuple(_digest(one, message) for one in self._used_first())

    def signing_keys(self) -> tuple[bytes, ...]:
        """Of each key, that in use first: for signatures that somebody else's format asks for."""
        return tuple(one.signing_key for one in self._used_first())

    def seal(self, plain: bytes, *, nonce: bytes, bound_to: str) -> bytes:
        """Encrypt `plain` (AES-256-GCM). `nonce` is 12 random bytes; `bound_to` names the row it belongs to."""
        key = self.in_use
        mark = _SEALED_UNDER + key.mark if key.named else b""
        return mark + nonce + key.aead.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt what `seal` made for the same row, under whichever key; raises Unsealable."""
        key, body = self._split(sealed)
        if key is None:
            raise Unsealable(f"the server key is missing that sealed for {bound_to}")
        try:
            return key.aead.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"cannot open what was sealed for {bound_to}") from error

    def key_of_sealed(self, sealed: bytes) -> int:
        """The fingerprint of the key that something rests sealed under; 0 for one that is not held."""
        return _fingerprint(self._split(sealed)[0])

    def key_of_mac(self, mac: bytes) -> int:
        """The same of what `code_hash` made, of a request's MAC and of `digest` (both from their hex)."""
        return _fingerprint(self._of_mac(mac))

    def _used_first(self) -> list[ServerKey]:
        return sorted(self.keys, key=lambda one: one is not self.in_use)

    def _split(self, sealed: bytes) -> tuple[ServerKey | None, bytes]:
        """The key it says it rests under, and what that key sealed."""
        if sealed.startswith(_SEALED_UNDER):
            end = len(_SEALED_UNDER) + ID_BYTES
            named = self._held.get(int.from_bytes(sealed[len(_SEALED_UNDER) : end]))
            if named is not None and named.named:
                return named, sealed[end:]
        # A nonce may begin like anything: whoever has no name is asked.
        return self._unnamed, sealed

    def _of_mac(self, mac: bytes) -> ServerKey | None:
        if len(mac) == MAC_BYTES:
            return self._unnamed
        found = self._held.get(int.from_bytes(mac[:ID_BYTES])) if len(mac) == ID_BYTES + MAC_BYTES else None
        return found if found is not None and found.named else None


def _request_mac(key: ServerKey, digest: str) -> str:
    return (key.mark + key.request_mac.digest(digest.encode())).hex()


def _digest(key: ServerKey, message: bytes) -> str:
    return (key.mark + hmac.digest(key.signing_key, message, hashlib.sha256)).hex()


def _fingerprint(key: ServerKey | None) -> int:
    return key.fingerprint if key is not None else 0
