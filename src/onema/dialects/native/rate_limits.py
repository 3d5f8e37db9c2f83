"""Limits as clients read them: RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10.

A policy is named by what is counted and the seconds, such as "phone-600": a string of RFC 9651 in which nothing must be
escaped.
"""

import math
from collections.abc import Mapping, Sequence

from onema.domain.refusals import Quota
from onema.http.messages import Headers


def policy_name(scope: str, seconds: int) -> str:
    return f"{scope}-{seconds}"


def policies(windows: Mapping[str, Sequence[tuple[int, int]]]) -> Headers:
    """What an account's windows allow; nothing for one without any."""
    listed = [
        f'"{policy_name(scope, seconds)}";q={limit};w={seconds}'
        for scope, limits in windows.items()
        for seconds, limit in limits
    ]
    return ((b"ratelimit-policy", ", ".join(listed).encode()),) if listed else ()


def used_up(quota: Quota, wait_ms: int) -> Headers:
    """Of the limit that a request was refused for. Retry-After says the same moment: it may not be earlier."""
    name, wait = policy_name(quota.name, quota.seconds), max(1, math.ceil(wait_ms / 1000))
    return (
        (b"ratelimit-policy", f'"{name}";q={quota.limit};w={quota.seconds}'.encode()),
        (b"ratelimit", f'"{name}";r=0;t={wait}'.encode()),
    )
