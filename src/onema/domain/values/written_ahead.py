"""What a clock wrote that was ahead: nothing of it may bind for longer than it was meant to.

A clock may be wrong for a moment (a machine without a battery, a hypervisor, a hand) and right again; what was written
meanwhile lies in the future. Nodes' clocks differ a little all the time, so a little ahead is taken as it is.
"""

TOLERATED_MS = 60_000
"""How far ahead a start may lie and still count."""


def is_void(started_at: int, length_ms: int, now: int) -> bool:
    """Whether what began at `started_at`, for `length_ms`, was written by a clock that was ahead: by more than its own
    length, or by more than clocks differ.
    """
    return started_at - now > min(length_ms, TOLERATED_MS)
