"""What a credential needs to be of use to this API."""

import re
from collections.abc import Iterator

from onema.domain.configuration.documents import Credential
from onema.domain.configuration.problems import Problem

_SID = re.compile(r"[A-Za-z0-9._~-]+")


def problems_of(credential: Credential) -> Iterator[Problem]:
    """The key is the accountSID, a segment of every request's path, and stands before a | in Authorization."""
    if not _SID.fullmatch(credential.key):
        yield Problem(
            "key", "it stands in the path of every request: letters, digits, dots, dashes and underscores"
        )
