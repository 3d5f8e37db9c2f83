"""How services know who asks: what stands in `Authorization`."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlencode

import jwt

from onema.channels.http_sender.meanings import members_of, text_in
from onema.http.basic_login import basic_authorization, client_authorization
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent

Exchange = Callable[[HttpRequest], Awaitable[HttpAnswer]]
TOKEN_SECONDS = 900
"""How long a token of our own making is good, as the services' own libraries make them."""
SOONER_SECONDS = 30
"""So much sooner than a token ends another is got: clocks differ, and requests take time."""
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 60, 86_400
"""How long a token is kept, whatever its server says of it."""


class Login(Protocol):
    async def authorization(self, exchange: Exchange, now: int) -> bytes:
        """The value of the header at `now` (Unix ms). Raises NotSent and NoRoom: nothing of the request that it is for
        has left.
        """

    def refused(self, authorization: bytes) -> bool:
        """The service did not take it; whether there may be another now."""


class BasicLogin:
    def __init__(self, user: str, password: str) -> None:
        self._value = basic_authorization(user, password)

    async def authorization(self, exchange: Exchange, now: int) -> bytes:
        return self._value

    def refused(self, authorization: bytes) -> bool:
        return False


class SignedLogin:
    """A JWT (RS256) about an application, signed with its key. Raises ValueError for a key that is none."""

    def __init__(self, application: str, private_key: str) -> None:
        self._application = application
        try:
            algorithm = jwt.get_algorithm_by_name("RS256")
            self._key = algorithm.prepare_key(private_key)
            algorithm.sign(b"", self._key)
        except (jwt.InvalidKeyError, ValueError, TypeError, AttributeError) as error:
            # Its own words may quote the key. A public key cannot sign.
            raise ValueError("it is no RSA private key in PEM, or one with a passphrase") from error
        self._value = b""
        self._ends = 0
        """Unix ms, from when on the value is not used any more."""

    async def authorization(self, exchange: Exchange, now: int) -> bytes:
        if now >= self._ends:
            at = now // 1000
            claims = {
                "application_id": self._application,
                "iat": at,
                "exp": at + TOKEN_SECONDS,
                "jti": secrets.token_hex(16),
            }
            self._value = b"Bearer " + jwt.encode(claims, self._key, "RS256").encode()
            self._ends = now + (TOKEN_SECONDS - SOONER_SECONDS) * 1000
        return self._value

    def refused(self, authorization: bytes) -> bool:
        return False


class TokenLogin:
    """OAuth 2 client credentials (RFC 6749, 4.4). One token is asked for at a time, and kept until shortly before its
    end, or until it is refused.
    """

    def __init__(self, token_url: str, client_id: str, client_secret: str, scope: str) -> None:
        login = client_authorization(client_id, client_secret)
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        headers = (
            (b"authorization", login),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"accept", b"application/json"),
        )
        self._request = HttpRequest("POST", token_url, headers, urlencode(form).encode())
        self._value = b""
        self._ends = 0
        """Unix ms, from when on the value is not used any more."""
        self._one_at_a_time = asyncio.Lock()

    async def authorization(self, exchange: Exchange, now: int) -> bytes:
        async with self._one_at_a_time:
            if not self._value or now >= self._ends:
                try:
                    answer = await exchange(self._request)
                except MayHaveLeft as error:
                    raise NotSent(f"no access token: {error}") from None
                self._keep(answer, now)
            return self._value

    def refused(self, authorization: bytes) -> bool:
        if self._value == authorization:
            self._value = b""
        return True

    def _keep(self, answer: HttpAnswer, now: int) -> None:
        told = members_of(answer)
        token, life = text_in(told, "access_token"), told.get("expires_in")
        if answer.status != 200 or not token.isascii() or not token.isprintable() or not token:
            raise NotSent(f"no access token: HTTP {answer.status}")
        seconds = life if isinstance(life, int) else SHORTEST_LIFE_SECONDS
        seconds = max(SHORTEST_LIFE_SECONDS, min(seconds, LONGEST_LIFE_SECONDS)) - SOONER_SECONDS
        self._value, self._ends = b"Bearer " + token.encode(), now + seconds * 1000
