"""What a worker and its supervisor say to each other. A question means the same in both directions: the supervisor
asks a worker about itself, a worker asks the supervisor about all of them.
"""

from typing import Literal

import msgspec

from onema.channels.handset.calls import LiveCall


class ReadReadiness(msgspec.Struct, frozen=True, tag="read_readiness"):
    """Can you serve? Answer: bool."""


class ReadMetrics(msgspec.Struct, frozen=True, tag="read_metrics"):
    """Your metrics. Answer: Prometheus' text."""


class Steer(msgspec.Struct, frozen=True, tag="steer"):
    """Do this to a live call. Answer: bool, False when the call is in no state for it."""

    call: int
    step: Literal["answer", "decline", "press"]
    digit: str = ""


class Calls(msgspec.Struct, frozen=True, tag="calls"):
    """The live calls of the simulated phone, and whether a page watches them: a worker's own, or all others'."""

    calls: tuple[LiveCall, ...] = ()
    watched: bool = False


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The worker serves from now on."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The worker cannot start, and ends; `reason` is a sentence for the operator."""

    reason: str


Question = ReadReadiness | ReadMetrics | Steer
Answer = bool | str
News = Calls | Started | Failed
