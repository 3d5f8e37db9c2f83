"""The newest call of a message: who was called again has several."""

from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Call
from onema.storage.contract import Storage

MOST_CALLS = 16
"""So many calls of a message are looked at; there are never more."""


async def last_call(storage: Storage, account: AccountId, message: MessageId) -> Call | None:
    """None where nothing was heard of any. Raises StorageError."""
    found = await storage.read_calls(account, message + 1, MOST_CALLS)
    calls = [call for call in found if call.message == message]
    return calls[-1] if calls else None
