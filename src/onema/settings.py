"""Every setting of the server: one frozen struct per section, whose annotations are the registry.

A value comes from the environment (ONEMA_<SECTION>_<NAME>), else from the TOML file, else from the default.
"""

import difflib
import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from onema.api_settings import Native, Vbee
from onema.console_settings import Console
from onema.domain.codes.verification import VENDORS_LIFE_MINUTES
from onema.domain.ids import MAX_NODE
from onema.orchestrator_variables import is_of_the_orchestrator
from onema.secret import MASK, Secret
from onema.telemetry_settings import Telemetry

_PREFIX = "ONEMA_"
# Read by the command line, before there are settings.
_RESERVED = frozenset({"ONEMA_SETTINGS"})


class SettingsError(ValueError):
    """The settings cannot be used; the text is a sentence for the operator and shows no secret."""


Role = Literal["api", "deliver", "voice", "console"]


class Listen(msgspec.Struct, frozen=True):
    host: Annotated[str, Meta(description="Address to listen on; `0.0.0.0` or `::` means all.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes any free one.")] = 8400
    tls_certificate: Annotated[
        str,
        Meta(
            description="PEM file with the certificate chain; empty serves plain HTTP. SIGHUP reads it anew."
        ),
    ] = ""
    tls_key: Annotated[str, Meta(description="PEM file with the certificate's private key.")] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed. "
            "Everybody else's is ignored."
        ),
    ] = ()
    stop_deadline: Annotated[
        float, Meta(ge=0, description="Seconds that requests in progress get when the server stops.")
    ] = 15.0


class Node(msgspec.Struct, frozen=True):
    number: Annotated[
        int,
        Meta(
            ge=-1,
            le=1023,
            description="Number of this process among all that share one database, 0 to 1023; ids hold it. "
            "With `workers`, the first one's: each next has the next number. -1 draws one.",
        ),
    ] = -1


class Delivery(msgspec.Struct, frozen=True):
    paused: Annotated[bool, Meta(description="Accept messages and keep them, but send none.")] = False
    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            description="SMS in the hands of carriers at once, as many calls, and a quarter as many callbacks, "
            "of which one account alone gets a fifth; per process.",
        ),
    ] = 256
    lease: Annotated[
        float, Meta(gt=0, description="Seconds for which a worker holds a job before another may take it.")
    ] = 30.0
    receipt_lifetime: Annotated[
        int, Meta(ge=60, description="Seconds to wait for a carrier's receipt before a message is settled.")
    ] = 259_200


class Callback(msgspec.Struct, frozen=True):
    timeout: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that one callback may take altogether, from the look-up of its host to the answer; "
            "less than `delivery.lease`. 0: a third of that, and half of it for an event of onema's own API.",
        ),
    ] = 0.0
    private_targets: Annotated[
        bool,
        Meta(
            description="Let callbacks go to this machine and to private networks. Whoever sets a callback URL could "
            "then reach what only this machine reaches. Demo mode does."
        ),
    ] = False
    proxy: Annotated[
        Secret,
        Meta(
            description="`http://proxy:3128`, through which all callbacks go; it must then keep them out of private "
            "networks itself. The environment's proxies are not used."
        ),
    ] = Secret()
    ca_file: Annotated[
        str,
        Meta(
            description="PEM file with the certificates that receivers are verified with; empty takes SSL_CERT_FILE or "
            "SSL_CERT_DIR, else Mozilla's list."
        ),
    ] = ""


class Commit(msgspec.Struct, frozen=True):
    batch_limit: Annotated[int, Meta(ge=1, description="Commands that one transaction takes at most.")] = 512
    patience: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds for which requests wait for a store that went away before they are told to try later.",
        ),
    ] = 5.0


class Handset(msgspec.Struct, frozen=True):
    open_on_loopback: Annotated[
        bool, Meta(description="Show the handset without a login on this machine. Demo mode does.")
    ] = False
    beside_carriers: Annotated[
        bool, Meta(description="Let the handset run although real carriers are configured.")
    ] = False
    keep_messages: Annotated[int, Meta(ge=1, description="Messages that the handset keeps.")] = 100_000
    keep_days: Annotated[int, Meta(ge=1, description="Days for which the handset keeps a message.")] = 7


