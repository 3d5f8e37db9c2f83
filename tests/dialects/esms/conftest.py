import pytest
import pytest_asyncio

from onema.dialects.esms.routes import EsmsApi

from ..running_core import RunningCore
from .vendor_client import DOCUMENTS, VendorClient


@pytest_asyncio.fixture
async def api(core: RunningCore) -> EsmsApi:
    await core.configure(*DOCUMENTS)
    return EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="117")


@pytest.fixture
def client(api: EsmsApi, core: RunningCore) -> VendorClient:
    return VendorClient(api, core)
