import pytest_asyncio

from onema.dialects.twilio_verify.routes import TwilioVerifyApi

from ..running_core import RunningCore
from .client import DOCUMENTS


@pytest_asyncio.fixture
async def api(core: RunningCore) -> TwilioVerifyApi:
    await core.configure(*DOCUMENTS)
    return TwilioVerifyApi(core.gateway, core.reads)
