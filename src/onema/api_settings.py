"""The settings of two wire APIs (settings.py has all of them)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from onema.domain.codes.verification import LONGEST_LIFE_MINUTES


class Vbee(msgspec.Struct, frozen=True):
    business_error_status: Annotated[
        Literal[200, 400],
        Meta(
            description="HTTP status of the vendor's business errors (1104 and the like); it documents none."
        ),
    ] = 200


class Native(msgspec.Struct, frozen=True):
    longest_ttl_minutes: Annotated[
        int,
        Meta(
            ge=1,
            le=LONGEST_LIFE_MINUTES,
            description="Longest `ttl` of a code in minutes. More than 10 is more than standards allow "
            "(`onema doctor --profile`); raise it once all servers have this version.",
        ),
    ] = 10
    result_issuer: Annotated[
        str,
        Meta(
            min_length=1,
            description="What result tokens name as their issuer (`iss`), such as this server's URL.",
        ),
    ] = "onema"
    result_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="Seconds after which a result token proves nothing any more.")
    ] = 600
    result_key: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Number of the key that signs result tokens. Count it up for a new key; the one before and the "
            "one after are published as well.",
        ),
    ] = 1
