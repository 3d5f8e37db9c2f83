"""The configuration as this process knows it: one snapshot, replaced as a whole, never changed."""

import asyncio

from onema.domain.configuration.directory import Directory, NeedsOf, no_needs
from onema.domain.decision import Context
from onema.domain.keyring import Keyring
from onema.engine.directory_loading import follow_directory, load_directory
from onema.storage.contract import Storage


class DirectorySnapshot:
    """Holds the newest one, and says when it was replaced."""

    def __init__(self, storage: Storage, keyring: Keyring, needs_of: NeedsOf = no_needs) -> None:
        self._storage = storage
        self._keyring = keyring
        self._refreshing = asyncio.Lock()
        """Held while the store is read: of two who refresh, the second finds nothing new."""
        self.context = Context(Directory({}, needs_of=needs_of), keyring)
        """What commands are decided with; replaced by `use`."""
        self.changed = asyncio.Event()
        """Set when the snapshot after this one is taken up; `use` puts a new event in its place."""

    @property
    def directory(self) -> Directory:
        return self.context.directory

    def use(self, directory: Directory) -> None:
        """Take up a newer snapshot."""
        self.context = Context(directory, self._keyring)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def load(self) -> None:
        """The whole configuration. Raises as `load_directory` does."""
        self.use(await load_directory(self._storage, self._keyring, self.directory.needs_of))

    async def refresh(self) -> None:
        """Take up what changed in the store. Raises as `follow_directory` does."""
        async with self._refreshing:
            known = self.directory
            newest = await follow_directory(self._storage, self._keyring, known)
            # A change of our own may have been committed meanwhile.
            if newest is not known and (self.directory is known or newest.revision > self.directory.revision):
                self.use(newest)
