"""No secret is in clear in the store, a list, an export, a log or a message: a mark is put into every secret field of
every kind of document, and looked for everywhere. Fields are found by reflection, so none can be forgotten.
"""

import asyncio
import base64
import contextlib
import functools
import io
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import httpx
import msgspec
import pyotp
import pytest
import typer
import typer.main

from onema.administration.requests import PutDocuments, ReadDocuments
from onema.cli import main
from onema.cli.program import COMMANDS, app
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, bare, settings_of, types_of
from onema.domain.configuration.document_fields import holds_secret
from onema.domain.keyring import ServerKey
from onema.secret import Secret
from onema.settings import Listen, Settings
from onema.telemetry.redaction import is_secret_name
from onema.testing.postgres_server import PostgresServer
from onema.testing.recording_type import RECORDING, recording_type
from onema.testing.running_server import comes_true
from onema.wiring.carriers import CARRIER_TYPES
from onema.wiring.server import App

MARK = "S3CRET-MARK"
"""Every mark begins so; each place has its own."""
HASH_MARK = "HASH-MARK"
"""The same for passwords, of which the store has hashes; these rest as they are, and are shown to nobody."""

SAMPLES: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
    doc.Account(name="acme"),
    doc.Application(account="acme", name="otp"),
    doc.Credential(account="acme", dialect="esms", key="K", secret=""),
    doc.Brandname(account="acme", name="Shop"),
    doc.Template(account="acme", brandname="Shop", text="{OTP} is your code"),
    doc.HotlinePool(name="pool"),
    doc.Hotline(pool="pool", number="+842471000001"),
    doc.Route(channel="sms", carrier="recording"),
    doc.Guard(name="*", captcha_url="https://captcha.example.com/siteverify"),
    doc.OperatorKey(name="deploy", secret_hash="sha256:"),
    doc.User(name="ann", password_hash="$argon2id$v=19$m=65536,t=3,p=4$"),
)
"""Of every kind but carriers, of which there is one of every type."""

HTTP_SENDER = {"proxy": "http://onema:{}@proxy.example.com:3128"}
SETTINGS: dict[str, dict[str, Any]] = {
    "handset": {},
    RECORDING: {
        "host": "h",
        "tls": {"certificate_file": "/etc/hosts"},
        "headers": [{"name": "A"}],
        "keys": [""],
    },
    "esms": HTTP_SENDER,
    "http": {
        **HTTP_SENDER,
        "url": "https://x.example.com",
        "secrets": [{"name": "k"}],
        "receipts": {"signature": {"header": "X-Signature"}},
    },
    "infobip": {**HTTP_SENDER, "base_url": "https://x.example.com", "hmac_header": "H", "webhook_user": "u"},
    "sip": {"domain": "sip.example.com", "auth_user": "acme"},
    "smpp": {"addresses": ["127.0.0.1:1"], "system_id": "acme", "statuses": [], "receipt_errors": []},
    "twilio": {**HTTP_SENDER, "account_sid": "AC1", "api_key": "SK1"},
    "vonage": {**HTTP_SENDER, "api_key": "k"},
    "camara": {
        **HTTP_SENDER,
        "base_url": "https://x.example.com",
        "token_url": "https://x.example.com",
        "client_id": "c",
        "text": "{{code}}",
    },
    "twilio_verify": {**HTTP_SENDER, "account_sid": "AC1", "service_sid": "VA1", "api_key": "SK1"},
    "vonage_verify": {**HTTP_SENDER, "brand": "b", "api_key": "k"},
}
"""Of every type what is no secret, with every table and list that has one inside; of a secret its shape, if it has
one.
"""

PUBLIC = {("credential", "key")}
"""What is named like a secret, and is none."""
PUBLIC_SETTINGS = {
    ("http", "code"),
    ("twilio", "api_key"),
    ("twilio_verify", "api_key"),
    ("vonage", "api_key"),
    ("vonage_verify", "api_key"),
    ("camara", "text"),
    ("camara", "token_url"),
}
"""The same among carriers' settings: a gateway's code for what became of a message; names that go with a secret."""


