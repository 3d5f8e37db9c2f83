"""What the handset page needs to ring: somebody who holds the calls, and somebody who can speak them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from onema.channels.handset.calls import LiveCall
from onema.domain.delivery.payload import CallPayload


class CallControl(Protocol):
    """Holds the calls that ring or are talked on. False: the call is in no state for it."""

    @property
    def states(self) -> Mapping[int, LiveCall]:
        """Live calls by id. One that ended stays for a few seconds, so that every watcher sees its ending."""

    async def changed(self, seconds: float) -> None:
        """Wait until `states` changes, at most `seconds`; counted from the coroutine's first step."""

    async def answer(self, call: int) -> bool: ...

    async def decline(self, call: int) -> bool:
        """Refuse a call that rings, or hang up one that was answered."""

    async def press(self, call: int, digit: str) -> bool:
        """Send one of 0-9, * and # to the caller."""


class AudioSource(Protocol):
    """Speaks a call, whole, as a trunk would get it. Called in threads, but for `prepare`."""

    async def prepare(self, call: CallPayload) -> None:
        """Make sound of what the call reads out, where this process has not done so. Raises ValueError."""

    def wav(self, call: CallPayload) -> bytes: ...

    def peaks(self, call: CallPayload, n: int) -> Sequence[float]:
        """The loudest of each of `n` equal stretches, 0.0 to 1.0."""

    def sentence(self, call: CallPayload) -> str:
        """The words that are spoken before the code, or all of a text."""
