"""What may come instead of an answer. All of it is an OnemaError."""

from typing import Any


class OnemaError(Exception):
    """Something went wrong between here and the server."""


class NoAnswer(OnemaError):
    """No answer came. Only where `may_have_left` is set can the server have done what it was asked."""

    def __init__(self, why: str, *, may_have_left: bool) -> None:
        super().__init__(why)
        self.may_have_left = may_have_left


class UnexpectedAnswer(OnemaError):
    """What came is no answer of this API: a proxy's, or that of a version that this client does not know."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"HTTP {status}: {why}")
        self.status = status


class Problem(OnemaError):
    """The server said no, in the form of RFC 9457."""

    def __init__(self, status: int, members: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.type = str(members.get("type", "about:blank"))
        self.title = str(members.get("title", ""))
        self.detail = str(members.get("detail", ""))
        self.pointer = str(members.get("pointer", ""))
        """The member of the request that it is about (RFC 6901); "" for none."""
        self.incident = str(members.get("incident", ""))
        """The line of the server's log; "" for none."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait; None where it asks for nothing."""
        self.members = members
        said = ": ".join(part for part in (self.title, self.pointer, self.detail) if part)
        super().__init__(f"{self.name} ({status}): {said}" if said else f"{self.name} ({status})")

    @property
    def name(self) -> str:
        """The end of the type, such as `phone_invalid`: what programs may rely on."""
        return self.type.rpartition(":")[2]


class InvalidRequest(Problem):
    """400, 413 or 422: the same request will never do."""


class NotAuthenticated(Problem):
    """401: the key or the secret is wrong."""


class PaymentRequired(Problem):
    """402: the wallet does not cover the price, or has expired."""


class NotAllowed(Problem):
    """403: the account or the key may not do this."""


class NotFound(Problem):
    """404 or 410: the account has no such thing."""


class Conflict(Problem):
    """409 or 412: it was done before, or somebody else changed it."""


class RateLimited(Problem):
    """429: too much for now, `retry_after` says for how long."""


class ServerFault(Problem):
    """5xx: the server failed."""


_BY_STATUS: dict[int, type[Problem]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    402: PaymentRequired,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def problem(status: int, members: dict[str, Any], retry_after: float | None) -> Problem:
    """The kind of Problem that has this status."""
    kind = ServerFault if status >= 500 else _BY_STATUS.get(status, Problem)
    return kind(status, members, retry_after)
