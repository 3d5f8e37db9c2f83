import json

import pytest_asyncio

from onema.dialects.camara.routes import CamaraApi

from ..running_core import RunningCore
from .client import DOCUMENTS, ask_for_token


@pytest_asyncio.fixture
async def api(core: RunningCore) -> CamaraApi:
    await core.configure(*DOCUMENTS)
    return CamaraApi(core.gateway, core.reads)


@pytest_asyncio.fixture
async def token(api: CamaraApi) -> str:
    answer = await api.answer(ask_for_token())
    return str(json.loads(answer.body)["access_token"])


def pytest_bdd_apply_tag(tag: str, function: object) -> bool:
    """CAMARA tags each scenario with a name of its own; they are no marks."""
    return True
