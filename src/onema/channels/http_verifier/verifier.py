"""The carrier that is somebody's HTTP API which makes and checks codes: the same for every service."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from onema.channels.http_sender.contract import HttpCarrierSettings, url_problems
from onema.channels.http_sender.exchanges import WAIT_SECONDS, Exchanges, HttpCarrier
from onema.channels.http_verifier.contract import CODE, Service
from onema.channels.own_codes import AskedCode
from onema.channels.room import NoRoom
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.http.client.contract import HttpAnswer, HttpClient, HttpRequest, MayHaveLeft, NotSent
from onema.telemetry.faults import describe_fault

MOST_EXCHANGES = 3
"""So many times the carrier's time-out may pass before a code that was asked for counts as unknown."""
_SERVICE_WIDE = (Ending.OUR_LIMIT, Ending.CARRIER_DOWN)


class HttpVerifier(HttpCarrier):
    """One configured service, as a VerifyingCarrier. `now` is the clock in Unix ms; `steady` counts seconds."""

    idempotent = False

    def __init__(
        self,
        document: doc.Carrier,
        service: Service,
        client: Callable[[HttpCarrierSettings], HttpClient],
        now: Callable[[], int],
        steady: Callable[[], float],
    ) -> None:
        settings = settings_of(service.settings, document)
        self.name = document.name
        self.code_length = settings.code_length
        self.send_seconds = WAIT_SECONDS + MOST_EXCHANGES * settings.timeout
        self.check_seconds = settings.timeout
        self._api = service.api(settings)
        super().__init__(Exchanges(settings, client, now, steady))
        self._now = now

    async def send_code(self, asked: AskedCode) -> Outcome:
        request = self._api.start(asked, self._now())
        if isinstance(request, Outcome):
            return request
        try:
            async with asyncio.timeout(self.send_seconds):
                return await self._asked_for(asked, request)
        except TimeoutError:
            return Outcome(kind=OutcomeKind.UNKNOWN, reason="no answer", detail="it took too long")

    async def _asked_for(self, asked: AskedCode, request: HttpRequest) -> Outcome:
        try:
            await self._clear(asked, None)
            answer = await self._ask(request)
            if await self._clear(asked, answer):
                answer = await self._ask(request)
        except NoRoom:
            return ended(Ending.OUR_LIMIT, detail="no room for another request")
        except NotSent as error:
            return ended(Ending.CARRIER_DOWN, detail=str(error))
        except MayHaveLeft as error:
            return await self._lost(asked, str(error))
        return self._started(answer)

    async def check_code(self, reference: str, typed: str) -> Verdict:
        if not CODE.fullmatch(typed):
            return Verdict.WRONG
        request = self._api.check(reference, typed)
        if isinstance(request, Verdict):
            return request
        try:
            return self._api.checked(await self._ask(request))
        except (NoRoom, NotSent, MayHaveLeft):
            return Verdict.NO_ANSWER

    async def cancel_code(self, reference: str) -> None:
        request = self._api.cancel(reference)
        if request is None:
            return
        try:
            await self._ask(request)
        except (NoRoom, NotSent, MayHaveLeft):
            return

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        """With a login, and once more with another where that one was refused: a request without a valid one did
        nothing. Raises NoRoom, NotSent and MayHaveLeft.
        """
        answer, again = await self._ask_once(request)
        return (await self._ask_once(request))[0] if again else answer

    async def _ask_once(self, request: HttpRequest) -> tuple[HttpAnswer, bool]:
        login = self._api.login
        authorization = await login.authorization(self._exchanges.exchange, self._now())
        headers = ((b"authorization", authorization), *request.headers)
        answer = await self._exchanges.exchange(msgspec.structs.replace(request, headers=headers))
        return answer, answer.status == 401 and login.refused(authorization)

    async def _clear(self, asked: AskedCode, refusal: HttpAnswer | None) -> bool:
        """Whether there was something to clear. Raises NoRoom and NotSent: no code was sent yet."""
        request = self._api.clearing(asked, refusal)
        if request is None:
            return False
        try:
            await self._ask(request)
        except MayHaveLeft as error:
            raise NotSent(str(error)) from None
        return True

    async def _lost(self, asked: AskedCode, why: str) -> Outcome:
        """It may have left. Where the service can say what it has, it is asked once."""
        request = self._api.look_up(asked)
        if request is not None:
            try:
                found = self._started(await self._ask(request))
            except (NoRoom, NotSent, MayHaveLeft):
                found = None
            if found is not None and found.references:
                return found
        return Outcome(kind=OutcomeKind.UNKNOWN, reason="no answer", detail=why)

    def _started(self, answer: HttpAnswer) -> Outcome:
        try:
            outcome = self._api.started(answer)
        except Exception as error:  # noqa: BLE001  # a parser edge: the request left, whatever its answer holds
            detail = f"HTTP {answer.status}: {describe_fault(error)}"
            return Outcome(kind=OutcomeKind.UNKNOWN, reason="no clear answer", detail=detail)
        # A limit that is about the one phone keeps nobody else waiting.
        if outcome.kind is OutcomeKind.TEMPORARY and outcome.ending in _SERVICE_WIDE:
            self._exchanges.heed(answer)
        return outcome


def problems_of(service: Service, document: doc.Carrier) -> Iterator[Problem]:
    """What is wrong with a document whose settings fit."""
    settings = settings_of(service.settings, document)
    if settings.proxy:
        yield from url_problems("proxy", settings.proxy.reveal())
    yield from service.problems(document)
