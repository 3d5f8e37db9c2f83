"""Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): answering challenges, and checking answers.

Realm, nonce and opaque stay as a peer wrote them between its quotes, so that they go back untouched.
"""

import enum
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

import msgspec

from onema.protocols.sip.header_values import quoted
from onema.protocols.sip.messages import Request, Response

_SCHEME = re.compile(r"[\s,]*([A-Za-z0-9\-.!%*_+`'~]+)(?=\s+[^\s=,]+\s*=)\s*")
_PARAMETER = re.compile(
    r"[\s,]*([A-Za-z0-9\-.!%*_+`'~]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))(?=\s*(?:,|$))"
)
_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MOST_NONCES = 10_000
"""That a server remembers; it forgets the oldest first."""


class Algorithm(enum.Enum):
    """What hashes, weakest first; with `-sess` the nonces go into the first hash (RFC 7616 §3.4.2)."""

    MD5 = "MD5"
    MD5_SESS = "MD5-sess"
    SHA_256 = "SHA-256"
    SHA_256_SESS = "SHA-256-sess"

    @property
    def is_session(self) -> bool:
        return self.value.endswith("-sess")

    def hash(self, text: str | bytes) -> str:
        octets = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        if self in (Algorithm.MD5, Algorithm.MD5_SESS):
            return hashlib.md5(octets, usedforsecurity=False).hexdigest()
        return hashlib.sha256(octets).hexdigest()


_ALGORITHMS = {algorithm.value.lower(): algorithm for algorithm in Algorithm}
_STRENGTH = {algorithm: strength for strength, algorithm in enumerate(Algorithm)}


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer asks (RFC 7616 §3.3). `algorithm_name` is empty where it names none, which means MD5; `qop` is empty
    where it offers none, which means the form of RFC 2069.
    """

    realm: str
    nonce: str
    opaque: str | None = None
    algorithm: Algorithm = Algorithm.MD5
    algorithm_name: str = ""
    qop: tuple[str, ...] = ()
    is_stale: bool = False


def read_challenges(rows: list[str]) -> list[Challenge]:
    """Of all rows of WWW-Authenticate or Proxy-Authenticate, those that can be answered, in order."""
    challenges: list[Challenge] = []
    for scheme, parameters in _read(rows):
        name = parameters.get("algorithm", "")
        algorithm = _ALGORITHMS.get(name.lower() or "md5")
        qop = tuple(
            option.strip().lower() for option in parameters.get("qop", "").split(",") if option.strip()
        )
        if scheme != "digest" or algorithm is None or not {"realm", "nonce"} <= parameters.keys():
            continue
        if qop and not {"auth", "auth-int"} & set(qop):
            continue
        challenges.append(
            Challenge(
                realm=parameters["realm"],
                nonce=parameters["nonce"],
                opaque=parameters.get("opaque"),
                algorithm=algorithm,
                algorithm_name=name,
                qop=qop,
                is_stale=parameters.get("stale", "").lower() == "true",
            )
        )
    return challenges


def _read(rows: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Schemes in lower case with their parameters; of a row that is malformed what stands before the fault. Commas part
    parameters and challenges alike (RFC 7235 §4.1), so that a word before a name without '=' begins a new one.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for row in rows:
        at = 0
        parameters: dict[str, str] | None = None
        while at < len(row):
            if (scheme := _SCHEME.match(row, at)) is not None:
                parameters = {}
                found.append((scheme[1].lower(), parameters))
                at = scheme.end()
            elif parameters is not None and (one := _PARAMETER.match(row, at)) is not None:
                parameters.setdefault(one[1].lower(), one[2] if one[2] is not None else one[3])
                at = one.end()
            else:
                break
    return found


def digest_response(
    challenge: Challenge,
    *,
    user: str,
    password: str,
    method: str,
    uri: str,
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The value of `response` (RFC 7616 §3.4.1); without `qop` that of RFC 2069."""
    hashed = challenge.algorithm.hash
    secret = hashed(f"{user}:{challenge.realm}:{password}")
    if challenge.algorithm.is_session:
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}")
    what = f"{method}:{uri}:{hashed(body)}" if qop == "auth-int" else f"{method}:{uri}"
    middle = f"{challenge.nonce}:{nc}:{cnonce}:{qop}" if qop else challenge.nonce
    return hashed(f"{secret}:{middle}:{hashed(what)}")


class _Known(msgspec.Struct):
    """A challenge that came, what is sent with its answers, and how often it was answered."""

    challenge: Challenge
    cnonce: str
    answers: int = 0


