import pytest
import pytest_asyncio

from onema.dialects.ytx.auth import Environment
from onema.dialects.ytx.routes import YtxApi

from ..running_core import RunningCore
from .vendor_client import DOCUMENTS, VendorClient

ENVIRONMENTS: dict[str, Environment] = {
    "api.example.net": "production",
    "sandbox.example.net": "sandbox",
    "shared.example.net:8081": "sandbox",
}


@pytest_asyncio.fixture
async def api(core: RunningCore) -> YtxApi:
    await core.configure(*DOCUMENTS)
    return YtxApi(core.gateway, environments=ENVIRONMENTS, reads=core.reads)


@pytest.fixture
def client(api: YtxApi, core: RunningCore) -> VendorClient:
    return VendorClient(api, core)
