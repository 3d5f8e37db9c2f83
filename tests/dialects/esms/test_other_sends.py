"""Sends that are nearly plain ones: to many phones, by several channels.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-sms-quang-cao and, beside it, the page
tin-mutichanel-zalo-greater-than-sms-otp-cskh (seen 2026-11).
"""

from typing import Any

import pytest

from ..running_core import RunningCore
from .plain_client import ADS, CHANNELS, CONTENT, SEND, ask_json, without_phone
from .vendor_client import KEYS, PHONE, VendorClient, code_result, sent_message

PHONES = [f"090{number:07d}" for number in range(30)]
ZALO = {"TempID": "205644", "Params": ["686868"], "OAID": "409731", "RequestId": "z1", "Sandbox": "0"}
SMS = {"Content": CONTENT, "IsUnicode": "0", "SmsType": "2", "Brandname": "Baotrixemay"}
BOTH = {**KEYS, "Phone": PHONE, "Channels": ["zalo", "sms"], "Data": [ZALO, SMS]}


class TestAdvertisements:
    """`SendMultipleSMSBrandname_json`."""

    async def test_a_list_of_thirty_is_sent(self, client: VendorClient, core: RunningCore) -> None:
        """A list in JSON; the type may be left out."""
        given = {**without_phone(SEND), "Phones": PHONES, "SmsType": "1"}
        assert code_result(await ask_json(client, given, ADS)) == "100"
        assert {message.category for message in await core.messages("shop")} == {"1"}
        del given["SmsType"]
        assert code_result(await ask_json(client, given, ADS)) == "100"

    async def test_fewer_are_refused(self, client: VendorClient, core: RunningCore) -> None:
        """107, counted without repeats."""
        given = {**without_phone(SEND), "Phones": [*PHONES[:29], PHONES[0]]}
        assert await ask_json(client, given, ADS) == (
            b'{"CodeResult":"107","CountRegenerate":0,'
            b'"ErrorMessage":"Each request has at least 30 numbers to be approved"}'
        )
        assert await core.messages("shop") == []


class TestChannels:
    """`MultiChannelMessage`: its SMS is sent, and nothing by Zalo."""

    async def test_the_sms_of_the_vendors_sample_is_sent(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """As if it had come alone."""
        url = "https://example.com/told"
        given = {**BOTH, "Data": [ZALO, {**SMS, "RequestId": "s1", "CallbackUrl": url}]}
        message = await core.message("shop", sent_message(await ask_json(client, given, CHANNELS)))
        assert (message.reference, message.callback_url) == ("s1", url)
        assert (await core.queued_sms(message.id)).text == CONTENT
        assert code_result(await ask_json(client, given, CHANNELS)) == "124"

    async def test_sms_alone_and_in_other_shapes(self, client: VendorClient, core: RunningCore) -> None:
        """Public clients leave out Zalo, or the type, and write RequestId beside the channels."""
        alone = {**BOTH, "Channels": ["SMS"], "Data": [SMS]}
        assert code_result(await ask_json(client, alone, CHANNELS)) == "100"
        short = {"Content": CONTENT, "Brandname": "Baotrixemay"}
        given = {**BOTH, "RequestId": "s2", "Data": [ZALO, short]}
        message = sent_message(await ask_json(client, given, CHANNELS))
        assert (await core.message("shop", message)).reference == "s2"

    @pytest.mark.parametrize("channels", [["zalo"], [], ["viber", "zalo"]])
    async def test_without_sms_it_is_refused(
        self, client: VendorClient, core: RunningCore, channels: list[str]
    ) -> None:
        """118: nothing here sends by another channel."""
        given = {**BOTH, "Channels": channels, "Data": [ZALO]}
        assert code_result(await ask_json(client, given, CHANNELS)) == "118"
        assert await core.messages("shop") == []

    @pytest.mark.parametrize("odd", [{"Channels": "sms"}, {"Data": {}}, {"Data": None}, {"Phone": {}}])
    async def test_what_has_another_shape_is_no_request(
        self, client: VendorClient, odd: dict[str, Any]
    ) -> None:
        """Its clients look at the body, whatever the status."""
        assert await ask_json(client, {**BOTH, **odd}, CHANNELS) == b'{"error":"Invalid request"}'
