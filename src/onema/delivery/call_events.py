"""What carriers tell of calls on their way becomes commands, in the order in which it happened."""

import asyncio
import logging
from typing import Any

from onema.channels.contract import CallEvent
from onema.domain.delivery.call_news import Tells
from onema.domain.delivery.outcome import MOST_KEYS, pressable
from onema.domain.delivery.record_call_state import RecordCallState
from onema.engine.gateway import Gateway

log = logging.getLogger(__name__)


class CallEventRecorder:
    """Where carriers tell how far their calls are (channels.contract.CallEvents).

    A command waits for its batch from the moment it is given, and commands about the same rows are decided in that
    order. So events keep theirs, and the outcome, which is given once its call is over, comes after all of them.
    """

    def __init__(self, gateway: Gateway, tells: Tells) -> None:
        """`tells` says what integrators are told of calls."""
        self._gateway = gateway
        self._tells = tells

    def __call__(self, event: CallEvent) -> None:
        """Raises nothing and waits for nothing. An event that the store does not take is lost: the outcome has all that
        matters.
        """
        waiting = self._gateway.execute(
            RecordCallState(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                account=event.account,
                message=event.message,
                attempt=event.attempt,
                state=event.state,
                at=event.at,
                pressed=pressable(event.keys)[:MOST_KEYS],
                tells=self._tells,
            )
        )
        asyncio.ensure_future(waiting).add_done_callback(_done)


def _done(waited: asyncio.Future[Any]) -> None:
    error = None if waited.cancelled() else waited.exception()
    if error is not None:
        log.warning("call event lost", extra={"action": "call event", "fault": type(error).__name__})
