"""HTTP Basic (RFC 7617): a user and a secret, which may hold colons."""

import base64
import binascii
from functools import lru_cache
from urllib.parse import quote

_SCHEME = b"basic"


@lru_cache(maxsize=1_000)
def basic_login(authorization: bytes | None) -> tuple[str, bytes]:
    """Raises ValueError for what is no Basic login; its text tells nothing that was sent."""
    scheme, _, encoded = (authorization or b"").strip().partition(b" ")
    if scheme.lower() != _SCHEME:
        raise ValueError("no Basic login in Authorization")
    try:
        user, colon, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        if colon:
            return user.decode(), secret
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise ValueError("the Basic login is malformed")


def basic_authorization(user: str, password: str) -> bytes:
    """The header's value of whoever shows these."""
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


def client_authorization(client_id: str, client_secret: str) -> bytes:
    """The same of a client of OAuth 2: RFC 6749, 2.3.1 encodes both as in a form first."""
    return basic_authorization(quote(client_id, safe=""), quote(client_secret, safe=""))
