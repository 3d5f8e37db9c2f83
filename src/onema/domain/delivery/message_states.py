"""The states of a message, and which may follow which. Illegal moves raise."""

from onema.domain.records import MessageState as S

NEXT: dict[S, frozenset[S]] = {
    # A receipt may overtake the outcome of its own attempt, so every end can follow from ACCEPTED.
    S.ACCEPTED: frozenset({S.SENT, S.UNKNOWN, S.DELIVERED, S.UNDELIVERED, S.FAILED}),
    S.SENT: frozenset({S.DELIVERED, S.UNDELIVERED, S.UNCONFIRMED}),
    # It may have left us: only a receipt, a late answer or the end of waiting can tell.
    S.UNKNOWN: frozenset({S.SENT, S.DELIVERED, S.UNDELIVERED, S.UNCONFIRMED}),
    S.UNCONFIRMED: frozenset({S.DELIVERED, S.UNDELIVERED}),
    S.REFUSED: frozenset(),
    S.DELIVERED: frozenset(),
    S.UNDELIVERED: frozenset(),
    S.FAILED: frozenset(),
}

FINAL = frozenset({S.REFUSED, S.DELIVERED, S.UNDELIVERED, S.FAILED, S.UNCONFIRMED})


class IllegalMove(Exception):
    """A message was asked to go where its state cannot go."""


def move(before: str, after: S) -> S:
    if after not in NEXT[S(before)]:
        raise IllegalMove(f"{before} -> {after}")
    return after
