"""What the vendor's clients send."""

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from onema.dialects.contract import SampleRequest, SampleStep, code_in
from onema.dialects.ytx.wire import CHINA

_STATUS_CODE = re.compile(rb'"statusCode":"([^"]*)"')


class YtxSamples:
    """CodeCallOut, TemplateSMS and NoticeCall, all with one signature: the vendor lets one hold for a day."""

    accepted = "0"

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has accountSID, authToken and appid."""
        # The caller's clock, as for any client of the vendor; no server waits for it.
        sid, moment = credentials["accountSID"], f"{dt.datetime.now(CHINA):%Y%m%d%H%M%S}"
        signed = f"{sid}{credentials['authToken']}{moment}".encode()
        sign = hashlib.md5(signed, usedforsecurity=False).hexdigest()
        authorization = base64.b64encode(f"{sid}|{moment}".encode()).decode()
        self._target = f"/201512/sid/{quote(sid)}/{{}}?Sign={sign}"
        self._headers = (
            f"Authorization: {authorization}",
            "Content-Type: application/json;charset=utf-8",
        )
        self._appid = json.dumps(credentials["appid"])

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep(
            "Call with a code in Mandarin",
            self._call("13911281234", "158456"),
            "ytx.net CodeCallOut, 24 h valid",
        )
        yield SampleStep(
            "Send a registered text by SMS",
            self._sms("13911281234", "158456"),
            "ytx.net TemplateSMS; the template's name is 1",
        )
        yield SampleStep(
            "Call and read a registered text out",
            self._notice("13911281234", "158456"),
            "ytx.net NoticeCall; needs espeak-ng",
        )

    def send_code(self, number: int) -> SampleRequest:
        return self._call(f"1390{number:07d}", f"{number % 1_000_000:06d}")

    def answered(self, status: int, body: bytes) -> str:
        return code_in(_STATUS_CODE, status, body)

    def _call(self, phone: str, code: str) -> SampleRequest:
        body = f'{{"action":"callOutCode","dst":"{phone}","appid":{self._appid},"code":"{code}","time":"2"}}'
        return SampleRequest(self._target.format("call/CodeCallOut.wx"), self._headers, body)

    def _notice(self, phone: str, code: str) -> SampleRequest:
        body = (
            f'{{"action":"templateNoticeCall","dst":"{phone}","appid":{self._appid},"templateId":"1",'
            f'"datas":["{code}","5"]}}'
        )
        return SampleRequest(self._target.format("call/NoticeCall.wx"), self._headers, body)

    def _sms(self, phone: str, code: str) -> SampleRequest:
        body = (
            f'{{"action":"templateSms","mobile":"{phone}","appid":{self._appid},"templateId":"1",'
            f'"datas":["{code}","5"]}}'
        )
        return SampleRequest(self._target.format("sms/TemplateSMS.wx"), self._headers, body)
