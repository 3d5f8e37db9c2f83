"""The core, opened on its store: what the server, the demo's preparation and the command line share."""

import functools
import logging
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from onema.administration.answers import Administration
from onema.administration.data_folder import (
    ADDRESS_COUNTRIES,
    DataFolder,
    DataFolderError,
    present_server_keys,
)
from onema.administration.server_keys import ServerKeys
from onema.delivery.recordings import Recordings
from onema.domain.configuration.claim_store import ClaimStore
from onema.domain.configuration.seal_settings import SealSettings
from onema.domain.ids import MAX_NODE
from onema.domain.keyring import Keyring, ServerKey, Unsealable
from onema.domain.refusals import Refused
from onema.domain.statistics import DAY_MS, HOUR_MS, SETTLED_AFTER_MS
from onema.engine.address_countries import AddressCountries
from onema.engine.committer import Committer
from onema.engine.counting import Counting
from onema.engine.gateway import Gateway
from onema.engine.key_follower import ReadKeys
from onema.engine.observer import Observer, Unobserved
from onema.engine.ports import Clock, Entropy, IdSource, SystemClock, SystemEntropy
from onema.engine.resealing import Resealing
from onema.engine.restoring import hold_restored, is_a_backup
from onema.settings import Settings, shown
from onema.speech.announcement import Announcements
from onema.speech.making.render import EspeakRenderer
from onema.speech.pack import PackError, Voice
from onema.speech.spoken_texts import SpokenTexts
from onema.speech.voices import Voices
from onema.storage.contract import Storage, Unavailable
from onema.storage.sqlite.storage import SqliteStorage
from onema.wiring import carriers, dialects
from onema.wiring.installation import ThisInstallation

log = logging.getLogger(__name__)

_WRONG_KEY = "The server key is not the one that this data was made with, which every node needs"


@dataclass(frozen=True)
class Core:
    """Everything below HTTP, delivery and the console."""

    clock: Clock
    node: int
    keyring: Keyring
    storage: Storage
    committer: Committer
    gateway: Gateway
    announcements: Announcements
    recordings: Recordings
    administration: Administration
    read_keys: ReadKeys
    """The server keys that are there now."""
    resealing: Resealing
    """Not started: what serves does so."""
    held: Mapping[str, int]
    """The jobs by kind that are not done because the store was restored."""


def data_folder(settings: Settings) -> DataFolder:
    """The folder of this process's key and voices; the embedded store's too, which one process may open."""
    return DataFolder(settings.data, shared=bool(settings.database))


def choose_storage(settings: Settings, folder: DataFolder) -> Storage:
    """The embedded store, or the database that is configured."""
    if settings.database:
        # asyncpg is loaded by those who use it.
        from onema.storage.postgres import PostgresStorage

        return PostgresStorage(settings.database.reveal())
    return SqliteStorage(folder.database)


def serving_node(settings: Settings) -> int:
    """The number of a process that serves: the configured one, or one drawn by lot."""
    return settings.node.number if settings.node.number >= 0 else drawn_node(settings)


def drawn_node(settings: Settings) -> int:
    """One drawn by lot: two nodes with one number make the same id only in the same millisecond, and then one of the
    two commands is refused. A command line beside a server draws, because both read the same settings.
    """
    return secrets.randbelow(MAX_NODE + 1) if settings.database else 0


def _voices(own_packs: Path) -> Mapping[str, Voice]:
    """The built-in voices and those of the data folder. Raises DataFolderError."""
    try:
        return Voices.load(*([own_packs] if own_packs.is_dir() else []))
    except PackError as error:
        raise DataFolderError(f"{error}. Mend the pack or take it out of {own_packs}.") from error


def voice_ids(settings: Settings) -> tuple[str, ...]:
    """What applications may name as their voice here."""
    return Voices.ids(settings.data / "voices")


def this_installation(settings: Settings) -> ThisInstallation:
    """What can be done here with configuration documents."""
    return ThisInstallation(
        handset_beside_carriers=settings.handset.beside_carriers,
        private_targets=settings.callback.private_targets,
        code_lives=dialects.code_lives(settings),
        keep_days=range(_counted_after_days(settings), settings.retention.days + 1),
    )