def marked_settings(kind: type[CarrierSettings], values: dict[str, Any], place: str) -> dict[str, Any]:
    marked = dict(values)
    for name, wanted in types_of(kind).items():
        if not holds_secret(wanted):
            continue
        plain, here = bare(wanted), f"{place}.{name}"
        if plain is Secret:
            marked[name] = values.get(name, "{}").format(f"{MARK}-{here}")
            continue
        assert name in values, f"SETTINGS has no sample of {here}, which has a secret inside"
        if get_origin(plain) is tuple:
            (member, *_) = get_args(plain)
            marked[name] = [
                f"{MARK}-{here}" if bare(member) is Secret else marked_settings(bare(member), item, here)
                for item in values[name]
            ]
        else:
            marked[name] = marked_settings(plain, values[name], here)
    return marked


def marked_documents() -> list[doc.AnyDocument]:
    """The samples with a mark in every secret."""
    found: list[Any] = []
    for document in SAMPLES:
        marks = {
            **{field: f"{MARK}-{document.kind}-{field}" for field in document.secret_fields},
            **{field: f"{getattr(document, field)}{HASH_MARK}" for field in document.hash_fields},
        }
        found.append(msgspec.structs.replace(document, **marks))
    for name, of_type in CARRIER_TYPES.items():
        assert name in SETTINGS, f"SETTINGS has no sample of the carrier type {name}"
        settings = marked_settings(of_type.settings, SETTINGS[name], name)
        found.append(doc.Carrier(name=name, type=name, own_codes=of_type.own_codes, settings=settings))
    return found


def commands_that_show() -> Iterator[list[str]]:
    """Every command of the program that needs nothing said and changes nothing."""
    group = typer.main.get_command(app)
    context = typer.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)  # type: ignore[attr-defined]  # the program is a group
        for words in ([name], *([name, sub] for sub in getattr(command, "commands", {}))):
            if words[-1] in ("list", "types", "capacity", "export", "doctor", "settings"):
                yield words


