"""How long an answer takes tells nobody whether a number is a customer's, while no budget is spent."""

import random
import statistics
import time
from pathlib import Path

import pytest

from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc

from ..dialects.native.client import DOCUMENTS, create
from ..dialects.native.test_guard import verify
from ..dialects.running_core import RunningCore

PAIRS = 400
NEARLY = 0.15
"""By how much the medians may differ. To write rows that are new takes about a twentieth of an answer longer than to
change old ones; a number's own limits leave nobody the tries to see that through a network.
"""


@pytest.mark.full
async def test_answers_to_customers_and_strangers_take_nearly_equally_long(
    tmp_path: Path, dice: random.Random
) -> None:
    """In turns, in an order that is drawn, so that whatever else the machine does hits both alike."""
    core = RunningCore(tmp_path)
    await core.start()
    guard = doc.Guard(
        name="*", mode="block", country_hour=10**6, country_day=10**6, known_hour=10**6, known_day=10**6
    )
    await core.configure(*DOCUMENTS, guard)
    api = NativeApi(core.gateway, core.reads)
    customers = [f"+84901{number:06d}" for number in dice.sample(range(0, 1_000_000, 997), PAIRS)]
    strangers = [f"+84983{number:06d}" for number in dice.sample(range(0, 1_000_000, 997), PAIRS)]
    for phone in customers:
        await verify(core, api, phone)
    took: dict[str, float] = {}
    for pair in zip(customers, strangers, strict=True):
        for phone in dice.sample(pair, 2):
            request = create({"to": phone, "sender": "Shop", "text": "{OTP} la ma xac minh x"})
            began = time.perf_counter()
            response = await api.answer(request)
            took[phone] = time.perf_counter() - began
            assert response.status == 201, response.body
    await core.stop()
    mine, theirs = (statistics.median(took[phone] for phone in phones) for phones in (customers, strangers))
    assert abs(theirs / mine - 1) < NEARLY, (mine, theirs)
