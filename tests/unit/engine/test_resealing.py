"""Another server key while an account is on its way to another cell (docs/operations/keys.md)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.claim_store import ClaimStore
from onema.domain.configuration.move_account import PlaceAccount
from onema.domain.keyring import ServerKey
from onema.domain.records import DirectoryRevision
from onema.domain.refusals import Refusal, Refused
from onema.domain.server_keys.change_keys import RetireKey, UseKey
from onema.engine.resealing import Resealing

from ...dialects.native import client as native
from ...dialects.running_core import RunningCore
from ...dialects.test_shared_security import Native

OLD, NEW = ServerKey(bytes(range(32))), ServerKey(b"n" * 32, named=True)


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[RunningCore]:
    """With a code that waits to be delivered, made under the key that was in use before."""
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(*native.DOCUMENTS)
    await Native().api(core).answer(native.create({}))
    await core.gateway.execute(ClaimStore())
    core.keyring.take((OLD, NEW))
    await core.gateway.execute(UseKey(NEW.fingerprint))
    core.keyring.use(NEW.fingerprint)
    yield core
    await core.stop()


async def newest(core: RunningCore) -> int:
    (row,) = (
        one for one in await core.storage.read_after(DirectoryRevision, None, 10) if one.name == "directory"
    )
    return row.revision


async def test_what_an_account_on_its_way_has_is_left_and_not_stumbled_over(core: RunningCore) -> None:
    """Its rows are not to change under those who copy them; others are sealed again, and its own when it is back."""
    resealing = Resealing(core.gateway, core.storage, core.keyring)
    await core.gateway.execute(PlaceAccount(account="shop", moving_to="south"))
    found = await resealing.look()
    assert found.left == {"jobs": 1, "live_verifications": 2}  # its plan, and its code's MAC
    assert set(found.resealed) == {"directory"}
    await core.gateway.execute(PlaceAccount(account="shop"))
    found = await resealing.look()
    assert found.resealed == {"jobs": 1, "live_verifications": 1}
    assert found.left == {"live_verifications": 1}


async def test_a_key_is_not_retired_when_an_account_came_after_the_look(core: RunningCore) -> None:
    """It may have brought what rests under that key: whoever retires it looks again."""
    looked = await newest(core)
    await core.configure(doc.Account(name="other"))
    with pytest.raises(Refused) as refused:
        await core.gateway.execute(RetireKey(OLD.fingerprint, looked))
    assert refused.value.refusal is Refusal.CONFLICT
    assert await core.gateway.execute(RetireKey(OLD.fingerprint, await newest(core)))
