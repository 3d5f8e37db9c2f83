import asyncio


class Readiness:
    """The server is ready once each of the named conditions is true; calling it tells."""

    def __init__(self, *conditions: str) -> None:
        self._met = dict.fromkeys(conditions, False)
        """Each condition, and whether it is true now."""
        self._all_met = asyncio.Event()
        """Set while all of them are."""
        self._review()

    def __call__(self) -> bool:
        return self._all_met.is_set()

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name, met in self._met.items() if not met)

    def mark(self, condition: str, met: bool = True) -> None:
        """Raise KeyError for a condition that was not named in the constructor."""
        if condition not in self._met:
            raise KeyError(condition)
        self._met[condition] = met
        self._review()

    async def wait(self) -> None:
        await self._all_met.wait()

    def _review(self) -> None:
        if all(self._met.values()):
            self._all_met.set()
        else:
            self._all_met.clear()