class Installation:
    """A running server on a store, and the command line beside it."""

    def __init__(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.settings = settings
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.said = ""

    async def run(self, *arguments: str, stdin: str = "", exit_code: int | None = 0) -> str:
        """What the program says, on both outputs."""
        return await asyncio.to_thread(
            functools.partial(self._run, *arguments, stdin=stdin, exit_code=exit_code)
        )

    def _run(self, *arguments: str, stdin: str, exit_code: int | None) -> str:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as exited:
            main(["--data", str(self.settings.data), *arguments])
        said = "".join(self._capsys.readouterr())
        assert exit_code in (None, exited.value.code), said
        self.said += said
        return said

    async def put(self, *documents: doc.AnyDocument) -> None:
        def ask() -> None:
            with open_session(self.settings, creates=True) as session:
                session.answer(PutDocuments(documents=documents))

        await asyncio.to_thread(ask)


@pytest.fixture(params=["sqlite", "postgresql"])
async def installation(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Any:
    caplog.set_level(logging.DEBUG)
    database = dsn if request.param == "postgresql" else ""
    monkeypatch.setenv("ONEMA_DATABASE", database)
    monkeypatch.setenv("ONEMA_SERVER_KEY", "ab" * 32)
    monkeypatch.setenv("ONEMA_LISTEN_PORT", "0")
    monkeypatch.setenv("ONEMA_HANDSET_BESIDE_CARRIERS", "true")
    settings = msgspec.structs.replace(
        Settings(data=tmp_path / "data", database=Secret(database), server_key=Secret("ab" * 32)),
        listen=Listen(port=0),
        handset=msgspec.structs.replace(Settings().handset, beside_carriers=True),
    )
    with recording_type():
        yield Installation(settings, monkeypatch, capsys)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged, as it was before the log's own redaction."""
    return caplog.text + "".join(str(vars(record)) for record in caplog.records)


def files_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def assert_no_mark_rests(settings: Settings, server: PostgresServer, database: str) -> None:
    """Neither in a file of the data folder (the write-ahead log is one), nor in the database's files."""
    if settings.database:
        server.sql("CHECKPOINT", database)
        rows = server.sql("SELECT encode(document, 'escape') FROM directory", database)
        assert '"kind":"carrier"' in rows.replace('""', '"')
        assert MARK not in rows
    folders = [settings.data, *([server.data] if settings.database else [])]
    found = [
        path
        for folder in folders
        if folder.exists()
        for path, content in files_below(folder)
        if MARK.encode() in content
    ]
    assert found == []


async def test_no_secret_is_anywhere_in_clear(
    installation: Installation, server: PostgresServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While a server runs that logs at DEBUG, in what it has stored, and in all that the command line can show."""
    documents = marked_documents()
    async with App(installation.settings):
        await installation.put(*documents)
        assert_no_mark_rests(installation.settings, server, database)
        for words in commands_that_show():
            for options in ((), ("--json",)):
                await installation.run(*words, *options, exit_code=None)
        exported = json.loads(await installation.run("export", "--json"))["file"]
        await installation.run("apply", "-", stdin=exported)
        for name in CARRIER_TYPES:
            await installation.run("carrier", "set", name, "--no-active")
            await installation.run("carrier", "set", name, "--active")
    async with App(installation.settings):
        shown = await installation.run("carrier", "list", "--json")
        assert_no_mark_rests(installation.settings, server, database)
    assert "***" in shown
    for mark in (MARK, HASH_MARK):
        assert mark not in installation.said
        assert mark not in logged(caplog)
        assert mark not in server.log()


async def test_what_somebody_shows_to_come_in_is_nowhere_in_clear(
    installation: Installation, server: PostgresServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither password, seed, recovery codes nor the links that let people in: in no file, log or list."""
    password = f"{MARK}-password"
    async with App(installation.settings) as app, httpx.AsyncClient() as browser:
        base = f"http://127.0.0.1:{app.port}"
        link = app.set_up_link()
        form = {"name": "lan", "password": password, "again": password}
        assert (await browser.post(link, data=form)).status_code == 303
        await browser.post(f"{base}/login", data=form)
        page = (await browser.get(f"{base}/console/you")).text

        async def order(**fields: str) -> str:
            token = re.findall(r'name="token" value="([^"]+)"', page)[0]
            done = await browser.post(
                f"{base}/console/you", data={"token": token, **fields}, follow_redirects=True
            )
            return done.text

        (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", await order(do="offer_app"))
        codes = re.findall(
            r"<li><code>([a-z2-9-]{14})</code>", await order(do="confirm_app", code=pyotp.TOTP(secret).now())
        )
        assert len(codes) == 10
        invited = json.loads(await installation.run("user", "invite", "--json"))["link"]
        installation.said = ""
        for words in (["user", "list"], ["user", "invitations"], ["audit", "list"], ["export"]):
            for options in ((), ("--json",)):
                await installation.run(*words, *options)
    if installation.settings.database:
        server.sql("CHECKPOINT", database)
    secrets = [
        password,
        secret,
        base64.b32decode(secret),
        *codes,
        *(one.replace("-", "") for one in codes),
        *(one.rpartition("/")[2] for one in (link, invited)),
    ]
    folders = [installation.settings.data, *([server.data] if installation.settings.database else [])]
    files = [content for folder in folders for _, content in files_below(folder)]
    said = installation.said + logged(caplog) + server.log()
    for one in secrets:
        raw = one if isinstance(one, bytes) else one.encode()
        assert not any(raw in content for content in files)
        assert raw.decode("latin-1") not in said
        assert raw.hex() not in said


def revealed(settings: Settings) -> dict[tuple[str, str], doc.Document]:
    """What is stored, with its secrets."""
    with open_session(settings) as session:
        return {(one.kind, one.identity): one for one in session.answer(ReadDocuments(reveal=True)).documents}


def marks_in(documents: Iterable[doc.Document]) -> int:
    return json.dumps([msgspec.to_builtins(one) for one in documents]).count(MARK)


async def test_every_secret_is_still_known(installation: Installation) -> None:
    """To who asks for it on purpose: else the test above would pass on an empty store."""
    documents = marked_documents()
    async with App(installation.settings):
        await installation.put(*documents)

        found = await asyncio.to_thread(revealed, installation.settings)
    for document in documents:
        stored = found[document.kind, document.identity]
        assert [getattr(stored, field) for field in document.unshown_fields] == [
            getattr(document, field) for field in document.unshown_fields
        ]
    assert marks_in(documents) == marks_in(found.values()) > 5


async def test_no_secret_is_in_clear_after_another_server_key(
    installation: Installation,
    server: PostgresServer,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor on the way there; every secret is known as before, and none needs the old key."""
    documents = marked_documents()
    old, new = ServerKey(b"\xab" * 32), ServerKey(b"\xcd" * 32, named=True)

    def with_keys(text: str) -> Settings:
        monkeypatch.setenv("ONEMA_SERVER_KEY", text)
        installation.settings = msgspec.structs.replace(installation.settings, server_key=Secret(text))
        return installation.settings

    async with App(installation.settings):
        await installation.put(*documents)
    async with App(with_keys(f"{'ab' * 32},named:{'cd' * 32}")):

        async def is_held() -> bool:
            nodes = json.loads(await installation.run("key", "status", "--json"))["nodes"]
            return [new.id in one["held"] for one in nodes] == [True]

        async def is_retired() -> bool:
            return "still used on" not in await installation.run("key", "retire", old.id, exit_code=None)

        await comes_true(is_held)
        await installation.run("key", "use", new.id)
        await comes_true(is_retired)
        assert_no_mark_rests(installation.settings, server, database)
    async with App(with_keys(f"named:{'cd' * 32}")):
        found = await asyncio.to_thread(revealed, installation.settings)
        assert_no_mark_rests(installation.settings, server, database)
    assert marks_in(found.values()) == marks_in(documents) > 5
    assert MARK not in logged(caplog)
    assert MARK not in server.log()


def store_in_clear(settings: Settings, server: PostgresServer, database: str) -> None:
    """As it was done before settings were sealed."""
    row = json.dumps(
        {"kind": "carrier", "name": RECORDING, "type": RECORDING, "settings": {"host": "h", "password": MARK}}
    )
    if settings.database:
        server.sql(
            f"UPDATE directory SET document = convert_to('{row}', 'UTF8') WHERE kind = 'carrier'", database
        )
        return
    connection = sqlite3.connect(settings.data / "onema.db")
    with connection:
        connection.execute("UPDATE directory SET document = ? WHERE kind = 'carrier'", (row.encode(),))
    connection.close()


async def test_settings_that_rest_in_clear_are_sealed_by_the_next_process(
    installation: Installation, server: PostgresServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so once, and the carrier runs on with what it has."""
    await installation.put(
        doc.Carrier(name=RECORDING, type=RECORDING, settings={"host": "h", "password": "other"})
    )
    store_in_clear(installation.settings, server, database)
    for _ in range(2):
        async with App(installation.settings) as running:
            assert running.carriers == [RECORDING]
            shown = await installation.run("carrier", "list", "--json")
        assert caplog.messages.count("settings that rested in clear are sealed") == 1
    assert json.loads(shown)[0]["settings"] == {"host": "h", "password": "***"}
    if installation.settings.database:
        assert MARK not in server.sql("SELECT encode(document, 'escape') FROM directory", database)
    else:
        with contextlib.closing(sqlite3.connect(installation.settings.data / "onema.db")) as connection:
            assert MARK.encode() not in b"".join(
                row[0] for row in connection.execute("SELECT document FROM directory")
            )


async def test_a_carrier_that_cannot_run_any_more_is_named_without_its_secrets(
    installation: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its certificate was there when it was saved. The server runs without it."""
    certificate = tmp_path / "pem"
    certificate.touch()
    settings = {"host": "h", "password": MARK, "tls": {"certificate_file": str(certificate)}}
    await installation.put(doc.Carrier(name=RECORDING, type=RECORDING, settings=settings))
    certificate.unlink()
    async with App(installation.settings) as running:
        assert running.carriers == []
    assert "settings.tls.certificate_file: there is no file" in logged(caplog)
    assert MARK not in logged(caplog)


def toml(value: Any) -> str:
    match value:
        case dict():
            return f"{{ {', '.join(f'{name} = {toml(inner)}' for name, inner in value.items())} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return json.dumps(value)


def wrong_values(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Callable[[Any], Any]]:
    """Ways to write the mark, or what is around it, as something that does not fit."""
    wrongs: list[Any] = [[value], {"x": value}] if isinstance(value, str) else [MARK]
    if path:
        yield from (functools.partial(_replaced, path, wrong) for wrong in wrongs)
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members:
        if MARK in json.dumps(inner) or HASH_MARK in json.dumps(inner):
            yield from wrong_values(inner, (*path, name))


def _replaced(path: tuple[Any, ...], wrong: Any, value: Any) -> Any:
    first, *below = path
    inner = _replaced(tuple(below), wrong, value[first]) if below else wrong
    if isinstance(value, dict):
        return {**value, first: inner}
    return [inner if number == first else one for number, one in enumerate(value)]


async def test_no_message_about_what_is_wrong_holds_a_secret(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it or with what is around it, or stands beside it under a name that nobody knows."""
    tables = {
        "credential": "accounts.credentials",
        "user": "users",
        "operator_key": "operator_keys",
        "carrier": "carriers",
        "guard": "guards",
    }
    count = 0
    async with App(installation.settings):
        await installation.put(*SAMPLES[:2])
        for document in marked_documents():
            if not document.unshown_fields:
                continue
            written = {
                key: one
                for key, one in msgspec.to_builtins(document).items()
                if key not in ("kind", "account")
            }
            assert document.kind in tables, f"say in which table of a file a {document.kind} stands"
            wrongs = [change(written) for change in wrong_values(written)]
            if isinstance(document, doc.Carrier):
                wrongs += [{**written, "settings": {**written.get("settings", {}), "unknown": MARK}}]
                wrongs += [{**written, "settings": {**written.get("settings", {}), "host": ""}}]
            for wrong in wrongs:
                around = "[[accounts]]\nname = 'acme'\n" if "." in tables[document.kind] else ""
                lines = "".join(f"{name} = {toml(value)}\n" for name, value in wrong.items())
                for options in ((), ("--json",)):
                    file = f"{around}[[{tables[document.kind]}]]\n{lines}"
                    said = await installation.run("apply", "-", *options, stdin=file, exit_code=1)
                    assert MARK not in said
                    assert HASH_MARK not in said
                    count += 1
    assert count > 40
    assert MARK not in logged(caplog)


def test_a_document_is_printed_without_its_secrets() -> None:
    """So is whatever holds one, such as a request, and a carrier's settings as its factory gets them."""
    with recording_type():
        documents = marked_documents()
        assert MARK not in repr(PutDocuments(documents=tuple(documents)))
        assert MARK not in "".join(map(str, (value for one in documents for value in one.__rich_repr__())))
        for document in documents:
            if isinstance(document, doc.Carrier):
                assert MARK not in repr(settings_of(CARRIER_TYPES[document.type].settings, document))


def test_every_kind_has_a_sample() -> None:
    """A new kind is put in here first."""
    assert {type(document) for document in SAMPLES} | {doc.Carrier} == {*doc.KINDS}


def test_what_is_named_like_a_secret_is_one() -> None:
    """Or says in this test that it is none: nobody forgets to declare it."""
    forgotten = {
        (str(kind.__struct_config__.tag), field)
        for kind in doc.KINDS
        for field in kind.__struct_fields__
        if is_secret_name(field) and field not in kind.unshown_fields and field != "text"
    }
    assert forgotten == PUBLIC
    with recording_type():
        named = {
            (name, setting)
            for name, of_type in CARRIER_TYPES.items()
            for setting in _named_like_secrets(of_type.settings)
        }
        assert named == PUBLIC_SETTINGS


def _named_like_secrets(kind: type[CarrierSettings]) -> Iterator[str]:
    for name, wanted in types_of(kind).items():
        if is_secret_name(name) and not holds_secret(wanted):
            yield name
        member = bare(get_args(bare(wanted))[0]) if get_origin(bare(wanted)) is tuple else bare(wanted)
        if isinstance(member, type) and issubclass(member, CarrierSettings):
            yield from _named_like_secrets(member)
