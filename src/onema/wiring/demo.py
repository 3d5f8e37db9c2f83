"""What a demo consists of: an account, its keys in every API, templates, voices and a simulated phone."""

import os
import secrets
import uuid
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import argon2
import msgspec

from onema.administration.data_folder import DEMO_CREDENTIALS, DataFolderError
from onema.administration.requests import PutDocuments
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refused
from onema.settings import Settings
from onema.speech.making.render import EspeakRenderer
from onema.storage.contract import StorageError
from onema.wiring.core import data_folder, open_core

ACCOUNT = "demo"
BRANDNAME = "Baotrixemay"
HOTLINES = ("+842471000001", "+842471000002", "+842871000001")
SENTENCE = "Mã xác thực onema của bạn là {OTP}"
SENTENCE_OF_THE_VOICES = "Mã xác thực của bạn là {OTP}"
"""For a demo without espeak-ng, which would have to speak another."""
# A newcomer's own text; real accounts register theirs one by one.
ANY_TEXT = "{P2,500}"
# For the API that asks for a text by its number, and the samples of its page.
NUMBERED_TEXT, NUMBER_OF_TEXT = "您的验证码是{P1,10}，{P1,4}分钟内有效", "1"
TEMPLATE = "verify"
MESSAGE = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"


class CannotPrepare(Exception):
    """There can be no demo here; the text is a sentence for whoever wants one."""


async def prepare(settings: Settings) -> dict[str, Any]:
    """Make the demo's credentials once, and its configuration as this version wants it. Raises CannotPrepare."""
    file = settings.data / DEMO_CREDENTIALS
    try:
        with data_folder(settings) as folder:
            async with AsyncExitStack() as stack:
                core = await open_core(settings, stack, folder)
                _refuse_beside_others(core.gateway.directory.account_named)
                known = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
                credentials = {**new_credentials(), **known}
                if credentials != known:
                    _write_private(file, msgspec.json.format(msgspec.json.encode(credentials)))
                user = core.gateway.directory.users.get(credentials["console"]["user"])
                await core.administration.answer(PutDocuments(documents=demo_documents(credentials, user)))
    except (DataFolderError, Refused, StorageError) as error:
        raise CannotPrepare(str(error)) from error
    return credentials


def _refuse_beside_others(accounts: Collection[str]) -> None:
    """An account without limits, whose keys lie in a file, has no place where somebody's customers are."""
    if accounts and ACCOUNT not in accounts:
        raise CannotPrepare(
            f"there are accounts already ({', '.join(sorted(accounts)[:3])}), and a demo would add one without "
            "limits. Name a folder or database of its own."
        )


def new_credentials() -> dict[str, Any]:
    """Keys by dialect, as its samples want them, and a login of the console."""
    return {
        "esms": {
            "ApiKey": secrets.token_hex(15).upper(),
            "SecretKey": secrets.token_hex(15).upper(),
            "Brandname": BRANDNAME,
            "message": MESSAGE,
        },
        "vbee": {"apiKey": str(uuid.uuid4()), "apiSecret": secrets.token_urlsafe(24)},
        "ytx": {
            "accountSID": secrets.token_hex(16),
            "authToken": secrets.token_hex(16),
            "appid": secrets.token_hex(16),
        },
        "native": {"key": secrets.token_hex(8), "secret": secrets.token_urlsafe(24)},
        "twilio_verify": {
            "accountSid": f"AC{secrets.token_hex(16)}",
            "authToken": secrets.token_hex(16),
            "serviceSid": f"VA{secrets.token_hex(16)}",
        },
        "camara": {"clientId": secrets.token_hex(8), "clientSecret": secrets.token_urlsafe(24)},
        "receivers": {"key": secrets.token_hex(8), "secret": secrets.token_urlsafe(24)},
        "console": {"user": "demo", "password": secrets.token_urlsafe(12)},
    }


def demo_documents(credentials: dict[str, Any], user: object) -> tuple[doc.AnyDocument, ...]:
    """The demo account is postpaid without limit and has no windows, so that anyone can measure with it."""
    sentence = SENTENCE if EspeakRenderer.is_installed() else SENTENCE_OF_THE_VOICES
    esms, ytx, vbee, native, twilio_verify, console = (
        credentials[name] for name in ("esms", "ytx", "vbee", "native", "twilio_verify", "console")
    )
    demo_user = doc.User(
        name=console["user"], password_hash=argon2.PasswordHasher().hash(console["password"])
    )
    return (
        doc.Tariff(
            name="demo",
            rates=(doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400", period=60)),
        ),
        doc.Account(
            name="demo", tariff="demo", wallet="postpaid", windows=(), countries=("*",), fixed_number="8088"
        ),
        doc.Application(account="demo", name="esms", voice="vi-north", sentence=sentence, pool="demo"),
        doc.Credential(
            account="demo", application="esms", dialect="esms", key=esms["ApiKey"], secret=esms["SecretKey"]
        ),
        doc.Brandname(account="demo", name=esms["Brandname"]),
        doc.Template(account="demo", brandname=esms["Brandname"], text=esms["message"], name=TEMPLATE),
        doc.Template(account="demo", brandname=esms["Brandname"], text=ANY_TEXT),
        doc.Template(
            account="demo",
            brandname=esms["Brandname"],
            text=NUMBERED_TEXT,
            name=NUMBER_OF_TEXT,
            fold=False,
            spoken=True,
        ),
        doc.HotlinePool(name="demo"),
        *(doc.Hotline(pool="demo", number=number) for number in HOTLINES),
        doc.Application(account="demo", name="vbee", voice="vi-north", sentence=sentence, pool="demo"),
        doc.Credential(
            account="demo", application="vbee", dialect="vbee", key=vbee["apiKey"], secret=vbee["apiSecret"]
        ),
        doc.Application(
            account="demo", name="ytx", environment="sandbox", appid=ytx["appid"], voice="zh", pool="demo"
        ),
        doc.Credential(account="demo", dialect="ytx", key=ytx["accountSID"], secret=ytx["authToken"]),
        doc.Credential(account="demo", dialect="native", key=native["key"], secret=native["secret"]),
        doc.Application(
            account="demo",
            name="verify",
            appid=twilio_verify["serviceSid"].removeprefix("VA"),
            voice="vi-north",
            sentence=sentence,
            pool="demo",
            title="onema demo",
            template=TEMPLATE,
        ),
        doc.Credential(
            account="demo",
            dialect="twilio_verify",
            key=twilio_verify["accountSid"],
            secret=twilio_verify["authToken"],
        ),
        doc.Credential(
            account="demo",
            dialect="camara",
            key=credentials["camara"]["clientId"],
            secret=credentials["camara"]["clientSecret"],
        ),
        doc.Credential(
            account="demo",
            dialect="receivers",
            key=credentials["receivers"]["key"],
            secret=credentials["receivers"]["secret"],
            application="verify",
        ),
        doc.Carrier(name="handset", type="handset"),
        doc.Route(channel="sms", carrier="handset"),
        doc.Route(channel="call", carrier="handset"),
        *(() if user else (demo_user,)),
    )


def _write_private(file: Path, content: bytes) -> None:
    """Write the whole file or nothing, readable by its owner alone."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content + b"\n")
    draft.replace(file)
