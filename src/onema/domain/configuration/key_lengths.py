"""How long the keys and secrets are that are made for clients; both are written as upper-case hex."""

import hashlib

KEY_BYTES = 15
"""30 characters, as long as vendors' own keys are; every dialect takes it."""
OPERATOR_SECRET_BYTES = 24
"""Of an operator's key, of which a plain hash is kept: nobody tries out so many."""
SECRET_BYTES = 16
"""32 characters: RFC 7518 section 3.2 asks for as many bytes to sign a token with HS256, and libraries refuse fewer."""
OPERATOR_SECRET_HASH = "sha256:"  # noqa: S105  # what such a hash begins with


def operator_secret_hash(secret: bytes) -> str:
    return OPERATOR_SECRET_HASH + hashlib.sha256(secret).hexdigest()
