"""What `onema doctor` looks at. Each check yields findings; none changes anything that matters.

The machine's checks need no store. The store's are asked of the running server, or of the store itself.
"""

import asyncio
import errno
import importlib.util
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from onema.administration.data_folder import (
    ADDRESS_COUNTRIES,
    DATABASE,
    DEMO_CREDENTIALS,
    SERVER_KEY,
    DataFolderError,
    is_used_by_nodes,
    present_server_keys,
)
from onema.administration.requests import ReadBalance, ReadDocuments, ReadSettings, Status
from onema.cli.database_findings import database_findings
from onema.cli.finding import Finding, Level
from onema.cli.node_probe import node_at
from onema.cli.output import CliError
from onema.cli.session import Session, open_session
from onema.domain.configuration import documents as doc
from onema.domain.configuration.rules import After, problems
from onema.domain.values.money import format_amount
from onema.domain.values.times import parse_time, show_time
from onema.engine.address_countries import AddressCountries
from onema.engine.ports import SystemClock
from onema.settings import Settings
from onema.wiring.core import this_installation, voice_ids
from onema.wiring.installation import advice

ENOUGH_BYTES = 1 << 30
TOO_FEW_BYTES = 100 << 20
OLDEST_PLAUSIBLE_SECONDS = 1_735_689_600
"""2025-01-01: a clock before it was never set."""
CLOCK_TOLERANCE_SECONDS = 5.0
OLD_LIST_MS = 180 * 86_400_000
"""Half a year: networks are sold and move to other countries."""


def examine(settings: Settings) -> Iterator[Finding]:
    yield from _python()
    yield from _folder(settings)
    yield from _demo(settings.data)
    yield from _disk(settings.data)
    yield from _clock(_embedded(settings))
    yield from _key(settings)
    yield from _address_countries(settings.data)
    yield from _callbacks(settings)
    database = list(database_findings(settings))
    yield from database
    if not settings.database and not _embedded(settings):
        yield from _port(settings)
        return
    if any(found.level is not Level.OK for found in database if found.what == "database"):
        return
    try:
        with open_session(settings) as session:
            yield from _server(settings, session)
            yield from _written_ahead(session)
            served = _as_served(settings, session)
            yield from _ways_out(served, session)
            yield from _accounts(session)
            yield from _configuration(served, session)
    except CliError as error:
        yield Finding(Level.FAIL, "store", str(error))


def _python() -> Iterator[Finding]:
    yield Finding(Level.OK, "python", ".".join(map(str, sys.version_info[:3])))
    if importlib.util.find_spec("espeakng_loader") is None:
        yield Finding(
            Level.WARN,
            "speech",
            "espeak-ng is not installed",
            "Calls with sentences of their own need `pip install 'onema[voice]'`.",
        )


def _folder(settings: Settings) -> Iterator[Finding]:
    path = settings.data
    if not path.exists():
        parent = next(above for above in path.absolute().parents if above.exists())
        if os.access(parent, os.W_OK):
            yield Finding(Level.OK, "data folder", f"{path} does not exist yet; it will be made")
        else:
            yield Finding(Level.FAIL, "data folder", f"{path} cannot be made", f"Make {parent} writable.")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            Level.FAIL, "data folder", f"{path} is not ours to write", "Run as its owner, or chown it."
        )
        return
    ours = settings.database or any(
        (path / name).exists() for name in (DATABASE, SERVER_KEY, ADDRESS_COUNTRIES)
    )
    if not ours and any(path.iterdir()):
        # Nobody should be told to close /etc.
        yield Finding(
            Level.WARN,
            "data folder",
            f"{path} holds other things, and nothing of onema",
            "If it is the wrong folder, name another: `onema --data DIR ...`.",
        )
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o027:
        yield Finding(Level.WARN, "data folder", f"{path} has mode {mode:o}", f"chmod 700 {path}")
    else:
        yield Finding(Level.OK, "data folder", str(path))


