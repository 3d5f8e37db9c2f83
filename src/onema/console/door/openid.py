"""A login by the word of a provider: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636).

What is random in one login is derived from the ticket that the browser keeps: any process and node can finish what
another began, and who reads the ticket learns neither nonce nor verifier.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import msgspec

from onema.http.basic_login import client_authorization
from onema.http.client.contract import HttpAnswer, HttpClient, HttpRequest, MayHaveLeft, NotSent
from onema.secret import Secret

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""What an ID token may be signed with: neither `none` nor a secret that the provider shares with others."""
CLOCKS_DIFFER_SECONDS = 60
METADATA_MS = 3_600_000
"""So long is believed what the provider says of itself."""
_FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Unproven(Exception):
    """Nobody has proven who they are; the text is for operators, without secrets."""


class ProviderAway(Exception):
    """The provider could not be asked, or says nothing that is OpenID Connect; the text is for operators."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Whose word counts, what we are called there, and which claim is the name of a user here."""

    issuer: str
    client_id: str
    client_secret: Secret = Secret()
    title: str
    scopes: tuple[str, ...]
    claim: str


class Handshake(msgspec.Struct, frozen=True):
    """What one login is recognized by."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        """Without what proves it."""
        return "Handshake()"


class Claimed(msgspec.Struct, frozen=True):
    """Who somebody is to the provider (`subject`, which never changes there), and by the claim that names users."""

    subject: str
    name: str


class _Metadata(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0, section 3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


def handshake_of(key: bytes, ticket: str) -> Handshake:
    def derived(what: str) -> str:
        return _base64url(hmac.digest(key, f"openid {what}\0{ticket}".encode(), "sha256"))

    return Handshake(derived("state"), derived("nonce"), derived("verifier"))


class OpenIdClient:
    def __init__(self, provider: Provider, http: HttpClient, now: Callable[[], int]) -> None:
        """`now` is the clock in Unix ms."""
        self.provider = provider
        self._http = http
        self._now = now
        self._metadata: _Metadata | None = None
        self._metadata_until = 0
        self._keys: list[Mapping[str, Any]] = []
        """The provider's, as it published them last."""

    async def address(self, redirect_uri: str, handshake: Handshake) -> str:
        """Where the browser goes. Raises ProviderAway."""
        metadata = await self._known()
        challenge = _base64url(hashlib.sha256(handshake.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": handshake.state,
            "nonce": handshake.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def check_answer(self, query: Mapping[str, str], handshake: Handshake) -> str:
        """The code that the browser brought back. Raises Unproven and ProviderAway."""
        if not hmac.compare_digest(query.get("state", "").encode(), handshake.state.encode()):
            raise Unproven("the answer is to another request")
        metadata = await self._known()
        # RFC 9207: an answer of another provider, sent on to us, is not this one's.
        issuer = query.get("iss", "")
        if (issuer or metadata.authorization_response_iss_parameter_supported) and issuer != metadata.issuer:
            raise Unproven("the answer is of another issuer")
        if "error" in query:
            raise Unproven(f"the provider said no ({_word(query['error'])})")
        return query.get("code", "")

    async def claimed(self, code: str, redirect_uri: str, handshake: Handshake) -> Claimed:
        """Whom this code proves. Raises Unproven and ProviderAway."""
        metadata = await self._known()
        tokens = await self._tokens(metadata, code, redirect_uri, handshake)
        claims = await self._verified(metadata, str(tokens.get("id_token", "")), handshake.nonce)
        if self.provider.claim not in claims and metadata.userinfo_endpoint:
            claims = {**await self._user_info(metadata, tokens, claims["sub"]), **claims}
        return Claimed(claims["sub"], self._name(claims))

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self.provider.claim)
        if not isinstance(name, str) or not name:
            raise Unproven(f"there is no claim {self.provider.claim!r}")
        if self.provider.claim == "email":
            # Whoever may write any address into a profile would be whoever has it.
            if claims.get("email_verified") is not True:
                raise Unproven("the provider has not verified the address")
            return name.lower()
        return name

    async def _known(self) -> _Metadata:
        if self._metadata is None or not 0 < self._metadata_until - self._now() <= METADATA_MS:
            issuer = self.provider.issuer
            answer = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                metadata = msgspec.json.decode(answer.body, type=_Metadata)
            except msgspec.DecodeError:
                raise ProviderAway("its metadata cannot be read") from None
            if metadata.issuer != issuer:
                raise ProviderAway("its metadata are another issuer's")
            endpoints = (
                metadata.authorization_endpoint,
                metadata.token_endpoint,
                metadata.jwks_uri,
                metadata.userinfo_endpoint or issuer,
            )
            if issuer.startswith("https:") and not all(one.startswith("https:") for one in endpoints):
                raise ProviderAway("one of its endpoints is not on https")
            self._metadata, self._metadata_until = metadata, self._now() + METADATA_MS
        return self._metadata

    async def _tokens(
        self, metadata: _Metadata, code: str, redirect_uri: str, handshake: Handshake
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": handshake.verifier,
        }
        headers: tuple[tuple[bytes, bytes], ...] = (_FORM,)
        us, secret = self.provider.client_id, self.provider.client_secret.reveal()
        if not secret:
            form["client_id"] = us
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            headers = (_FORM, (b"Authorization", client_authorization(us, secret)))
        else:
            form |= {"client_id": us, "client_secret": secret}
        answer = await self._ask(
            HttpRequest("POST", metadata.token_endpoint, headers, urlencode(form).encode())
        )
        told = _decoded(answer)
        if answer.status != 200:
            raise Unproven(f"the provider took no code ({_word(str(told.get('error', answer.status)))})")
        return told

    async def _verified(self, metadata: _Metadata, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token for us (OpenID Connect Core 1.0, 3.1.3.7). Raises Unproven and ProviderAway."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                await self._key_of(metadata, token),
                algorithms=list(ALGORITHMS),
                audience=self.provider.client_id,
                issuer=metadata.issuer,
                # Times are those of our own clock.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "enforce_minimum_key_length": True,
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                },
            )
        except jwt.PyJWTError as error:
            raise Unproven(f"the ID token is none for us ({type(error).__name__})") from None
        us = self.provider.client_id
        if claims.get("azp", us) != us or (claims["aud"] not in (us, [us]) and "azp" not in claims):
            raise Unproven("the ID token was given to somebody else")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise Unproven("the ID token is of another login")
        seconds = self._now() / 1000
        times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
        if not all(isinstance(one, int | float) for one in times):
            raise Unproven("the ID token has no times")
        ends, *begins = times
        if seconds >= ends + CLOCKS_DIFFER_SECONDS or max(begins) > seconds + CLOCKS_DIFFER_SECONDS:
            raise Unproven("the ID token is not of this time")
        return claims

    async def _key_of(self, metadata: _Metadata, token: str) -> jwt.PyJWK:
        """The provider's key that this token says it is signed with. Raises PyJWTError, Unproven and ProviderAway."""
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise Unproven("the ID token is not signed as it must be")
        found = self._fitting(header)
        if not found:
            # The provider may have new ones.
            keys = _decoded(await self._get(metadata.jwks_uri)).get("keys")
            self._keys = [one for one in keys if isinstance(one, dict)] if isinstance(keys, list) else []
            found = self._fitting(header)
        if len(found) != 1:
            raise Unproven("no key of the provider fits the ID token")
        return jwt.PyJWK(dict(found[0]), algorithm=header["alg"])

    def _fitting(self, header: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        algorithm = header["alg"]
        kind = {"R": "RSA", "P": "RSA"}.get(algorithm[0]) or ("OKP" if algorithm == "EdDSA" else "EC")
        return [
            key
            for key in self._keys
            if key.get("kty") == kind
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and header.get("kid", key.get("kid")) == key.get("kid")
        ]

    async def _user_info(
        self, metadata: _Metadata, tokens: Mapping[str, Any], subject: str
    ) -> Mapping[str, Any]:
        bearer = str(tokens.get("access_token", ""))
        if not bearer.isascii() or not bearer.isprintable():
            raise Unproven("the access token is none")
        request = HttpRequest(
            "GET", metadata.userinfo_endpoint, ((b"Authorization", b"Bearer " + bearer.encode()),)
        )
        claims = _decoded(await self._ask(request))
        # 5.3.2: what is about somebody else must not be used.
        if claims.get("sub") != subject:
            raise Unproven("the user info is about somebody else")
        return claims

    async def _get(self, url: str) -> HttpAnswer:
        answer = await self._ask(HttpRequest("GET", url))
        if answer.status != 200:
            raise ProviderAway(f"it answered HTTP {answer.status}")
        return answer

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        try:
            return await self._http.exchange(request)
        except (NotSent, MayHaveLeft) as error:
            raise ProviderAway(str(error)) from None


def _decoded(answer: HttpAnswer) -> dict[str, Any]:
    try:
        return _OBJECT.decode(answer.body)
    except msgspec.DecodeError:
        raise ProviderAway(f"it answered HTTP {answer.status} and no JSON object") from None


def _word(text: str) -> str:
    """What somebody else wrote, as far as it is one of OAuth's error codes."""
    return "".join(one for one in text[:40] if one.isascii() and (one.isalnum() or one in "_-"))


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
