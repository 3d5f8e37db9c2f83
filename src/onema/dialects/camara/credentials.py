"""What a credential needs to be of use to this API: its key stands before a colon (RFC 7617)."""

from collections.abc import Iterator

from onema.domain.configuration.documents import Credential
from onema.domain.configuration.problems import Problem


def problems_of(credential: Credential) -> Iterator[Problem]:
    if ":" in credential.key:
        yield Problem("key", "it has a colon, which ends a key of this API")
