from collections.abc import Sequence
from typing import Protocol

from onema.domain.decision import Command, Decision
from onema.domain.records import Message
from onema.domain.refusals import Found


class Observer(Protocol):
    """Told what was decided and committed (metrics)."""

    def batch(self, commands: int, seconds: float) -> None: ...

    def command(self, kind: str, result: str) -> None: ...

    def accepted(self, message: Message) -> None: ...

    def ended(self, message: Message) -> None:
        """It has reached a final state."""

    def refusal(self, account: str, reason: str) -> None: ...

    def guarded(self, command: Command, found: Sequence[Found]) -> None:
        """For what the message of a command was refused."""

    def decided(self, command: Command, decision: Decision) -> None:
        """What a command changed; called for each that was not refused."""


class Unobserved:
    """An observer that looks away: a command line has no metrics."""

    def batch(self, commands: int, seconds: float) -> None:
        return None

    def command(self, kind: str, result: str) -> None:
        return None

    def accepted(self, message: Message) -> None:
        return None

    def ended(self, message: Message) -> None:
        return None

    def refusal(self, account: str, reason: str) -> None:
        return None

    def guarded(self, command: Command, found: Sequence[Found]) -> None:
        return None

    def decided(self, command: Command, decision: Decision) -> None:
        return None
