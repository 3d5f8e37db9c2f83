"""What probes of trunks are made of here: the carriers' settings, the calls of operators, the voices."""

import contextlib
from collections.abc import Mapping

from onema.administration.requests import TestCall
from onema.channels.voice_sip.configuration import Settings, trunk_settings
from onema.channels.voice_sip.probing import LONGEST_SECONDS, Plan, Probes, plan_of
from onema.domain.configuration import documents as doc
from onema.wiring.core import Core

_DIGITS = 6


def build_probes(core: Core) -> Probes:
    """Of all active trunks that say so."""
    trunks = _Trunks(core)

    async def place(carrier: str, number: str, code: str) -> None:
        account = trunks.settings(carrier).probe_account
        await core.administration.answer(
            TestCall(
                carrier=carrier, phone=number, code=code, seconds=int(LONGEST_SECONDS) - 15, account=account
            )
        )

    def new_code() -> str:
        return f"{int.from_bytes(core.gateway.token(8)) % 10**_DIGITS:0{_DIGITS}}"

    return Probes(trunks.plans, place, lambda: core.announcements.voices, new_code, core.clock.now)


class _Trunks:
    """Reads each document's settings once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._read: dict[str, tuple[doc.Carrier, Settings]] = {}
        """By carrier, the document that was read."""

    def settings(self, name: str) -> Settings:
        document = self._core.gateway.directory.carriers[name]
        known = self._read.get(name)
        if known is None or known[0] is not document:
            known = self._read[name] = (document, trunk_settings(document))
        return known[1]

    def plans(self) -> Mapping[str, Plan]:
        found: dict[str, Plan] = {}
        for name, document in self._core.gateway.directory.carriers.items():
            if document.type == "sip" and document.state == "active":
                # Settings that cannot be used stand in nobody's way: their carrier does not run either.
                with contextlib.suppress(ValueError):
                    plan = plan_of(self.settings(name))
                    if plan is not None:
                        found[name] = plan
        return found