def _demo(folder: Path) -> Iterator[Finding]:
    file = folder / DEMO_CREDENTIALS
    if file.exists():
        yield Finding(
            Level.WARN,
            "demo",
            f"a demo's account is in {folder}: it has no limits, and its keys lie in {file.name}",
            "Fine for trying out. To serve customers, name another folder: `onema --data DIR ...`.",
        )


def _disk(path: Path) -> Iterator[Finding]:
    existing = next(above for above in (path.absolute(), *path.absolute().parents) if above.exists())
    free = shutil.disk_usage(existing).free
    level = Level.FAIL if free < TOO_FEW_BYTES else Level.WARN if free < ENOUGH_BYTES else Level.OK
    hint = "" if level is Level.OK else "Free some space: without it no message can be accepted."
    yield Finding(level, "disk", f"{free / (1 << 30):.1f} GiB free", hint)


def _embedded(settings: Settings) -> Path | None:
    """The embedded database, if it is the one in use and was made."""
    database = settings.data / DATABASE
    return database if not settings.database and database.exists() else None


def _clock(database: Path | None) -> Iterator[Finding]:
    now = time.time()
    hint = "Set the clock (timedatectl set-ntp true): codes expire by it."
    if now < OLDEST_PLAUSIBLE_SECONDS:
        yield Finding(Level.FAIL, "clock", "it was never set", hint)
    elif database and database.stat().st_mtime > now + CLOCK_TOLERANCE_SECONDS:
        yield Finding(Level.FAIL, "clock", "it is behind the newest data", hint)
    else:
        yield Finding(Level.OK, "clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))


def _key(settings: Settings) -> Iterator[Finding]:
    if settings.server_key:
        try:
            present_server_keys(settings.server_key.reveal(), settings.server_key_path)
        except DataFolderError as error:
            yield Finding(Level.FAIL, "server key", str(error))
        else:
            yield Finding(Level.OK, "server key", "from the environment")
        return
    path = settings.server_key_path
    try:
        present_server_keys("", path)
    except FileNotFoundError:
        if settings.database:
            hint = "Give the key that every node has, as ONEMA_SERVER_KEY or with ONEMA_SERVER_KEY_FILE."
            yield Finding(Level.FAIL, "server key", f"{path} is missing", hint)
        elif _embedded(settings) or settings.server_key_file:
            yield Finding(Level.FAIL, "server key", f"{path} is missing", "Restore it from your backup.")
        else:
            yield Finding(Level.OK, "server key", f"{path} will be made")
        return
    except DataFolderError as error:
        yield Finding(Level.FAIL, "server key", str(error))
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(Level.WARN, "server key", f"others may read {path}", f"chmod 600 {path}")
    else:
        yield Finding(Level.OK, "server key", str(path))


def _address_countries(folder: Path) -> Iterator[Finding]:
    countries = AddressCountries(folder / ADDRESS_COUNTRIES)
    built_at = countries.built_at()
    what = "address countries"
    if not built_at and (folder / ADDRESS_COUNTRIES).exists():
        hint = "Load another: onema guard update-ip FILE"
        yield Finding(Level.WARN, what, f"{folder / ADDRESS_COUNTRIES} cannot be used", hint)
    elif not built_at:
        sentence = "none are loaded: the guard's rule address_mismatch finds nothing"
        yield Finding(Level.OK, what, sentence, "")
    elif time.time() * 1000 - built_at > OLD_LIST_MS:
        yield Finding(Level.WARN, what, f"the list is of {show_time(built_at)}", "onema guard update-ip FILE")
    else:
        yield Finding(Level.OK, what, f"the list is of {show_time(built_at)}")


def _callbacks(settings: Settings) -> Iterator[Finding]:
    from onema.http.client.trust import ClientRefused
    from onema.wiring.server import callback_client

    try:
        callback_client(settings, SystemClock())
    except ClientRefused as error:
        yield Finding(Level.FAIL, "callbacks", str(error), "Until then no server that delivers starts.")
        return
    proxies = [name for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY") if os.environ.get(name)]
    if proxies and not settings.callback.proxy:
        yield Finding(
            Level.WARN,
            "callbacks",
            f"{proxies[0]} is set, and is not used: they go out directly",
            "Set `callback.proxy` if they should go through it.",
        )
    else:
        way = "through a proxy" if settings.callback.proxy else "directly"
        yield Finding(Level.OK, "callbacks", f"they go out {way}")


def _server(settings: Settings, session: Session) -> Iterator[Finding]:
    if not session.with_server:
        yield from _port(settings)
        return
    status = session.answer(Status())
    behind = abs(status.now / 1000 - time.time())
    if behind > CLOCK_TOLERANCE_SECONDS:
        yield Finding(Level.WARN, "server", f"its clock differs by {behind:.0f} s from this one")
    yield Finding(Level.OK, "server", f"process {status.process} runs version {status.version}")


def _port(settings: Settings) -> Iterator[Finding]:
    listen = settings.listen
    where = f"{listen.host}:{listen.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        yield _busy_port(settings, where, error)
    else:
        elsewhere = settings.database and is_used_by_nodes(settings.data)
        detail = f"a node runs on {settings.data}, but not on {where}, which is free" if elsewhere else ""
        yield Finding(Level.OK, "port", detail or f"{where} is free")
    for file in filter(None, (listen.tls_certificate, listen.tls_key)):
        if not os.access(file, os.R_OK):
            yield Finding(Level.FAIL, "TLS", f"{file} cannot be read")


def _busy_port(settings: Settings, where: str, error: OSError) -> Finding:
    in_use = error.errno == errno.EADDRINUSE
    state = asyncio.run(node_at(settings)) if in_use else None
    if settings.database and in_use:
        if state is None:
            detail = f"{where} is in use, but no node answers there"
        elif is_used_by_nodes(settings.data):
            detail = f"a node runs on {where}, and is {state}"
        else:
            # It may have its folder elsewhere, or be another onema altogether.
            detail = f"an onema answers on {where}, and is {state}; none has {settings.data} open"
        return Finding(Level.OK, "port", detail)
    hint = "No onema runs on this data folder, but something else may: set `listen.port`, or stop it."
    detail = f"{where}: an onema with another data folder answers" if state else f"{where}: {error.strerror}"
    return Finding(Level.FAIL, "port", detail, hint)


def _written_ahead(session: Session) -> Iterator[Finding]:
    found = {what: count for what, count in session.answer(Status()).ahead.items() if count}
    if found:
        counted = " and ".join(f"{count:,} {what}" for what, count in found.items())
        yield Finding(
            Level.WARN,
            "clock",
            f"it was ahead, here or on another node, and wrote {counted} that would last too long",
            "They count for nothing. See that every clock is right (timedatectl set-ntp true).",
        )


def _as_served(settings: Settings, session: Session) -> Settings:
    """With what the running server allows, which decides there: it may have been started with other settings."""
    if not session.with_server:
        return settings
    running = session.answer(ReadSettings())
    handset, callback = (
        msgspec.structs.replace(section, **{name: running.get(f"{place}.{name}") == "true"})
        for place, section, name in (
            ("handset", settings.handset, "beside_carriers"),
            ("callback", settings.callback, "private_targets"),
        )
    )
    return msgspec.structs.replace(settings, handset=handset, callback=callback)


def _ways_out(settings: Settings, session: Session) -> Iterator[Finding]:
    carriers = [carrier for carrier in session.of_kind(doc.Carrier) if carrier.state == "active"]
    handsets = [carrier.name for carrier in carriers if carrier.type == "handset"]
    if not carriers:
        yield Finding(
            Level.WARN, "carriers", "none is active: nothing can be sent", "onema carrier add ... --type ..."
        )
    elif handsets and len(handsets) < len(carriers) and not settings.handset.beside_carriers:
        yield Finding(
            Level.FAIL,
            "carriers",
            f"the handset {handsets[0]!r} stands beside real carriers: codes could be read on it",
            "`onema carrier remove`, or set `handset.beside_carriers` if you mean it.",
        )
    else:
        yield Finding(Level.OK, "carriers", ", ".join(carrier.name for carrier in carriers))
    active = {carrier.name for carrier in carriers}
    routed = {route.channel for route in session.of_kind(doc.Route) if route.carrier in active}
    if carriers and "sms" not in routed:
        yield Finding(Level.WARN, "routes", "no route takes SMS", "onema route add sms CARRIER")
    if not session.of_kind(doc.User):
        sentence = "nobody yet: `onema serve` prints a link that makes the first owner"
        yield Finding(Level.OK, "users", sentence)


def _accounts(session: Session) -> Iterator[Finding]:
    owners = {one.account for one in session.of_kind(doc.Credential) if one.state == "active"}
    accounts = [account for account in session.of_kind(doc.Account) if account.state == "active"]
    sound = True
    for account in accounts:
        for found in (
            *_credentials(account, owners),
            *_wallet(account, session),
        ):
            sound = False
            yield found
    for found in _brandnames(session, {account.name for account in accounts}):
        sound = False
        yield found
    if sound:
        yield Finding(Level.OK, "accounts", f"{len(accounts)} active, their ledgers and balances agree")


def _credentials(account: doc.Account, owners: set[str]) -> Iterator[Finding]:
    if account.name not in owners:
        yield Finding(
            Level.WARN,
            f"account {account.name}",
            "it has no live credential",
            f"onema credential add {account.name} DIALECT",
        )


def _wallet(account: doc.Account, session: Session) -> Iterator[Finding]:
    what = f"account {account.name}"
    wallet = session.answer(ReadBalance(account=account.name, audit=True))
    if wallet.ledger != wallet.balance:
        yield Finding(
            Level.FAIL,
            what,
            f"its balance is {format_amount(wallet.balance)}, its ledger's sum {format_amount(wallet.ledger)}",
            "This must never be: keep a copy of the database and report it.",
        )
    if account.wallet_expires_at and parse_time(account.wallet_expires_at) <= time.time() * 1000:
        yield Finding(
            Level.WARN, what, "its wallet has expired", f"onema wallet terms {account.name} --expires ..."
        )
    if wallet.lowest is not None and wallet.balance <= wallet.lowest:
        yield Finding(Level.WARN, what, "its wallet is empty", f"onema wallet top-up {account.name} AMOUNT")


def _brandnames(session: Session, accounts: set[str]) -> Iterator[Finding]:
    with_text = {
        (template.account, template.brandname)
        for template in session.of_kind(doc.Template)
        if template.state == "active"
    }
    for brandname in session.of_kind(doc.Brandname):
        if brandname.account not in accounts or brandname.state != "active":
            continue
        what = f"brandname {brandname.identity}"
        if (brandname.account, brandname.name) not in with_text:
            yield Finding(
                Level.WARN,
                what,
                "it has no template: every text is refused",
                f"onema template add {brandname.account} {brandname.name} TEXT",
            )
        if brandname.expires_at and parse_time(brandname.expires_at) <= time.time() * 1000:
            yield Finding(Level.WARN, what, "it has expired")


def _configuration(settings: Settings, session: Session) -> Iterator[Finding]:
    """What would be refused today although an older version stored it, and what is probably not meant."""
    stored = session.answer(ReadDocuments(reveal=True)).documents
    after = After({}, {(document.kind, document.identity): document for document in stored})
    now = int(time.time() * 1000)
    refused = [*problems(after), *this_installation(settings).problems(after)]
    for problem in (*refused, *(problem for _, problem in advice(after, voice_ids(settings), now))):
        yield Finding(Level.WARN, problem.place, problem.said)
