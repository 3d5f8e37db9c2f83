"""`onema demo`: a server that anyone can try, with an account, a template and a simulated phone."""

import asyncio
import base64
import datetime as dt
import hashlib
import os
import secrets
import uuid
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.administration.data_folder import DEMO_CREDENTIALS
from onema.cli.command import folder
from onema.cli.output import complain
from onema.cli.serve import CannotStart, refuse_to_start, run

if TYPE_CHECKING:
    from onema.console.handset.routes import DemoHints
    from onema.domain.configuration.documents import AnyDocument
    from onema.settings import Settings

DEMO_DATA = Path("demo-data")
LOOPBACK = "127.0.0.1"

ACCOUNT = "demo"
BRANDNAME = "Baotrixemay"
HOTLINES = ("+842471000001", "+842471000002", "+842871000001")
SENTENCE = "Mã xác thực onema của bạn là {OTP}"
SENTENCE_OF_THE_VOICES = "Mã xác thực của bạn là {OTP}"
"""For a demo without espeak-ng, which would have to speak another."""
# A newcomer's own text; real accounts register theirs one by one.
ANY_TEXT = "{P2,500}"
MESSAGE = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"


def demo(
    data: Annotated[
        Path,
        typer.Option(
            help="The demo's own data folder; ONEMA_DATA does not count here.",
            parser=folder,
            metavar="<path>",
        ),
    ] = DEMO_DATA,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8400,
) -> None:
    """Run a demo server on 127.0.0.1: credentials in demo-data/demo.json, codes on the simulated phone."""
    from onema.settings import SettingsError, load_settings

    overrides: dict[str, object] = {
        "data": data,
        # Whoever reaches the demo may read every code, for its page asks for no login.
        "listen.host": LOOPBACK,
        "listen.port": port,
        "handset.open_on_loopback": True,
        "callback.private_targets": True,
        "workers": 1,
    }
    try:
        settings = load_settings(None, os.environ, overrides)
    except SettingsError as error:
        refuse_to_start(str(error))
    if os.environ.get("ONEMA_LISTEN_HOST", LOOPBACK) not in ("", LOOPBACK):
        complain(f"onema: ONEMA_LISTEN_HOST does not count here: a demo listens on {LOOPBACK} only")
    try:
        credentials = asyncio.run(prepare(settings))
    except CannotStart as error:
        refuse_to_start(str(error))
    base = f"http://{LOOPBACK}:{port}"
    steps = hints(base, credentials)
    run(settings, steps, _greeting(base, data, credentials, steps))


async def prepare(settings: "Settings") -> dict[str, Any]:
    """Make the demo's credentials once, and its configuration as this version wants it. Raises CannotStart."""
    import msgspec

    from onema.administration.data_folder import DataFolderError
    from onema.administration.requests import PutDocuments
    from onema.domain.refusals import Refused
    from onema.storage.contract import StorageError
    from onema.wiring.core import data_folder, open_core

    file = settings.data / DEMO_CREDENTIALS
    try:
        with data_folder(settings) as folder:
            async with AsyncExitStack() as stack:
                core = await open_core(settings, stack, folder)
                _refuse_beside_others(core.gateway.directory.account_named)
                known = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
                credentials = {**_new_credentials(), **known}
                if credentials != known:
                    _write_private(file, msgspec.json.format(msgspec.json.encode(credentials)))
                user = core.gateway.directory.users.get(credentials["console"]["user"])
                await core.administration.answer(PutDocuments(documents=_documents(credentials, user)))
    except (DataFolderError, Refused, StorageError) as error:
        raise CannotStart(str(error)) from error
    return credentials


def _refuse_beside_others(accounts: Collection[str]) -> None:
    """An account without limits, whose keys lie in a file, has no place where somebody's customers are."""
    if accounts and ACCOUNT not in accounts:
        raise CannotStart(
            f"there are accounts already ({', '.join(sorted(accounts)[:3])}), and a demo would add one without "
            "limits. Name a folder or database of its own."
        )


def _new_credentials() -> dict[str, Any]:
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
        "console": {"user": "demo", "password": secrets.token_urlsafe(12)},
    }