class Logs(msgspec.Struct, frozen=True):
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe level that is written.")
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description="`json` for machines, `console` for people; `auto`: console on a terminal."),
    ] = "auto"


class Esms(msgspec.Struct, frozen=True):
    time_alive_max: Annotated[
        int,
        Meta(
            ge=2,
            le=VENDORS_LIFE_MINUTES,
            description="Longest TimeAlive in minutes; the vendor documents 10 and 15.",
        ),
    ] = 10
    invalid_code: Annotated[
        Literal["117", "171"],
        Meta(description="CodeResult for a wrong code; the vendor's samples say 117, its error table 171."),
    ] = "117"
    fixed_number_texts: Annotated[
        Literal["any", "registered"], Meta(description="Which texts an account's `fixed_number` sends.")
    ] = "any"


class Ytx(msgspec.Struct, frozen=True):
    production_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Host headers that serve production applications only, such as `api.example.com`."),
    ] = ()
    sandbox_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Host headers that serve sandbox applications only. Other hosts serve both."),
    ] = ()

    @property
    def environments(self) -> dict[str, Literal["production", "sandbox"]]:
        """Which environment a Host header stands for."""
        return {
            **{host.lower(): "production" for host in self.production_hosts},
            **{host.lower(): "sandbox" for host in self.sandbox_hosts},
        }


class Retention(msgspec.Struct, frozen=True):
    days: Annotated[int, Meta(ge=1, description="Days after which messages are dropped.")] = 90
    statistics_days: Annotated[
        int,
        Meta(ge=1, description="Days after which it is dropped what was counted of the messages of a day."),
    ] = 800


class Settings(msgspec.Struct, frozen=True):
    data: Annotated[Path, Meta(description="Folder for everything that the server keeps.")] = Path("./data")
    database: Annotated[
        Secret,
        Meta(description="`postgresql://...`; empty uses an embedded SQLite database in the data folder."),
    ] = Secret()
    server_key_file: Annotated[
        str, Meta(description="File with the server key; empty means `server.key` in the data folder.")
    ] = ""
    server_key: Annotated[
        Secret, Meta(description="The server key itself, instead of a file. Environment only.")
    ] = Secret()
    cells_file: Annotated[
        str,
        Meta(
            description="TOML file that names the databases of all cells; empty: this server is the only one."
        ),
    ] = ""
    roles: Annotated[
        tuple[Role, ...],
        Meta(
            description="What this server does: `api` answers the wire APIs; `deliver` sends SMS and callbacks and "
            "settles; `voice` places calls; `console` shows console and handset."
        ),
    ] = ("api", "deliver", "voice", "console")
    workers: Annotated[
        int,
        Meta(
            ge=1, le=256, description="Processes that serve the port together; more than 1 need PostgreSQL."
        ),
    ] = 1
    # As long as a job's lease: then others may have what the worker had in hand, and few clients wait any longer.
    worker_patience: Annotated[
        float,
        Meta(ge=1, description="Seconds after which a worker that says nothing is killed and replaced."),
    ] = 30.0
    listen: Listen = Listen()
    node: Node = Node()
    delivery: Delivery = Delivery()
    callback: Callback = Callback()
    commit: Commit = Commit()
    handset: Handset = Handset()
    console: Console = Console()
    logs: Logs = Logs()
    telemetry: Telemetry = Telemetry()
    esms: Esms = Esms()
    ytx: Ytx = Ytx()
    vbee: Vbee = Vbee()
    native: Native = Native()
    retention: Retention = Retention()

    @property
    def callback_seconds(self) -> float:
        """How long one callback may take; a third of the lease leaves time to write down what became of it."""
        return self.callback.timeout or self.delivery.lease / 3

    @property
    def event_seconds(self) -> float:
        """The same of an event, for which Standard Webhooks wants 15 s at least; the usual lease leaves them."""
        return self.callback.timeout or self.delivery.lease / 2

    @property
    def server_key_path(self) -> Path:
        return Path(self.server_key_file) if self.server_key_file else self.data / "server.key"


