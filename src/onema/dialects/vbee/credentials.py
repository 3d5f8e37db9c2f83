"""What a credential needs to be of use to this API."""

from collections.abc import Iterator

from onema.domain.configuration.documents import Application, Credential
from onema.domain.configuration.problems import Problem


def problems_of(credential: Credential) -> Iterator[Problem]:
    """A token names no application: its key stands for one."""
    if not credential.application:
        yield Problem(
            "application", "a key of this API speaks for one application of the account: name which"
        )


def advice(application: Application) -> Iterator[Problem]:
    """What an application of this API cannot call without."""
    if not application.sentence:
        yield Problem("sentence", "it is missing: without one the API of its key refuses every call")
    if not application.pool:
        yield Problem("pool", "it is missing: without one the API of its key refuses every call")
