"""Ids are 63-bit integers in order of time: 41 bits of milliseconds, 10 of node, 12 of sequence.

Tables keyed by them grow at their end, and partitions by time are ranges of ids. The epoch is 2000-01-01
UTC: ids have 19 decimal digits until 2069, which fits a BIGINT and a JSON client that reads strings.
"""

from typing import NewType

AccountId = NewType("AccountId", int)
"""An account's number, which rows are keyed by."""

MessageId = NewType("MessageId", int)
"""A message's id, and that of the verification and the job that were made with it."""

EPOCH_MS = 946_684_800_000
NODE_BITS = 10
SEQUENCE_BITS = 12
MAX_NODE = (1 << NODE_BITS) - 1
MAX_SEQUENCE = (1 << SEQUENCE_BITS) - 1
LARGEST_ID = (1 << 63) - 1


def compose_id(time_ms: int, node: int, sequence: int) -> int:
    """The id of the `sequence`-th thing that `node` made in the millisecond `time_ms` (Unix time)."""
    return (time_ms - EPOCH_MS) << (NODE_BITS + SEQUENCE_BITS) | node << SEQUENCE_BITS | sequence


def time_of_id(identifier: int) -> int:
    """When an id was made, in Unix milliseconds."""
    return (identifier >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS


def first_id_at(time_ms: int) -> int:
    """The smallest id that can be made at `time_ms`: where a partition or a retention cut begins."""
    return compose_id(time_ms, 0, 0)