class Setting(msgspec.Struct, frozen=True):
    """One row of the registry."""

    name: str
    type: str
    default: str
    help: str
    secret: bool
    variable: str


_ENVIRONMENT_ONLY = frozenset({"server_key"})


def load_settings(
    toml_path: Path | None, env: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Settings:
    """Read the settings; `overrides` by dotted name win over both. Raises SettingsError."""
    values: dict[str, tuple[object, str]] = {}
    if toml_path is not None:
        values.update(_from_toml(toml_path))
    values.update(_from_environment(env))
    values.update({name: (value, "the command line") for name, value in (overrides or {}).items()})
    sections: dict[str, dict[str, object]] = {}
    for name, (value, source) in values.items():
        if name not in _HINTS:
            raise SettingsError(f"{source}: there is no setting `{name}`.{_suggestion(name, _HINTS)}")
        section, _, member = name.rpartition(".")
        sections.setdefault(section, {})[member] = _converted(name, value, source)
    top = sections.pop("", {})
    nested = {section: _SECTIONS[section](**members) for section, members in sections.items()}
    settings = Settings(**top, **nested)  # type: ignore[arg-type]  # checked one by one in _converted
    _cross_check(settings)
    return settings


def describe() -> list[Setting]:
    """Every setting, in the order of the struct."""
    return list(_rows())


def shown(settings: Settings) -> list[tuple[str, str]]:
    """Every setting's name and value as text, secrets masked."""
    return [(row.name, _text(_value(settings, row.name))) for row in _rows()]


def _hints() -> tuple[dict[str, object], dict[str, type[msgspec.Struct]]]:
    hints: dict[str, object] = {}
    sections: dict[str, type[msgspec.Struct]] = {}
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            sections[name] = hint
            for member, inner in get_type_hints(hint, include_extras=True).items():
                hints[f"{name}.{member}"] = inner
        else:
            hints[name] = hint
    return hints, sections


_HINTS, _SECTIONS = _hints()
_VARIABLES = {_PREFIX + name.replace(".", "_").upper(): name for name in _HINTS}
_VARIABLE_BY_NAME = {name: variable for variable, name in _VARIABLES.items()}


def _from_toml(path: Path) -> Iterator[tuple[str, tuple[object, str]]]:
    try:
        # A byte order mark is what some editors put before UTF-8.
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read ({exc.strerror}).") from exc
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{path}: is not UTF-8; save it as UTF-8.") from exc
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path}: is not TOML ({exc}).") from exc
    except RecursionError as exc:
        raise SettingsError(f"{path}: is nested too deeply.") from exc
    source = str(path)
    for name, value in document.items():
        if name in _SECTIONS:
            if not isinstance(value, dict):
                raise SettingsError(f"{source}: `{name}` is a section: write `[{name}]`.")
            for member, inner in value.items():
                yield f"{name}.{member}", (inner, source)
        elif isinstance(value, dict) and name not in _HINTS:
            raise SettingsError(f"{source}: there is no section `[{name}]`.{_suggestion(name, _SECTIONS)}")
        elif name in _ENVIRONMENT_ONLY:
            raise SettingsError(
                f"{source}: `{name}` is read from the environment only; in a file, name another file: "
                "`server_key_file`."
            )
        else:
            yield name, (value, source)


def _from_environment(env: Mapping[str, str]) -> Iterator[tuple[str, tuple[object, str]]]:
    """An empty variable is one that is not set: compose files and charts set them all. Those that an orchestrator
    sets for a service of our name are none of ours.
    """
    for variable, text in env.items():
        if not variable.startswith(_PREFIX) or variable in _RESERVED or not text.strip():
            continue
        name = _VARIABLES.get(variable)
        if is_of_the_orchestrator(variable, text, known=variable in _VARIABLES):
            continue
        if name is None:
            raise SettingsError(
                f"the environment: there is no setting `{variable}`.{_suggestion(variable, _VARIABLES)}"
            )
        is_list = isinstance(_default(name), tuple)
        value = split_list(text) if is_list else text
        yield name, (value, variable)


