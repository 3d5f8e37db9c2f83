import pytest
import pytest_asyncio

from onema.dialects.vbee.routes import VbeeApi

from ..running_core import RunningCore
from .vendor_client import DOCUMENTS, VendorClient


@pytest_asyncio.fixture
async def api(core: RunningCore) -> VbeeApi:
    await core.configure(*DOCUMENTS)
    return VbeeApi(core.gateway)


@pytest.fixture
def client(api: VbeeApi, core: RunningCore) -> VendorClient:
    return VendorClient(api, core)