class DigestClient:
    """Answers the challenges of one peer and of the proxies before it, for one call, one registration or many."""

    def __init__(self, user: str, password: str, new_cnonce: Callable[[], str]) -> None:
        self._user = user
        self._password = password
        self._new_cnonce = new_cnonce
        self._known: dict[tuple[int, str], _Known] = {}
        """By status and realm: a proxy and a server may both ask."""

    def learn(self, request: Request, response: Response) -> bool:
        """Takes the challenge of a 401 or 407. Whether the request is worth sending again, with a new CSeq and branch
        and then `authorize`: when a nonce is new, whether or not it says stale (RFC 7616 §3.3 lets a server decide, and
        Kamailio never says it). Not when the answer to a fresh nonce was refused, which means a wrong password.
        """
        if response.status not in _HEADERS:
            return False
        asked, answered = _HEADERS[response.status]
        challenges = read_challenges(response.headers.rows(asked))
        if not challenges:
            return False
        # RFC 8760 §2.4: of one realm the peer asks the same with several algorithms. The first of the strongest.
        challenge = max(challenges, key=lambda one: _STRENGTH[one.algorithm])
        for _, sent in _read(request.headers.rows(answered)):
            if sent.get("realm") != challenge.realm:
                continue
            if sent.get("nonce") == challenge.nonce or self._was_fresh(response.status, sent):
                return False
        if len(self._known) >= _MOST_REALMS:
            self._known.clear()
        self._known[response.status, challenge.realm] = _Known(challenge, self._new_cnonce())
        return True

    def _was_fresh(self, status: int, sent: Mapping[str, str]) -> bool:
        """Whether the nonce was never taken before it was refused."""
        if "nc" in sent:
            return sent["nc"] == _FIRST
        known = self._known.get((status, sent.get("realm", "")))
        return known is None or known.challenge.nonce != sent.get("nonce") or known.answers <= 1

    def authorize(self, request: Request) -> None:
        """Puts an answer for every realm that asked into the request, each with a higher nc."""
        for _, answered in _HEADERS.values():
            request.headers.remove(answered)
        for (status, _), known in self._known.items():
            request.headers.add(_HEADERS[status][1], self._credentials(known, request))

    def _credentials(self, known: _Known, request: Request) -> str:
        known.answers += 1
        challenge = known.challenge
        qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else ""
        nc = f"{known.answers:08x}"
        response = digest_response(
            challenge,
            user=self._user,
            password=self._password,
            method=request.method,
            uri=request.uri,
            qop=qop,
            nc=nc,
            cnonce=known.cnonce,
            body=request.body,
        )
        parts = [
            f"username={quoted(self._user)}",
            f'realm="{challenge.realm}"',
            f'nonce="{challenge.nonce}"',
            f'uri="{request.uri}"',
            f'response="{response}"',
        ]
        if challenge.algorithm_name:
            parts.append(f"algorithm={challenge.algorithm.value}")
        if qop or challenge.algorithm.is_session:
            parts.append(f'cnonce="{known.cnonce}"')
        if challenge.opaque is not None:
            parts.append(f'opaque="{challenge.opaque}"')
        if qop:
            # Neither stands in quotes (RFC 7616 §3.4; RFC 3261 §25.1 message-qop), and some servers hold to it.
            parts += (f"qop={qop}", f"nc={nc}")
        return "Digest " + ", ".join(parts)


_FIRST = "00000001"
_MOST_REALMS = 8


class DigestServer:
    """Asks for credentials and checks them; for far ends that stand in for a trunk."""

    def __init__(
        self,
        realm: str,
        passwords: Mapping[str, str],
        new_nonce: Callable[[], str],
        *,
        algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.MD5),
        qop: str = "auth",
        is_proxy: bool = False,
        nonce_seconds: float = 300.0,
    ) -> None:
        self._realm = realm
        self._passwords = passwords
        self._new_nonce = new_nonce
        self._algorithms = algorithms
        self._qop = qop
        self.status = 407 if is_proxy else 401
        """Of the response that the challenge goes into."""
        self._asked, self._answered = _HEADERS[self.status]
        self._nonce_seconds = nonce_seconds
        self._nonces: dict[str, tuple[float, int]] = {}
        """When each was made, and the highest nc that came with it."""

    def refuse(self, request: Request, now: float) -> list[tuple[str, str]]:
        """Nothing for a request with the right credentials, else the header fields of the response that refuses it."""
        is_stale = False
        for scheme, sent in _read(request.headers.rows(self._answered)):
            if scheme == "digest" and sent.get("realm") == self._realm and self._is_right(request, sent):
                if self._is_used_in_order(sent, now):
                    return []
                is_stale = True
        return self._challenges(now, is_stale)

    def _is_right(self, request: Request, sent: Mapping[str, str]) -> bool:
        algorithm = _ALGORITHMS.get(sent.get("algorithm", "MD5").lower())
        password = self._passwords.get(sent.get("username", ""))
        if algorithm not in self._algorithms or password is None or sent.get("qop", "") != self._qop:
            return False
        expected = digest_response(
            Challenge(realm=self._realm, nonce=sent.get("nonce", ""), algorithm=algorithm),
            user=sent["username"],
            password=password,
            method=request.method,
            uri=sent.get("uri", ""),
            qop=self._qop,
            nc=sent.get("nc", ""),
            cnonce=sent.get("cnonce", ""),
            body=request.body,
        )
        given = sent.get("response", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, expected.encode())

    def _is_used_in_order(self, sent: Mapping[str, str], now: float) -> bool:
        """Whether the nonce is ours and young, and its nc rose (RFC 7616 §3.4)."""
        nonce = sent.get("nonce", "")
        made, highest = self._nonces.get(nonce, (-self._nonce_seconds, 0))
        if now - made >= self._nonce_seconds:
            return False
        if not self._qop:
            return True
        count = int(sent["nc"], 16) if re.fullmatch("[0-9A-Fa-f]{8}", sent.get("nc", "")) else 0
        if count <= highest:
            return False
        self._nonces[nonce] = (made, count)
        return True

    def _challenges(self, now: float, is_stale: bool) -> list[tuple[str, str]]:
        nonce = self._new_nonce()
        while len(self._nonces) >= MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        self._nonces[nonce] = (now, 0)
        qop = f', qop="{self._qop}"' if self._qop else ""
        stale = ", stale=true" if is_stale else ""
        return [
            (self._asked, f'Digest realm="{self._realm}", nonce="{nonce}", algorithm={one.value}{qop}{stale}')
            for one in self._algorithms
        ]
