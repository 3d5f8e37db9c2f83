"""The Python client of onema's own API (docs/api.md), for programs that block and for those on asyncio.

    from onema.client import Client

    with Client("https://sms.example.com", key, secret) as client:
        verification = client.create_verification(to="+84901888484", purpose="login")
        client.check_verification(verification.id, code="482913").valid

`AsyncClient` has the same methods, to be awaited. They have the names of the API's operations, and raise OnemaError. A
request is sent up to three times where that does no harm: with an Idempotency-Key of the client's own where the API
takes one, and never sooner than a Retry-After asks for. Importing it loads nothing of the server.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from onema.client.errors import (
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OnemaError,
    PaymentRequired,
    Problem,
    RateLimited,
    ServerFault,
    UnexpectedAnswer,
)
from onema.client.operations.methods import AwaitingOperations, BlockingOperations
from onema.client.paging import Page, each, each_awaited
from onema.client.webhooks import Event, NotGenuine, verify_webhook, webhook_secret

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "Event",
    "InvalidRequest",
    "NoAnswer",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotGenuine",
    "OnemaError",
    "PaymentRequired",
    "Problem",
    "RateLimited",
    "ServerFault",
    "UnexpectedAnswer",
    "verify_webhook",
    "webhook_secret",
]


T = TypeVar("T")


class Client(BlockingOperations):
    """Threads may share it."""

    def each(self, lists: Callable[..., Page[T]], /, **asked: Any) -> Iterator[T]:
        """Every line of a list, which is asked for page by page: `client.each(client.list_messages, status="failed")`.

        `limit` is the lines of a page. Raises what the list raises.
        """
        return each(lists, **asked)


class AsyncClient(AwaitingOperations):
    """For one event loop."""

    def each(self, lists: Callable[..., Awaitable[Page[T]]], /, **asked: Any) -> AsyncIterator[T]:
        """The same, by `async for`."""
        return each_awaited(lists, **asked)
