"""An application's own sentence as sound, for one voice."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, Recording


class KeepRecording(msgspec.Struct, frozen=True, gc=False):
    """Keep `recording`, in place of an earlier one of the same sentence. Result: None."""

    recording: Recording

    def keys(self, context: Context) -> Iterable[Key]:
        return (self.recording.key,)

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(None, puts=(self.recording,))
