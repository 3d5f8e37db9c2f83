"""Lists that are read whole: docs/api.md."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from onema.client import AsyncClient, Client, NotAuthenticated

from .asking import both_clients
from .scripted_server import answer, problem, scripted

ENTRY = {"kind": "top_up", "amount": "5", "at": "2026-11-28T10:15:12.480Z", "note": ""}


def page(subjects: list[str], following: str | None) -> bytes:
    items = [{"subject": one, **ENTRY} for one in subjects]
    return answer(200, json.dumps({"items": items, "next_cursor": following}))


def whole(kind: str, url: str, **asked: Any) -> list[str]:
    """The subjects of a ledger, by one of the clients."""
    if kind == "blocking":
        with Client(url, "key", "secret") as client:
            return [one.subject for one in client.each(client.list_ledger, **asked)]

    async def read() -> list[str]:
        async with AsyncClient(url, "key", "secret") as client:
            return [one.subject async for one in client.each(client.list_ledger, **asked)]

    return asyncio.run(read())


@both_clients
def test_every_line_of_every_page_comes_once(kind: str) -> None:
    """Each page is asked for as the one before it says, with what was asked at first; one may have no lines."""
    with scripted(page(["1", "2"], "a"), page([], "b"), page(["3"], None)) as server:
        assert whole(kind, server.url, limit=2) == ["1", "2", "3"]
    assert [asked.line for asked in server.asked] == [
        "GET /v1/ledger?limit=2 HTTP/1.1",
        "GET /v1/ledger?limit=2&cursor=a HTTP/1.1",
        "GET /v1/ledger?limit=2&cursor=b HTTP/1.1",
    ]


def test_a_page_is_asked_for_when_its_first_line_is() -> None:
    """Who stops has asked for no more than was read."""
    with scripted(page(["1", "2"], "a"), page(["3"], None)) as server, Client(server.url, "k", "s") as client:
        lines = client.each(client.list_ledger)
        assert isinstance(lines, Iterator)
        assert server.asked == []
        assert [next(lines).subject, next(lines).subject] == ["1", "2"]
        assert len(server.asked) == 1


@both_clients
def test_what_a_page_is_refused_for_is_raised(kind: str) -> None:
    """As by the list itself, in the middle too."""
    with (
        scripted(page(["1"], "a"), problem(401, "credential_unknown")) as server,
        pytest.raises(NotAuthenticated),
    ):
        whole(kind, server.url)
    assert len(server.asked) == 2


async def test_the_awaited_one_is_an_asynchronous_iterator() -> None:
    """For `async for`, and nothing to be awaited before."""
    async with AsyncClient("http://127.0.0.1:9", "key", "secret") as client:
        assert isinstance(client.each(client.list_messages), AsyncIterator)
