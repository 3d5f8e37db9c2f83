"""An OpenID Connect provider: Authlib's authorization server, which judges what the console asks of it, and tests who
make it lie.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from onema.http.client.contract import HttpAnswer, HttpRequest, NotSent
from onema.testing.running_server import free_port

CLIENT, SECRET = "onema-console", "s3cret-of the/client"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NEXT_KEY = ec.generate_private_key(ec.SECP256R1())
"""To which the issuer rolls over."""
STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Claims = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


class _Client:
    """What the issuer knows of the console."""

    client_id = CLIENT

    def __init__(self, issuer: "Issuer") -> None:
        self._issuer = issuer

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, uri: str) -> bool:
        return urlsplit(uri).path == "/login/provider/back"

    def get_default_redirect_uri(self) -> None:
        return None

    def check_client_secret(self, secret: str) -> bool:
        return secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self._issuer.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Code:
    """What a code stands for."""

    def __init__(self, request: Any) -> None:
        asked = request.payload.data
        self.redirect_uri, self.scope = asked["redirect_uri"], asked["scope"]
        self.code_challenge = asked["code_challenge"]
        self.code_challenge_method = asked["code_challenge_method"]
        self.nonce, self.user = asked["nonce"], request.user

    def get_redirect_uri(self) -> Any:
        return self.redirect_uri

    def get_scope(self) -> Any:
        return self.scope

    def get_nonce(self) -> Any:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    get_acr = get_amr = get_auth_time


class _Request(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, method: str, path: str, headers: Mapping[str, str], form: Mapping[str, str]) -> None:
        super().__init__(method, f"https://issuer.example{path}", headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(dict(parse_qsl(urlsplit(path).query)) | dict(form))

    @property
    def form(self) -> Any:
        return self._form


class Issuer:
    """`user` are the claims of whoever sits at the browser. `forge` changes those of the next ID tokens, and `sign`
    how they are signed.
    """

    def __init__(self, url: str = "https://issuer.example", now: Callable[[], int] | None = None) -> None:
        """`now` is the clock in Unix ms."""
        self.url = url
        self.now = now or (lambda: int(time.time() * 1000))
        self.user: Claims = {"sub": "7", "email": "lan@example.com", "email_verified": True}
        self.auth_method = "client_secret_basic"
        self.metadata: Claims = {}
        """Instead of what it would say of itself."""
        self.keys: dict[str, Any] = {"first": KEY}
        self.forge: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = lambda claims: jwt.encode(
            claims, KEY, "RS256", headers={"kid": "first"}
        )
        self.only_at_user_info = frozenset[str]()
        """Claims that are in no ID token."""
        self.away = False
        self.asked: list[str] = []
        """Paths, in order."""
        self.last_error = ""
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, Claims] = {}
        self._server = self._authorization_server()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        route = urlsplit(path).path
        self.asked.append(route)
        request = _Request(method, path, headers, dict(parse_qsl(body.decode())))
        match route:
            case "/.well-known/openid-configuration":
                return _json(200, self._metadata())
            case "/keys":
                return _json(200, {"keys": [_published(name, key) for name, key in self.keys.items()]})
            case "/authorize":
                grant = self._server.get_consent_grant(request, dict(self.user))
                answer: Answer = self._server.create_authorization_response(request, dict(self.user), grant)
                return answer
            case "/token":
                answer = self._server.create_token_response(request)
                self.last_error = json.loads(answer[2]).get("error", "")
                return answer
            case "/userinfo":
                bearer = headers.get("Authorization", "").removeprefix("Bearer ")
                return _json(200, self._tokens[bearer]) if bearer in self._tokens else _json(401, {})
        return _json(404, {})

    async def exchange(self, request: HttpRequest, seconds: float | None = None) -> HttpAnswer:
        """As an HttpClient whom the whole world is this issuer."""
        if self.away:
            raise NotSent("no connection (ConnectionRefusedError)")
        parts = urlsplit(request.url)
        headers = {name.decode(): value.decode() for name, value in request.headers}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        status, _, body = self.answer(request.method, path, headers, request.body)
        return HttpAnswer(status, (), body)

    async def close(self) -> None:
        """Nothing is open."""

    def approve(self, address: str) -> str:
        """What whoever sits at the browser is sent back with: the path and query that the console hears."""
        parts = urlsplit(address)
        status, headers, body = self.answer("GET", f"{parts.path}?{parts.query}", {}, b"")
        assert status == 302, body
        back = urlsplit(headers["Location"])
        return f"{back.path}?{back.query}"

    def _metadata(self) -> Claims:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "token_endpoint_auth_methods_supported": [self.auth_method],
            "response_types_supported": ["code"],
            **self.metadata,
        }

    def id_token(self, code: _Code) -> str:
        seconds = self.now() // 1000
        told = {name: value for name, value in code.user.items() if name not in self.only_at_user_info}
        times = {"iat": seconds, "exp": seconds + 300}
        return self.sign(self.forge({"iss": self.url, "aud": CLIENT, "nonce": code.nonce, **times, **told}))

    def _authorization_server(self) -> Any:
        issuer = self

        class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

            def save_authorization_code(self, code: str, request: Any) -> None:
                issuer._codes[code] = _Code(request)

            def query_authorization_code(self, code: str, client: Any) -> _Code | None:
                return issuer._codes.get(code)

            def delete_authorization_code(self, authorization_code: _Code) -> None:
                issuer._codes = {
                    code: one for code, one in issuer._codes.items() if one is not authorization_code
                }

            def authenticate_user(self, authorization_code: _Code) -> Any:
                return authorization_code.user

        class IdToken(OpenIDCode):  # type: ignore[misc]
            def exists_nonce(self, nonce: str, request: Any) -> bool:
                return any(one.nonce == nonce for one in issuer._codes.values())

            def encode_id_token(self, token: Any, request: Any) -> str:
                issuer._tokens[token["access_token"]] = request.authorization_code.user
                return issuer.id_token(request.authorization_code)

        class Server(AuthorizationServer):  # type: ignore[misc]
            def query_client(self, client_id: str) -> Any:
                return _Client(issuer) if client_id == CLIENT else None

            def save_token(self, token: Any, request: Any) -> None:
                """Nobody asks for it but the user info."""

            def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
                """Nobody listens."""

            def create_oauth2_request(self, request: Any) -> Any:
                return request

            def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
                return (
                    status,
                    dict(headers),
                    body.encode() if isinstance(body, str) else json.dumps(body).encode(),
                )

        server = Server()
        server.register_token_generator("default", _token)
        server.register_grant(Grant, [CodeChallenge(required=True), IdToken(require_nonce=True)])
        return server


def _token(**asked: Any) -> Claims:
    bearer = jwt.utils.base64url_encode(repr(asked["user"]).encode()).decode()
    return {"access_token": bearer, "token_type": "Bearer", "scope": asked["scope"]}


def _json(status: int, content: object) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _published(name: str, key: Any) -> Claims:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    told: Claims = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": name, "use": "sig"}


@contextlib.contextmanager
def served() -> Iterator[Issuer]:
    """One on a port of this machine, whose user says yes to whatever is asked."""
    port = free_port()
    issuer = Issuer(f"http://127.0.0.1:{port}")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                status, headers, answer = issuer.answer(self.command, self.path, dict(self.headers), body)
            except OAuth2Error as error:
                status, headers, answer = _json(400, {"error": error.error})
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815  # http.server's names

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
