"""The core, opened on its store: what the server, the demo's preparation and the command line share."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from onema.domain.keyring import Keyring
from onema.engine.administration import Administration
from onema.engine.committer import Committer, Observer, Unobserved
from onema.engine.data_folder import DataFolder
from onema.engine.gateway import Gateway
from onema.engine.ports import Clock, Entropy, IdSource, SystemClock, SystemEntropy
from onema.engine.recordings import Recordings
from onema.settings import Settings
from onema.speech.announcement import Announcements
from onema.speech.render import EspeakRenderer
from onema.speech.voices import Voices
from onema.storage.contract import Storage
from onema.storage.sqlite import SqliteStorage


@dataclass(frozen=True)
class Core:
    """Everything below HTTP, delivery and the console."""

    clock: Clock
    keyring: Keyring
    storage: Storage
    committer: Committer
    gateway: Gateway
    announcements: Announcements
    recordings: Recordings
    administration: Administration


def choose_storage(settings: Settings, folder: DataFolder) -> Storage:
    """The embedded store, or the database that is configured."""
    return SqliteStorage(folder.database)


async def open_core(
    settings: Settings,
    stack: AsyncExitStack,
    folder: DataFolder,
    *,
    storage: Storage | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    observer: Observer | None = None,
) -> Core:
    """Open store and committer on a data folder that the caller holds; `stack` closes them in order.

    Raises DataFolderError, StorageError, Unsealable.
    """
    clock = clock or SystemClock()
    keyring = Keyring(folder.server_key(settings.server_key.reveal(), settings.server_key_path))
    storage = storage or choose_storage(settings, folder)
    await storage.open()
    stack.push_async_callback(storage.close)
    ids = IdSource(clock, settings.node.number)
    committer = Committer(
        storage,
        keyring,
        clock,
        ids,
        batch_limit=settings.commit.batch_limit,
        lease_ms=int(settings.delivery.lease * 1000),
        observer=observer or Unobserved(),
    )
    await committer.start()
    stack.push_async_callback(committer.stop)
    gateway = Gateway(committer, clock, ids, entropy or SystemEntropy())
    own_packs = settings.data / "voices"
    announcements = Announcements(Voices.load(*([own_packs] if own_packs.is_dir() else [])))
    recordings = Recordings(gateway, committer, storage, announcements, EspeakRenderer())
    administration = Administration(gateway, storage, committer.refresh_directory, recordings)
    return Core(clock, keyring, storage, committer, gateway, announcements, recordings, administration)
