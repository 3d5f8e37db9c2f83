"""A sender's own name for a message, which it may use once in a while."""

from collections.abc import Iterable

from onema.domain.codes import limits
from onema.domain.codes.accept_message import Send
from onema.domain.decision import World
from onema.domain.records import Key, Row, Window
from onema.domain.refusals import Refusal, Refused

REFERENCES = "reference"
"""The scope of the windows that block a reference which was used."""


def reference_keys(send: Send, once_seconds: int) -> Iterable[Key]:
    """Nothing where the reference may be used any number of times (0)."""
    return ((Window, send.account, REFERENCES, send.reference),) if once_seconds else ()


def use_reference(send: Send, world: World, once_seconds: int) -> tuple[Row, ...]:
    """Block the reference for so long. Raises Refused(DUPLICATE)."""
    if not once_seconds:
        return ()
    window = world.get(Window, send.account, REFERENCES, send.reference)
    if limits.used_now(window, once_seconds, send.now):
        raise Refused(Refusal.DUPLICATE, "its reference was used before")
    window = window or Window(send.account, REFERENCES, send.reference, "", 0)
    return (limits.count(window, ((once_seconds, 1),), send.now),)
