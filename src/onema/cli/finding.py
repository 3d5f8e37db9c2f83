import enum

import msgspec


class Level(enum.StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One line of `onema doctor`."""

    level: Level
    what: str
    detail: str
    hint: str = ""
