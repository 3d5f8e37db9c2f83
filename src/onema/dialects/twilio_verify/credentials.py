"""What a credential needs to be of use to this API: the official libraries and many clients look at its form."""

import re
from collections.abc import Iterator

from onema.domain.configuration.documents import Credential
from onema.domain.configuration.problems import Problem

_KEY = re.compile(r"(AC|SK)[0-9a-f]{32}")


def problems_of(credential: Credential) -> Iterator[Problem]:
    if not _KEY.fullmatch(credential.key):
        yield Problem("key", "it is AC (an AccountSid) or SK (an API key) and 32 of the digits 0-9a-f")
