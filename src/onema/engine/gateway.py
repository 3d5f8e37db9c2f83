"""What a wire dialect, the console and delivery see of the core."""

from collections.abc import Awaitable, Callable
from typing import Any

from onema.domain.configuration.directory import Directory
from onema.domain.decision import Command
from onema.engine.committer import Committer
from onema.engine.ports import Clock, Entropy, IdSource
from onema.engine.refusals import Refusals


class Gateway:
    """The core's front door: the directory to look things up in, and commands to change anything.

    Commands get their time, ids and entropy here, so that deciding them stays pure.
    """

    def __init__(
        self,
        committer: Committer,
        clock: Clock,
        ids: IdSource,
        entropy: Entropy,
        count_refusal: Callable[[str, str], None] = lambda account, reason: None,
        country_of_address: Callable[[str], str] = lambda address: "",
    ) -> None:
        self._committer = committer
        self.refusals = Refusals(self.execute, clock.now, count_refusal)
        self.now = clock.now
        self.next_id = ids.next
        self.token = entropy.token
        self.country_of_address = country_of_address
        """ISO 3166-1, two letters; "" where nobody knows."""

    @property
    def directory(self) -> Directory:
        return self._committer.directory

    async def refresh_directory(self) -> None:
        """Take up what changed in the configuration that the store has. Raises StorageError."""
        await self._committer.refresh_directory()

    def result_keys(self, number: int) -> tuple[bytes, ...]:
        """Keyring.result_keys: private keys, the first of which signs."""
        return self._committer.keyring.result_keys(number)

    def challenge_keys(self, subject: str) -> tuple[bytes, ...]:
        """Keyring.challenge_keys, the first of which signs."""
        return self._committer.keyring.challenge_keys(subject)

    def execute(self, command: Command) -> Awaitable[Any]:
        """The command's result, once it is durable; awaiting it raises Refused."""
        return self._committer.execute(command)
