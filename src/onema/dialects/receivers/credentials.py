"""What a credential needs to be of use here: its key is a part of a path."""

import re
from collections.abc import Iterator

from onema.domain.configuration.documents import Credential
from onema.domain.configuration.problems import Problem

_KEY = re.compile(r"[A-Za-z0-9._~-]+")


def problems_of(credential: Credential) -> Iterator[Problem]:
    if not _KEY.fullmatch(credential.key):
        yield Problem("key", "it stands in a path: letters, digits and - . _ ~")
