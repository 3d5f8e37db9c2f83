"""What the server key is used for: hashing codes, and sealing what must rest in the store unreadable."""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
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


class Keyring:
    """Keys derived from one server key of at least 32 bytes. Pure: nonces come from the caller."""

    def __init__(self, server_key: bytes) -> None:
        if len(server_key) < 32:
            raise ValueError("the server key must have at least 32 bytes")
        self._code_mac = _KeyedHash(self._derive(server_key, b"onema code hash"))
        """Hashes codes."""
        self._request_mac = _KeyedHash(self._derive(server_key, b"onema request"))
        """Tells whether two requests ask the same."""
        self._aead = AESGCM(self._derive(server_key, b"onema seal"))
        """Seals what must be read again."""
        self._result_key = self._derive(server_key, b"onema result token")
        """From which the keys come that sign results."""
        self._challenge_key = self._derive(server_key, b"onema challenge")
        """From which the keys come that sign challenges."""
        self.session_key = self._derive(server_key, b"onema console session")
        """Signs the console's cookies."""
        # Which key it is, and nothing of the key itself; 63 bits fit a column.
        self.fingerprint = int.from_bytes(self._derive(server_key, b"onema fingerprint")[:8]) >> 1

    def result_key(self, number: int) -> bytes:
        """The 32 bytes of the private key of this number that signs results. Nobody finds one from another."""
        return self._derive(self._result_key, b"%d" % number)

    def challenge_key(self, subject: str) -> bytes:
        """The 32 bytes that sign challenges for this subject, and for no other."""
        return self._derive(self._challenge_key, subject.encode())

    @staticmethod
    def _derive(server_key: bytes, purpose: bytes) -> bytes:
        return hmac.digest(server_key, purpose, hashlib.sha256)

    def code_hash(self, verification: int, code: str, bound: str = "") -> bytes:
        """The code's HMAC-SHA256, bound to its verification so that equal codes do not look alike, and to what else it
        is good for alone.
        """
        return self._code_mac.digest(b"%d:%b%b" % (verification, code.encode(), bound.encode()))

    def code_matches(self, verification: int, code: str, code_hash: bytes, bound: str = "") -> bool:
        return hmac.compare_digest(self.code_hash(verification, code, bound), code_hash)

    def request_mac(self, digest: str) -> str:
        """Of the digest of a request, which may have a code in it that a digest alone would give away: there are so few
        codes that somebody can try them all.
        """
        return self._request_mac.digest(digest.encode()).hex()

    def seal(self, plain: bytes, *, nonce: bytes, bound_to: str) -> bytes:
        """Encrypt `plain` (AES-256-GCM). `nonce` is 12 random bytes; `bound_to` names the row it belongs to."""
        return nonce + self._aead.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt what `seal` made for the same row; raises Unsealable."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"cannot open what was sealed for {bound_to}") from error
