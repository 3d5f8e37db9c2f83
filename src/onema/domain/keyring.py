"""What the server key is used for: hashing codes, and sealing what must rest in the store unreadable."""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed value that this server key cannot open: another key, or a damaged row."""


class Keyring:
    """Keys derived from one server key of at least 32 bytes. Pure: nonces come from the caller."""

    def __init__(self, server_key: bytes) -> None:
        if len(server_key) < 32:
            raise ValueError("the server key must have at least 32 bytes")
        self._code_key = self._derive(server_key, b"onema code hash")
        self._aead = AESGCM(self._derive(server_key, b"onema seal"))
        self.session_key = self._derive(server_key, b"onema console session")
        # Which key it is, and nothing of the key itself; 63 bits fit a column.
        self.fingerprint = int.from_bytes(self._derive(server_key, b"onema fingerprint")[:8]) >> 1

    @staticmethod
    def _derive(server_key: bytes, purpose: bytes) -> bytes:
        return hmac.digest(server_key, purpose, hashlib.sha256)

    def code_hash(self, verification: int, code: str) -> bytes:
        """The code's HMAC-SHA256, bound to its verification so that equal codes do not look alike."""
        return hmac.digest(self._code_key, b"%d:%b" % (verification, code.encode()), "sha256")

    def code_matches(self, verification: int, code: str, code_hash: bytes) -> bool:
        return hmac.compare_digest(self.code_hash(verification, code), code_hash)

    def seal(self, plain: bytes, *, nonce: bytes, bound_to: str) -> bytes:
        """Encrypt `plain` (AES-256-GCM). `nonce` is 12 random bytes; `bound_to` names the row it belongs to."""
        return nonce + self._aead.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt what `seal` made for the same row; raises Unsealable."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"cannot open what was sealed for {bound_to}") from error
