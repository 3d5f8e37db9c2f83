"""The row of a request that its client may send again."""

from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Key, Row

KEPT_MS = 86_400_000
"""So long a request is known by its name."""


class RequestKey(Row, frozen=True, gc=False):
    """A request that its client gave a name to, and the message that came of it; or of a replay, how many messages it
    told of. `digest` is of what it asked.
    """

    table = "request_keys"
    key_columns = 2

    account: AccountId
    name: str
    digest: str
    message: MessageId
    expires_at: int

    @property
    def key(self) -> Key:
        return (RequestKey, self.account, self.name)
