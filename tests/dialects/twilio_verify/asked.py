"""What tests ask of the API, and what it answered."""

import json
import re
from typing import Any

from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.dialects.twilio_verify.wire import message_of
from onema.http.messages import Request

from ..running_core import RunningCore


async def ask(api: TwilioVerifyApi, request: Request, status: int = 200) -> dict[str, Any]:
    response = await api.answer(request)
    assert response.content_type == b"application/json"
    found: dict[str, Any] = json.loads(response.body)
    assert response.status == status, found
    return found


async def error(api: TwilioVerifyApi, request: Request) -> tuple[int, int]:
    """(status, code), of an answer in the vendor's shape of an error."""
    response = await api.answer(request)
    found = json.loads(response.body)
    assert set(found) == {"code", "message", "more_info", "status"}
    assert found["more_info"].endswith(f"/{found['code']}")
    assert found["status"] == response.status
    return response.status, found["code"]


async def code_of(core: RunningCore, sid: str) -> str:
    """The code in the SMS that a SID of a verification or of an attempt names."""
    return str(re.findall("[0-9]{4,10}", (await text_of(core, sid)))[0])


async def text_of(core: RunningCore, sid: str) -> str:
    message = message_of(sid)
    assert message
    return (await core.queued_sms(message)).text


def wrong(code: str) -> str:
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
