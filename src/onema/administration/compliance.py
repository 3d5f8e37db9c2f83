"""How rule profiles are answered from the configuration and the settings."""

from collections.abc import Mapping

from onema.administration.compliance_requests import ComplianceReport, ReadCompliance
from onema.administration.configuring import Installation
from onema.domain.compliance.check import examined
from onema.domain.compliance.profiles import PROFILES
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration.rules import After
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway


class Compliance:
    """Answers them; `settings` are the server's, as text."""

    def __init__(self, gateway: Gateway, settings: Mapping[str, str], installation: Installation) -> None:
        self._gateway = gateway
        self._settings = settings
        self._installation = installation

    async def read(self, request: ReadCompliance) -> ComplianceReport:
        profile = PROFILES.get(request.profile)
        if profile is None:
            known = ", ".join(PROFILES)
            raise Refused(Refusal.CONFLICT, f"There is no profile {request.profile!r}; there are {known}.")
        directory = self._gateway.directory
        snapshot = Snapshot(
            documents=After(directory.documents, {}),
            settings=self._settings,
            lives=self._installation.code_lives,
            now=self._gateway.now(),
        )
        return ComplianceReport(
            profile=profile.name,
            title=profile.title,
            revision=directory.revision,
            accounts=profile.concerned(snapshot),
            lines=examined(profile, snapshot),
        )
