"""All lines of a list, whose pages are asked for one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Page(Protocol[T_co]):
    """What lists answer, such as `list_messages`."""

    @property
    def items(self) -> Sequence[T_co]:
        """The lines of this page."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next one begins; None when nothing is left."""


def each(lists: Callable[..., Page[T]], /, **asked: Any) -> Iterator[T]:
    while True:
        page = lists(**asked)
        yield from page.items
        if page.next_cursor is None:
            return
        asked["cursor"] = page.next_cursor


async def each_awaited(lists: Callable[..., Awaitable[Page[T]]], /, **asked: Any) -> AsyncIterator[T]:
    while True:
        page = await lists(**asked)
        for one in page.items:
            yield one
        if page.next_cursor is None:
            return
        asked["cursor"] = page.next_cursor