async def open_core(
    settings: Settings,
    stack: AsyncExitStack,
    folder: DataFolder,
    *,
    node: int | None = None,
    storage: Storage | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    observer: Observer | None = None,
) -> Core:
    """Open store and committer on a data folder that the caller holds; `stack` closes them in order. Without `node`,
    its number is drawn.

    Raises DataFolderError, StorageError.
    """
    clock = clock or SystemClock()
    keyring = Keyring(*folder.server_keys(settings.server_key.reveal(), settings.server_key_path))
    storage = storage or choose_storage(settings, folder)
    await storage.open()
    stack.push_async_callback(storage.close)
    node = drawn_node(settings) if node is None else node
    ids = IdSource(clock, node)
    committer = Committer(
        storage,
        keyring,
        clock,
        ids,
        batch_limit=settings.commit.batch_limit,
        lease_ms=int(settings.delivery.lease * 1000),
        observer=observer or Unobserved(),
        patience=settings.commit.patience,
        needs_of=carriers.needs_of,
    )
    stack.push_async_callback(committer.stop)
    held: Mapping[str, int] = {}
    try:
        await committer.start()
        in_use = await committer.execute(ClaimStore())
        if in_use:
            keyring.use(in_use)
        if in_use and await is_a_backup(storage):
            held = await hold_restored(committer, storage, clock, ids, _receipt_lifetime_ms(settings))
        if in_use and (sealed := await committer.execute(SealSettings(SystemEntropy().token(32)))):
            log.warning(
                "settings that rested in clear are sealed", extra={"action": "seal", "carriers": sealed}
            )
    except Unsealable as error:
        raise DataFolderError(f"{_WRONG_KEY}: {error}.") from error
    except Refused as refused:
        raise Unavailable(refused.detail) from refused
    if not in_use:
        raise DataFolderError(f"{_WRONG_KEY}.")
    folder.keep_server_key()
    observer = observer or Unobserved()
    countries = AddressCountries(settings.data / ADDRESS_COUNTRIES)
    gateway = Gateway(committer, clock, ids, entropy or SystemEntropy(), observer.refusal, countries.of)
    renderer = EspeakRenderer()
    announcements = Announcements(functools.partial(_voices, settings.data / "voices"), SpokenTexts(renderer))
    recordings = Recordings(gateway, committer, storage, announcements, renderer)
    installation = this_installation(settings)
    administration = Administration(
        gateway,
        storage,
        committer.refresh_directory,
        recordings,
        installation,
        dict(shown(settings)),
        keyring,
        countries.built_at,
    )
    read_keys = functools.partial(_read_keys, settings, keyring)
    resealing = Resealing(gateway, storage, keyring)
    administration.server_keys = ServerKeys(gateway, storage, keyring, read_keys, resealing)
    return Core(
        clock,
        node,
        keyring,
        storage,
        committer,
        gateway,
        announcements,
        recordings,
        administration,
        read_keys,
        resealing,
        held,
    )


def counting(settings: Settings, core: Core) -> Counting:
    """What counts the messages of a core."""
    return Counting(
        core.gateway,
        core.storage,
        receipt_lifetime_ms=settings.delivery.receipt_lifetime * 1000,
        keep_messages_ms=settings.retention.days * DAY_MS,
        keep_statistics_ms=settings.retention.statistics_days * DAY_MS,
    )


async def hold_restored_jobs(settings: Settings, core: Core) -> Mapping[str, int]:
    """See hold_restored, for a core whose store does not say that it was restored."""
    ids = IdSource(core.clock, core.node)
    return await hold_restored(core.committer, core.storage, core.clock, ids, _receipt_lifetime_ms(settings))


def _counted_after_days(settings: Settings) -> int:
    """So many whole days after a message was sent, statistics have counted how it ended."""
    return -(-(_receipt_lifetime_ms(settings) + SETTLED_AFTER_MS + HOUR_MS) // DAY_MS)


def _receipt_lifetime_ms(settings: Settings) -> int:
    return settings.delivery.receipt_lifetime * 1000


def _read_keys(settings: Settings, keyring: Keyring) -> Sequence[ServerKey]:
    """Those that are there now; what cannot be read leaves those that are held."""
    try:
        return present_server_keys(settings.server_key.reveal(), settings.server_key_path)
    except (FileNotFoundError, DataFolderError):
        log.warning("the server keys cannot be read, the old ones stay", extra={"action": "keys"})
        return keyring.keys
