"""What integrators are told of a call while it lasts: a job for each state that the API of its message tells."""

from collections.abc import Mapping

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.decision import Context
from onema.domain.delivery.call import CallState
from onema.domain.delivery.message_progress import call_state_url
from onema.domain.records import Call, Job, JobKind, Message


class Told(msgspec.Struct, frozen=True):
    """What an API tells of calls: these states, and with `keys` every key that is pressed."""

    states: frozenset[CallState] = frozenset()
    keys: bool = False

    def tells(self, news: "CallNews") -> bool:
        return self.keys if news.keys and news.state is CallState.ANSWERED else news.state in self.states


Tells = Mapping[str, Told]
"""By dialect; one that tells nothing of calls on their way is not in it."""


class CallNews(msgspec.Struct, frozen=True, array_like=True):
    """An attempt's call came to `state` at `at` (Unix ms). With `keys`, all that were pressed so far, an answered one
    tells that a key was pressed.
    """

    attempt: int
    state: CallState
    at: int
    keys: str = ""

    @property
    def in_words(self) -> str:
        """Without the keys: who asked for them is told, nobody else."""
        return "key pressed" if self.keys and self.state is CallState.ANSWERED else str(self.state)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CallNews)


def news_of(job: Job) -> CallNews | None:
    """What a callback's job tells of a call on its way; None for one that tells a message's end."""
    return _decoder.decode(job.payload) if job.payload else None


def news_job(
    context: Context, tells: Tells, message: Message | None, news: CallNews, job_id: int, now: int
) -> tuple[Job, ...]:
    """The job that tells it, where the message's API does and there is a URL. Its end is told by another, and nothing
    says in which order they arrive.
    """
    if message is None or not _is_told(context.directory, tells, message, news):
        return ()
    return (
        Job(
            id=job_id,
            kind=JobKind.CALLBACK,
            account=message.account,
            message=message.id,
            due_at=now,
            lease=0,
            attempt=0,
            in_flight=False,
            payload=_encoder.encode(news),
        ),
    )


def _is_told(directory: Directory, tells: Tells, message: Message, news: CallNews) -> bool:
    told = tells.get(message.dialect)
    account = directory.accounts.get(message.account)
    if told is None or account is None or not told.tells(news):
        return False
    return bool(call_state_url(account, message))


def end_of(call: Call) -> CallNews:
    """That the call is over, with all keys that were pressed in it."""
    return CallNews(call.attempt, CallState.ENDED, call.ended_at, call.keys)
