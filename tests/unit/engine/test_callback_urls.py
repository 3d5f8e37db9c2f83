"""Where callback URLs may lead is asked when they are saved."""

import secrets
from collections.abc import Sequence

import pytest

from onema.administration.answers import Administration
from onema.administration.requests import PutDocuments
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.refusals import Refused
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.ports import IdSource, SystemEntropy
from onema.testing.fake_clock import FakeClock
from onema.testing.memory_storage import MemoryStorage
from onema.wiring.installation import ThisInstallation

from .conftest import StartCommitter

TARIFF = doc.Tariff(name="default")
INSIDE = doc.Account(name="acme", callback_url="http://127.0.0.1:9/told")


def administer(
    storage: MemoryStorage, committer: Committer, clock: FakeClock, *, private_targets: bool
) -> Administration:
    gateway = Gateway(committer, clock, IdSource(clock, 1), SystemEntropy())
    return Administration(gateway, storage, installation=ThisInstallation(private_targets=private_targets))


async def test_a_private_target_is_refused_when_it_is_saved(
    start_committer: StartCommitter, clock: FakeClock
) -> None:
    """Every one of them is named; with the setting they are taken."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    application = doc.Application(account="acme", name="app", callback_url="http://localhost/told")
    documents: Sequence[doc.AnyDocument] = (TARIFF, INSIDE, application)
    careful = administer(storage, committer, clock, private_targets=False)
    with pytest.raises(Refused) as refused:
        await careful.answer(PutDocuments(documents=tuple(documents)))
    assert "accounts[acme].callback_url: its callback_url names the host '127.0.0.1'" in refused.value.detail
    assert (
        "accounts[acme].applications[app].callback_url: its callback_url names the host 'localhost'"
        in refused.value.detail
    )
    generous = administer(storage, committer, clock, private_targets=True)
    assert len(await generous.answer(PutDocuments(documents=tuple(documents)))) == 3


async def test_a_private_target_of_before_keeps_nobody_from_other_changes(
    start_committer: StartCommitter, clock: FakeClock
) -> None:
    """It was saved by an older version; what is called is checked again."""
    storage = MemoryStorage()
    committer = await start_committer(storage)
    await committer.execute(Configure(entropy=secrets.token_bytes(32), documents=(TARIFF, INSIDE)))
    careful = administer(storage, committer, clock, private_targets=False)
    known = committer.directory.account_named["acme"].document
    other = doc.Account(name="other")
    changes = await careful.answer(PutDocuments(documents=(known, other)))
    assert [change.what for change in changes] == ["unchanged", "created"]
