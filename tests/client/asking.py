"""Both clients behind one face, so that each test is about both."""

import asyncio
from typing import Any

import pytest

from onema.client import AsyncClient, Client


class Asking:
    """A client of the server at `url`; `waits` are the seconds that it has waited between tries."""

    def __init__(self, kind: str, url: str, key: str = "key", secret: str = "secret", **options: Any) -> None:
        self.waits: list[float] = []
        self._kind = kind
        self._arguments = (url, key, secret)
        self._options = options

    def __call__(self, method: str, *arguments: Any, **members: Any) -> Any:
        return self.each([(method, arguments, members)])[0]

    def each(self, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
        """Of one client, one after the other."""
        if self._kind == "blocking":
            with Client(*self._arguments, sleep=self.waits.append, **self._options) as client:
                return [getattr(client, name)(*given, **members) for name, given, members in calls]
        return asyncio.run(self._await(calls))

    async def _await(self, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        async with AsyncClient(*self._arguments, sleep=sleep, **self._options) as client:
            return [await getattr(client, name)(*given, **members) for name, given, members in calls]


both_clients = pytest.mark.parametrize("kind", ["blocking", "awaiting"])
