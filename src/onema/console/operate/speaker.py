"""What the pages need to let people hear a call."""

from collections.abc import Mapping
from typing import Protocol

from onema.domain.delivery.payload import CallPayload
from onema.speech import Voice


class Speaker(Protocol):
    """Speaks a call, whole, as a trunk would get it. `wav` is called in threads."""

    @property
    def voices(self) -> Mapping[str, Voice]:
        """By id."""

    async def prepare(self, call: CallPayload) -> None:
        """Make sound of what the call reads out, where this process has not done so. Raises ValueError."""

    def wav(self, call: CallPayload) -> bytes:
        """Raises ValueError for what cannot be spoken."""

    def wav_in_tones(self, call: CallPayload) -> bytes:
        """The same with a tone in place of each character of the code."""
