import pytest
import pytest_asyncio

from onema.dialects.ytx.auth import Environment
from onema.dialects.ytx.routes import YtxApi
from onema.domain.records import Wallet

from ..running_core import RunningCore
from .vendor_client import DOCUMENTS, VendorClient

ENVIRONMENTS: dict[str, Environment] = {
    "api.example.net": "production",
    "sandbox.example.net": "sandbox",
    "shared.example.net:8081": "sandbox",
}


@pytest_asyncio.fixture
async def api(core: RunningCore) -> YtxApi:
    async def balance(account: int) -> int:
        wallet = (await core.storage.read([(Wallet, account)])).get((Wallet, account))
        return wallet.balance if isinstance(wallet, Wallet) else 0

    await core.configure(*DOCUMENTS)
    return YtxApi(core.gateway, environments=ENVIRONMENTS, balance=balance)


@pytest.fixture
def client(api: YtxApi, core: RunningCore) -> VendorClient:
    return VendorClient(api, core)
