"""What a credential needs to be of use to this API."""

from collections.abc import Iterator

from onema.domain.configuration.documents import Credential
from onema.domain.configuration.problems import Problem


def problems_of(credential: Credential) -> Iterator[Problem]:
    """Any key and secret can be a parameter, as long as both are there."""
    return iter(())
