"""A request that its client named: sent again, it does nothing, and is answered as the first time.

The name is the Idempotency-Key of HTTP (draft-ietf-httpapi-idempotency-key-header). Two at once need no word of their
own here: the second is decided after the first.
"""

from collections.abc import Iterable

from onema.domain.codes.accept_message import Accepted, Send
from onema.domain.decision import Context, World
from onema.domain.records import Key, Row
from onema.domain.request_key import KEPT_MS, RequestKey


def request_keys(send: Send) -> Iterable[Key]:
    return ((RequestKey, send.account, send.request),) if send.request else ()


ANOTHER = "another request"
"""In the place of a digest: what the request asked that had the name first."""


def served_before(send: Send, world: World, context: Context) -> Accepted | None:
    """What the request was answered when it came first; None when it is new."""
    if not send.request:
        return None
    known = world.get(RequestKey, send.account, send.request)
    if known is None or send.now >= known.expires_at:
        return None
    # Releases before wrote the digest itself, and so does what has no code in it still.
    asked = send.request_digest
    same = known.digest == asked or context.keyring.is_request_mac(asked, known.digest)
    return Accepted(known.message, asked=asked if same else ANOTHER)


def remember(send: Send, context: Context) -> tuple[Row, ...]:
    """That it was served."""
    if not send.request:
        return ()
    digest = send.request_digest
    # A key that has a successor is one day done without: until then it must be seen what rests under it.
    if send.request_has_code or context.keyring.in_use.named:
        digest = context.keyring.request_mac(digest)
    return (RequestKey(send.account, send.request, digest, send.id, send.now + KEPT_MS),)
