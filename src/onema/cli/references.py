"""Values that a configuration file names instead of holding: they stand in the environment, in a file of their own, or
are stored already.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onema.administration.wanted import STORED
from onema.domain.configuration.problems import Problem

HOW = '{ env = "NAME" }, { file = "path" } or { stored = true }'


def is_reference(value: Any) -> bool:
    """Whether a table with a single one of these keys means a value that is elsewhere."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("env", "file", "stored")


class Elsewhere:
    """Where the values are; files are relative to `folder`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def read(self, reference: dict[str, Any], place: str, problems: list[Problem]) -> str:
        """The value; "" after adding to `problems` why there is none."""
        fault = f"it must be a text, {HOW}"
        match reference:
            case {"env": str(name)} if len(reference) == 1:
                value = self._environment.get(name, "")
                if value:
                    return value
                state = "is empty" if name in self._environment else "is not set"
                fault = f"the environment variable {name} {state}"
            case {"file": str(path)} if len(reference) == 1:
                try:
                    # Editors of Windows begin a file with a byte order mark; nobody means it to be part of a secret.
                    return (self._folder / path).read_text(encoding="utf-8-sig").rstrip("\r\n")
                except (OSError, ValueError) as error:
                    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                    fault = f"{path} cannot be read: {reason}"
            case {"stored": True} if len(reference) == 1:
                return STORED
        problems.append(Problem(place, fault))
        return ""
