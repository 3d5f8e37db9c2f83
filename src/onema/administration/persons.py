"""All that is known of a person's number, and forgetting it, over all accounts or one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from onema.administration.author import Author
from onema.administration.person_requests import ErasePerson, ExportPerson, KnownOfPerson
from onema.administration.spelled_phones import spelled_phones
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.erase_phone import ErasePhone
from onema.domain.guard.rows import GuardSubject
from onema.domain.records import InboxItem, Key, LiveVerification, Window
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone, mask
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage, Story, WantedMessages

_PAGE = 20
"""Messages that are erased in one commit."""
_NO_ID_IS_AS_LARGE = 2**63 - 1


class Persons:
    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage

    async def export(self, request: ExportPerson) -> tuple[KnownOfPerson, ...]:
        found = []
        for account, phone in self._places(request):
            stories = tuple([story async for page in self._pages(account, phone) for story in page])
            about = await self._storage.read_about(account.id, phone)
            if stories or about:
                known = KnownOfPerson(
                    account.name,
                    account.document.currency,
                    phone,
                    stories,
                    tuple(row for row in about if isinstance(row, LiveVerification)),
                    tuple(row for row in about if isinstance(row, Window)),
                    tuple(row for row in about if isinstance(row, GuardSubject)),
                    self._gateway.now(),
                )
                found.append(known)
        return tuple(found)

    async def erase(self, request: ErasePerson, author: Author) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for account, phone in self._places(request):
            of_account: Counter[str] = Counter()

            async def erase(rows: Sequence[Key], account: AccountView = account, phone: Phone = phone) -> Any:
                command = ErasePhone(account=account.id, phone=phone, rows=tuple(rows))
                return await author.execute(command, account.name, mask(phone))

            async for page in self._pages(account, phone):
                of_account.update(await erase([key for story in page for key in _rows_of(story)]))
            if about := await self._storage.read_about(account.id, phone):
                of_account.update(await erase([row.key for row in about]))
            if not of_account["under way"]:
                await self._storage.forget_searched(account.id, phone)
            counted += of_account
        return dict(counted)

    def _places(self, request: ExportPerson | ErasePerson) -> list[tuple[AccountView, Phone]]:
        """The accounts, each with the number as it is written there."""
        directory = self._gateway.directory
        name = request.account
        accounts = [account_by_name(directory, name)] if name else list(directory.accounts.values())
        spelled = [
            (one, phone) for one in accounts for phone in spelled_phones(request.phone, (one.document,))
        ]
        if not spelled:
            raise Refused(Refusal.PHONE_INVALID, "it is no phone number")
        return [(account, Phone(phone)) for account, phone in spelled]

    async def _pages(self, account: AccountView, phone: Phone) -> AsyncIterator[list[Story]]:
        before = _NO_ID_IS_AS_LARGE
        while before:
            wanted = WantedMessages(phones=(phone,))
            found = await self._storage.search_messages(account.id, wanted, before, _PAGE)
            stories = []
            for message in found.messages:
                story = await self._storage.read_story(account.id, message.id)
                await asyncio.sleep(0)  # others come in between
                if story is not None:
                    stories.append(story)
            if stories:
                yield stories
            before = found.before


def _rows_of(story: Story) -> list[Key]:
    message = story.message
    rows = [message.key, (InboxItem, message.id)]
    return [*rows, *(row.key for row in (*story.attempts, *story.calls, *story.events))]
