"""How integrators were told of their messages, and telling them once more."""

import asyncio

from onema.administration.author import Author, Changed
from onema.administration.requests import CallbackPage, KeptTry, ReadCallbacks, ReplayCallbacks
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.delivery import replay_callback
from onema.domain.delivery.callback_try import callback_try
from onema.domain.delivery.replay_callback import ReplayCallback
from onema.domain.ids import AccountId, MessageId, first_id_at, time_of_id
from onema.domain.records import Message
from onema.domain.refusals import Refusal, Refused
from onema.engine.customer_reads import TOGETHER_MS
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

MOST_AT_ONCE = 500
"""So many events or messages one request asks for at most: whoever wants more asks for the next page."""
_ACCOUNTS_AT_ONCE = 100


class CallbackLog:
    """Answers administrative requests about callbacks."""

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage

    async def read(self, request: ReadCallbacks) -> CallbackPage:
        limit = min(request.limit, MOST_AT_ONCE)
        account = self._account(request.account)
        events = await self._storage.read_events(account.id, request.before, limit)
        tries = [
            KeptTry(MessageId(event.subject), time_of_id(event.id), tried)
            for event in events
            if (tried := callback_try(event)) is not None
        ]
        last = events[-1] if len(events) == limit else None
        return CallbackPage(tries, (last.subject, last.id) if last else None)

    async def replay(self, request: ReplayCallbacks, author: Author) -> int:
        messages = request.messages[:MOST_AT_ONCE]
        if not messages:
            return 0
        account = await self._owner(request.account, messages[0])
        if len(messages) == 1:
            messages = await self._together(account, messages[0])
        if request.name:
            return await self._replay_once(account, messages, request, author)
        done = await asyncio.gather(
            *(self._replay(account, one, request.told_only, author) for one in messages)
        )
        return sum(done)

    async def _replay_once(
        self, account: AccountId, messages: tuple[MessageId, ...], request: ReplayCallbacks, author: Author
    ) -> int:
        gateway = self._gateway
        now, name = gateway.now(), gateway.directory.accounts[account].name
        command = replay_callback.ReplayCallbacks(
            account=account,
            request=request.name,
            digest=request.digest,
            now=now,
            replays=tuple(
                ReplayCallback(account=account, message=one, id=gateway.next_id(), now=now)
                for one in dict.fromkeys(messages)
            ),
        )
        changes = [Changed(name, f"message {one}", {}, {}) for one in messages]
        count: int = await author.change(command, changes)
        return count

    async def _replay(self, account: AccountId, message: MessageId, told_only: bool, author: Author) -> bool:
        gateway = self._gateway
        command = ReplayCallback(account=account, message=message, id=gateway.next_id(), now=gateway.now())
        try:
            name = gateway.directory.accounts[account].name
            await author.execute(command, name, f"message {message}")
        except Refused as refused:
            if told_only and refused.refusal is Refusal.CONFLICT:
                return False
            raise
        return True

    async def _together(self, account: AccountId, message: MessageId) -> tuple[MessageId, ...]:
        """Those that were asked for with it, where it is the first of them: a client knows them by its name."""
        before = first_id_at(time_of_id(message) + TOGETHER_MS)
        found = await self._storage.read_messages_together(account, message, before, MOST_AT_ONCE)
        return tuple(row.id for row in found) or (message,)

    async def _owner(self, name: str, message: MessageId) -> AccountId:
        """The account that has the message. Raises Refused(CONFLICT)."""
        if name:
            return self._account(name).id
        accounts = [AccountId(number) for number in self._gateway.directory.accounts]
        for start in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
            some = accounts[start : start + _ACCOUNTS_AT_ONCE]
            found = await self._storage.read([(Message, account, message) for account in some])
            for row in found.values():
                if isinstance(row, Message):
                    return row.account
        raise Refused(Refusal.CONFLICT, f"There is no message {message}.")

    def _account(self, name: str) -> AccountView:
        return account_by_name(self._gateway.directory, name)
