"""Checks of codes: decided in one command, or with the carrier that made the code between two."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from onema.channels.contract import Carrier
from onema.channels.own_codes import OwnCodes, VerifyingCarrier
from onema.domain.codes.check_code import Check, CheckCode, Reserved
from onema.domain.codes.forwarded_check import RecordForwardedCheck, Verdict
from onema.domain.codes.verification import typed_code
from onema.domain.records import Attempt
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)


class CodeChecks:
    """Answers checks for the dialects. `carriers` are those that run in this process now."""

    def __init__(
        self, gateway: Gateway, storage: Storage, carriers: Callable[[], Mapping[str, Carrier]]
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._carriers = carriers

    async def check(self, command: CheckCode) -> Check:
        """Raises Refused, with CARRIER_UNAVAILABLE when the carrier that made the code gave no answer: then nothing was
        decided, and the same may be tried again.
        """
        found: Check | Reserved = await self._gateway.execute(command)
        if isinstance(found, Check):
            return found
        verdict = await self._ask(command, found)
        check: Check | None = await self._gateway.execute(
            RecordForwardedCheck(
                account=command.account,
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                phone=command.phone,
                purpose=command.purpose,
                verification=found.verification,
                reserved_at=command.now,
                verdict=verdict,
                tells_last=command.tells_last,
            )
        )
        if check is None:
            raise Refused(
                Refusal.CARRIER_UNAVAILABLE, "the carrier that made the code did not answer the check"
            )
        return check

    async def _ask(self, command: CheckCode, reserved: Reserved) -> Verdict:
        key = (Attempt, command.account, reserved.verification, reserved.attempt)
        attempt = (await self._storage.read([key])).get(key)
        if not isinstance(attempt, Attempt) or not attempt.carrier_reference:
            return Verdict.NO_ANSWER  # it is not known yet by what name the carrier knows the code
        carrier = self._carriers().get(attempt.carrier)
        if not isinstance(carrier, OwnCodes):
            log.error(
                "check not forwarded, its carrier does not run here",
                extra={"action": "check", "carrier": attempt.carrier},
            )
            return Verdict.NO_ANSWER
        return await self._verdict(carrier.verifying, attempt.carrier_reference, command)

    async def _verdict(self, carrier: VerifyingCarrier, reference: str, command: CheckCode) -> Verdict:
        typed = typed_code(command.code)
        try:
            async with asyncio.timeout(carrier.check_seconds):
                return await carrier.check_code(
                    reference, typed.zfill(carrier.code_length) if command.as_number else typed
                )
        except TimeoutError:
            log.warning("check not answered in time", extra={"action": "check", "carrier": carrier.name})
        except Exception as error:  # noqa: BLE001  # a carrier that breaks its contract must not cost the person the try
            log.error(
                "carrier failed",
                extra={"action": "check", "carrier": carrier.name, "fault": describe_fault(error)},
            )
        return Verdict.NO_ANSWER
