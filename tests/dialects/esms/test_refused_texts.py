"""What support sees of a text that fitted no template (146)."""

import logging

import pytest

from onema.administration.answers import Administration
from onema.administration.requests import ReadRefusals, ReadStory
from onema.cli.refused_text import as_lines, why_refused
from onema.dialects.esms.wire import message_of_smsid
from onema.domain.ids import MessageId

from ..running_core import RunningCore
from .vendor_client import TEMPLATE, TEXT, VendorClient


async def refused(client: VendorClient, text: str) -> int:
    """The message behind the answer."""
    body = await client.gencode(message=text)
    assert body.startswith(b'{"CodeResult":"146"'), body
    return message_of_smsid(body.split(b'"')[-2].decode())


async def test_the_story_has_the_text_and_where_it_differs_from_the_nearest_template(
    client: VendorClient, core: RunningCore
) -> None:
    """To whoever holds the server key."""
    message = await refused(client, "{OTP} la ma cua ban")
    administration = Administration(core.gateway, core.storage, keyring=core.keyring)
    found = await administration.answer(ReadStory(message=MessageId(message)))
    assert found is not None
    assert found.refused_text is not None
    why = why_refused(found.refused_text.text, found.refused_text.code_length, [TEMPLATE])
    assert why["text"] == "{OTP} la ma cua ban"
    assert why["nearest"] == {
        "template": TEXT,
        "place": 13,
        "expected": "xac minh dang ky Baotrixemay cua ban",
        "found": "cua ban",
    }
    assert any("at character 13" in line for line in as_lines(why, "shop", "Baotrixemay"))


async def test_a_story_without_the_key_has_no_text(client: VendorClient, core: RunningCore) -> None:
    """It is sealed, and so is what the events hold."""
    message = await refused(client, "{OTP} la ma cua ban")
    found = await Administration(core.gateway, core.storage).answer(ReadStory(message=MessageId(message)))
    assert found is not None
    assert found.refused_text is None
    assert "la ma" not in str(found)


async def test_the_log_and_the_refusals_lead_on(
    client: VendorClient, core: RunningCore, caplog: pytest.LogCaptureFixture
) -> None:
    """To the message whose story has the text, which neither of them holds."""
    with caplog.at_level(logging.INFO, logger="onema.engine.refusals"):
        await refused(client, "{OTP} la ma cua ban")
    (record,) = [record for record in caplog.records if record.message == "a request was refused"]
    assert "onema message list shop --state refused" in record.__dict__["detail"]
    noted = await Administration(core.gateway, core.storage).answer(ReadRefusals(account="shop"))
    assert "message show" in noted.entries[0].detail
    assert "la ma" not in str(noted) + str(record.__dict__)
