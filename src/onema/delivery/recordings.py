"""Keeps applications' own sentences as sound: made when they are configured, in memory when calls are."""

import asyncio
import logging
from collections.abc import Iterable

from onema.domain.configuration import documents as doc
from onema.domain.configuration.keep_recording import KeepRecording
from onema.domain.records import Recording
from onema.domain.refusals import Refusal, Refused
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.speech.announcement import Announcements, Sentence, render, voices_for
from onema.speech.making.render import RenderError, SentenceRenderer
from onema.storage.contract import Storage, StorageError

log = logging.getLogger(__name__)


class Recordings:
    """Follows the directory: what an application says is in `announcements` soon after it is configured."""

    def __init__(
        self,
        gateway: Gateway,
        committer: Committer,
        storage: Storage,
        announcements: Announcements,
        renderer: SentenceRenderer,
    ) -> None:
        self._gateway = gateway
        self._committer = committer
        self._storage = storage
        self._announcements = announcements
        self._renderer = renderer
        self._changed = asyncio.Event()
        """Set when the configuration changes after the one that was followed; `_follow` takes the next."""
        # The store may be away for a while; the next change tries again.
        self._loop = Loop("recordings", self._follow, expected=StorageError)

    async def start(self) -> None:
        """Returns when the voices, and every configured sentence that was ever made, are in memory."""
        _ = self._announcements.voices
        self._changed = self._committer.directory_changed
        await self._load()
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def make(self, documents: Iterable[doc.Document]) -> None:
        """Render the sentences of these documents that do not sound yet. Where that is not possible, one
        recording of a sentence is enough; the language's other voices then keep to their own words.
        Raises Refused(SENTENCE_MISSING).
        """
        wanted = self._wanted(documents)
        missing = await self._not_stored(wanted)
        recorded = {sentence for voice_id, sentence in wanted if (voice_id, sentence) not in missing}
        for voice_id, sentence in missing:
            try:
                before, after = await render(self._renderer, sentence, self._announcements.voices[voice_id])
            except RenderError as error:
                if sentence in recorded:
                    continue
                raise Refused(Refusal.SENTENCE_MISSING, str(error)) from error
            await self.keep(Recording(voice_id, sentence, before, after))

    async def keep(self, recording: Recording) -> None:
        """Store a recording, and speak with it from now on."""
        await self._gateway.execute(KeepRecording(recording))
        self.know(recording)

    def _wanted(self, documents: Iterable[doc.Document]) -> list[Sentence]:
        return [
            (voice.id, document.sentence)
            for document in documents
            if isinstance(document, doc.Application) and document.sentence
            for voice in voices_for(self._announcements.voices, document.voice)
        ]

    async def _not_stored(self, wanted: list[Sentence]) -> list[Sentence]:
        keys = [(Recording, *sentence) for sentence in self._announcements.unknown(wanted)]
        stored = await self._storage.read(keys)
        for recording in stored.values():
            if isinstance(recording, Recording):
                self.know(recording)
        return self._announcements.unknown(wanted)

    async def _load(self) -> None:
        missing = await self._not_stored(self._wanted(self._committer.directory.of_kind(doc.Application)))
        if missing:
            log.warning(
                "sentences without sound, their voice's own is spoken instead",
                extra={"action": "speak", "sentences": len(missing)},
            )

    def know(self, recording: Recording) -> None:
        """Speak with a recording that is stored from now on."""
        self._announcements.know(recording.voice, recording.sentence, recording.before, recording.after)

    async def _follow(self) -> None:
        await self._changed.wait()
        # Taken before it is followed, so that no change meanwhile is missed.
        self._changed = self._committer.directory_changed
        await self._load()