def split_list(text: str) -> list[str]:
    """The members of a list as variables and options spell it: separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _converted(name: str, value: object, source: str) -> object:
    default = _default(name)
    if isinstance(default, Secret | Path):
        if not isinstance(value, str | Path):
            raise SettingsError(f"{source}: `{name}` must be a text.")
        if isinstance(default, Path) and not str(value).strip():
            # Path("") is the folder that somebody happens to stand in.
            raise SettingsError(f"{source}: `{name}` is empty: name a folder; `.` is the one you are in.")
        return Secret(str(value)) if isinstance(default, Secret) else Path(value)
    # Text from the environment is converted; a TOML file says types itself.
    strict = source not in _VARIABLES
    if isinstance(default, bool) and isinstance(value, str) and not strict:
        value = _WORDS.get(value.lower(), value)
    try:
        return msgspec.convert(value, _HINTS[name], strict=strict)
    except msgspec.ValidationError as exc:
        wanted = _type_name(get_args(_HINTS[name])[0])
        raise SettingsError(f"{source}: `{name}` is not usable: {exc}. It is a {wanted}.") from exc


_WORDS: dict[str, object] = {"yes": True, "on": True, "no": False, "off": False}


def _cross_check(settings: Settings) -> None:
    listen = settings.listen
    if not listen.host.strip():
        # The system takes an empty one for all addresses.
        raise SettingsError("`listen.host` is empty: name an address; `0.0.0.0` or `::` means all.")
    if bool(listen.tls_certificate) != bool(listen.tls_key):
        raise SettingsError(
            "`listen.tls_certificate` and `listen.tls_key` need each other; set both or none."
        )
    for network in listen.trusted_proxies:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as exc:
            raise SettingsError(
                f"`listen.trusted_proxies`: `{network}` is not an address or a network."
            ) from exc
    if settings.callback_seconds >= settings.delivery.lease:
        raise SettingsError(
            f"`callback.timeout` is {settings.callback.timeout:g}, and must be less than `delivery.lease` "
            f"({settings.delivery.lease:g}): a callback that takes longer than its job's lease would be sent twice."
        )
    if not settings.roles:
        raise SettingsError("`roles` is empty: this process would do nothing.")
    if settings.workers > 1 and not settings.database:
        raise SettingsError(
            f"`workers` is {settings.workers}, but an SQLite database has one process that writes it. Use PostgreSQL "
            "(`--database postgresql://...`; `onema copy` takes along what you have), or leave `workers` at 1."
        )
    if settings.node.number + settings.workers - 1 > MAX_NODE:
        raise SettingsError(
            f"`node.number` is {settings.node.number}, and {settings.workers} `workers` would count on from it past "
            f"{MAX_NODE}. Choose a smaller number."
        )
    if fault := settings.console.fault or settings.telemetry.fault:
        raise SettingsError(fault)
    database = settings.database.reveal()
    if database and not database.startswith(("postgresql://", "postgres://")):
        raise SettingsError("`database` must be empty or begin with `postgresql://`.")


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean `{close[0]}`?" if close else " See docs/operations/settings.md."


def _default(name: str) -> object:
    return _value(Settings(), name)


def _value(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _rows() -> Iterator[Setting]:
    for name, hint in _HINTS.items():
        kind, meta = get_args(hint)
        default = _default(name)
        shown_default = "`" + _text(default) + "`" if _text(default) else "(empty)"
        yield Setting(
            name=name,
            type=_type_name(kind),
            default=shown_default,
            help=str(meta.description),
            secret=isinstance(default, Secret),
            variable=_VARIABLE_BY_NAME[name],
        )


def _type_name(kind: object) -> str:
    if kind in (Secret, str):
        return "text"
    if kind is Path:
        return "path"
    arguments = get_args(kind)
    if arguments and arguments[-1] is ...:
        return f"list of {_type_name(arguments[0])}"
    if arguments:
        return " | ".join(str(argument) for argument in arguments)
    return {int: "whole number", float: "number", bool: "true | false"}[kind]  # type: ignore[index]  # the rest


def _text(value: object) -> str:
    match value:
        case Secret():
            return MASK if value else ""
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(str(member) for member in value)
        case _:
            return str(value)
