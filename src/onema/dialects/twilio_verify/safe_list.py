"""Numbers that the guard lets through, as the account itself says. https://www.twilio.com/docs/verify/api/safe-list

They stand in the account's document (`safe_numbers`). A thousand numbers are one entry: +84901234xxx.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from onema.dialects.twilio_verify.errors import INVALID_PARAMETER, NOT_SUPPORTED, Failed, not_found
from onema.dialects.twilio_verify.services import Services
from onema.dialects.twilio_verify.wire import Form, answer, base_url
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView, CredentialView
from onema.http.messages import Request, Response

ENTRY = "GN"
_ENTRY = re.compile(r"\+[1-9][0-9]{6,14}|\+[1-9][0-9]{3,11}xxx")


class SafeList:
    """Each operation raises Failed and Refused."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def add(self, caller: CredentialView, request: Request) -> Response:
        """One that is there already is answered as if it were new."""
        entry = _entry(Form(request.body).required("PhoneNumber"))
        if entry is None:
            raise Failed(INVALID_PARAMETER, "PhoneNumber")
        if entry not in self._of(caller):
            # In order, and each once.
            await self._keep(caller, request, lambda known: tuple(dict.fromkeys((*known, entry))))
        return answer(_told(caller, entry, request), 201)

    async def fetch(self, caller: CredentialView, request: Request, named: str) -> Response:
        return answer(_told(caller, self._known(caller, request, named), request))

    async def remove(self, caller: CredentialView, request: Request, named: str) -> Response:
        entry = self._known(caller, request, named)
        await self._keep(caller, request, lambda known: tuple(one for one in known if one != entry))
        return Response(204, b"")

    def _of(self, caller: CredentialView) -> tuple[str, ...]:
        if caller.application is not None:
            raise Failed(NOT_SUPPORTED, "this login is for one service")
        return caller.account.document.safe_numbers

    def _known(self, caller: CredentialView, request: Request, named: str) -> str:
        known = self._of(caller)
        entry = _entry(named)
        if entry is None or entry not in known:
            raise Failed(not_found(request.path))
        return entry

    async def _keep(
        self,
        caller: CredentialView,
        request: Request,
        changed: Callable[[tuple[str, ...]], tuple[str, ...]],
    ) -> None:
        def wanted(account: AccountView) -> tuple[doc.Account]:
            document = account.document
            return (msgspec.structs.replace(document, safe_numbers=changed(document.safe_numbers)),)

        await self._services.configure(caller, request, wanted, role="admin")


def _entry(written: str) -> str | None:
    """A plus that a client did not encode has become a space."""
    entry = f"+{written[1:]}" if written.startswith(" ") else written
    return entry.lower() if _ENTRY.fullmatch(entry.lower()) else None


def _told(caller: CredentialView, entry: str, request: Request) -> dict[str, Any]:
    digest = hashlib.sha256(f"{caller.account.name}/safe/{entry}".encode()).hexdigest()[:32]
    return {
        "sid": f"{ENTRY}{digest}",
        "phone_number": entry,
        "url": f"{base_url(request)}/v2/SafeList/Numbers/{entry}",
    }