def _documents(credentials: dict[str, Any], user: object) -> "tuple[AnyDocument, ...]":
    """The demo account is postpaid without limit and has no windows, so that anyone can measure with it."""
    import argon2

    from onema.domain.configuration import documents as doc
    from onema.speech.making.render import EspeakRenderer

    sentence = SENTENCE if EspeakRenderer.is_installed() else SENTENCE_OF_THE_VOICES
    esms, ytx, vbee, console = (credentials[name] for name in ("esms", "ytx", "vbee", "console"))
    demo_user = doc.User(
        name=console["user"], password_hash=argon2.PasswordHasher().hash(console["password"])
    )
    return (
        doc.Tariff(
            name="demo",
            rates=(doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400", period=60)),
        ),
        doc.Account(name="demo", tariff="demo", wallet="postpaid", windows=(), countries=("*",)),
        doc.Credential(account="demo", dialect="esms", key=esms["ApiKey"], secret=esms["SecretKey"]),
        doc.Brandname(account="demo", name=esms["Brandname"]),
        doc.Template(account="demo", brandname=esms["Brandname"], text=esms["message"]),
        doc.Template(account="demo", brandname=esms["Brandname"], text=ANY_TEXT),
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


def hints(base: str, credentials: dict[str, Any]) -> "DemoHints":
    """Lines to paste into a shell, one step each."""
    from onema.console.handset.routes import Hint

    esms = credentials["esms"]
    service = f"{base}/MainService.svc/json"
    keys = f"ApiKey={esms['ApiKey']}&SecretKey={esms['SecretKey']}"
    text = esms["message"].replace(" ", "%20")
    return (
        Hint(
            "Send a code by SMS",
            f"curl --globoff '{service}/SendMessageAutoGenCode_V4_get?Phone=0901888484&{keys}&TimeAlive=5"
            f"&NumCharOfCode=6&Brandname={esms['Brandname']}&Type=2&message={text}&IsNumber=1'",
            "eSMS GENCODE; any text with {OTP} will do",
        ),
        Hint("Read what the phone received", f"curl '{base}/handset/messages?to=0901888484'"),
        Hint(
            "Check the code",
            f"curl '{service}/CheckCodeGen_V4_get?{keys}&Phone=0901888484&Code=123456'",
            "eSMS CHECKCODE; put in the code that you read",
        ),
        Hint("Call with a code in Vietnamese", vbee_curl(base, credentials["vbee"]), "Vbee voice-otp"),
        Hint(
            "Call with a code in Mandarin",
            ytx_curl(base, credentials["ytx"]),
            "ytx.net CodeCallOut, 24 h valid",
        ),
    )


def vbee_curl(base: str, vbee: dict[str, str]) -> str:
    """A call that reads 686868; the code travels in the signed token."""
    import jwt

    token = jwt.encode({"apiKey": vbee["apiKey"], "otpCode": "686868"}, vbee["apiSecret"], "HS256")
    body = '{"phone_number":"0901888484","voice":"hn_female_ngochuyen_full_48k-fhg","rate":1.0}'
    return (
        f"curl '{base}/api/v1/public-api/voice-otp' -H 'Authorization: Bearer {token}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )


def ytx_curl(base: str, ytx: dict[str, str]) -> str:
    """A call that reads 158456, signed now."""
    now = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).strftime("%Y%m%d%H%M%S")
    sign = hashlib.md5(f"{ytx['accountSID']}{ytx['authToken']}{now}".encode()).hexdigest()  # noqa: S324  # the vendor's
    authorization = base64.b64encode(f"{ytx['accountSID']}|{now}".encode()).decode()
    body = (
        f'{{"action":"callOutCode","dst":"13911281234","appid":"{ytx["appid"]}","code":"158456","time":"2"}}'
    )
    return (
        f"curl '{base}/201512/sid/{ytx['accountSID']}/call/CodeCallOut.wx?Sign={sign}' "
        f"-H 'Authorization: {authorization}' -H 'Content-Type: application/json;charset=utf-8' -d '{body}'"
    )


def _greeting(base: str, data: Path, credentials: dict[str, Any], steps: "DemoHints") -> str:
    lines = "\n\n".join(
        f"# {step.title}{f' ({step.note})' if step.note else ''}\n{step.command}" for step in steps
    )
    return (
        f"onema runs in demo mode.\n\n"
        f"  console      {base}/\n"
        f"  phones       {base}/handset\n"
        f"  credentials  {data / DEMO_CREDENTIALS} (console user {credentials['console']['user']})\n\n{lines}\n"
    )
