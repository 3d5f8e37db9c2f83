from __future__ import annotations

import threading
from collections import OrderedDict

from onema.speech.clip import Clip

REMEMBERED_BYTES = 32 * 1024 * 1024
"""Every character of five voices at all 31 rates takes 28 MB; sentences come and go."""


class StretchedClips:
    """Clips at other paces, kept while they fit into `limit` bytes; the one that was longest unused goes first.

    Used by several threads. Two that miss the same clip at once both stretch it, which costs less than waiting.
    """

    def __init__(self, limit: int = REMEMBERED_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[Clip, float], Clip] = OrderedDict()
        """By clip and pace; the one that was used last at the end."""
        self._lock = threading.Lock()
        self.bytes_kept = 0
        """The mu-law bytes of all that is kept."""
        self.made = 0
        """How many were stretched, also those that were dropped since."""

    def at_rate(self, clip: Clip, pace: float) -> Clip:
        """The clip, `pace` times as fast with its pitch kept."""
        if pace == 1.0:
            return clip
        key = (clip, pace)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # numpy takes 16 MB, which a server whose calls all have the usual pace does without.
        from onema.speech.stretch import stretched

        made = stretched(clip, pace)
        with self._lock:
            self.made += 1
            if key not in self._kept:
                self._kept[key] = made
                self.bytes_kept += len(made.pcmu)
            while self.bytes_kept > self._limit:
                self.bytes_kept -= len(self._kept.popitem(last=False)[1].pcmu)
        return made


STRETCHED = StretchedClips()
"""One for the process: clips are the same whoever speaks them."""
