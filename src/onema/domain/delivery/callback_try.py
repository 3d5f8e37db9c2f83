"""What is kept of each try of a callback: in the event that the try leaves in its message's story anyway."""

import msgspec

from onema.domain.records import Event, JobKind

DELIVERED = "delivered"
AGAIN = "will try again"
GIVEN_UP = "given up"
NOT_TOLD = "nobody is told"
REPLAYED = "to be told again, by hand"


class CallbackTry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try. `host` is all that is kept of the URL, whose path and query hold integrators' secrets; `status` is the
    answer's, 0 where none came; `problem` says why the receiver did not take it, `then` what becomes of the callback.
    `about` is the state of a call that was told, or the type of an event about the account; empty for the message's
    end.
    """

    host: str = ""
    status: int = 0
    took_ms: int = 0
    problem: str = ""
    then: str = DELIVERED
    about: str = ""

    def noted(self) -> str:
        """As the event keeps it."""
        return msgspec.json.encode(self).decode()

    @property
    def failed(self) -> bool:
        """Whether the receiver did not take it, or could not even be asked."""
        return bool(self.problem)

    @property
    def in_words(self) -> str:
        said = f"{self.about}: {self.result}" if self.about else self.result
        return f"{said} ({self.host}, {self.took_ms} ms)" if self.host else said

    @property
    def result(self) -> str:
        return f"{self.problem}; {self.then}" if self.problem else self.then


_DECODER = msgspec.json.Decoder(CallbackTry)


def callback_try(event: Event) -> CallbackTry | None:
    """The try that an event keeps; None for another event. Some are notes in words, as all were up to 0.1.0."""
    if event.kind != JobKind.CALLBACK:
        return None
    if event.data.startswith("{"):
        try:
            return _DECODER.decode(event.data)
        except msgspec.MsgspecError:
            pass
    problem, _, then = event.data.rpartition("; ")
    return CallbackTry(problem=problem, then=then)
