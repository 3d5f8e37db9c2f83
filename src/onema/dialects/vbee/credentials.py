"""What a credential needs to be of use to this API."""

from collections.abc import Iterator

from onema.domain.documents import Credential
from onema.domain.problems import Problem


def problems_of(credential: Credential) -> Iterator[Problem]:
    """A token names no application: its key stands for one."""
    if not credential.application:
        yield Problem(
            "application", "a key of this API speaks for one application of the account: name which"
        )
