from pathlib import Path

import pytest

from onema.secret import Secret
from onema.settings import Settings, SettingsError, describe, load_settings, shown


def toml(folder: Path, text: str) -> Path:
    path = folder / "onema.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_has_a_usable_default() -> None:
    """An empty configuration is a configuration."""
    settings = load_settings(None, {"PATH": "/bin"})
    assert settings == Settings()
    assert settings.server_key_path == Path("data/server.key")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """And the command line over both; names left out keep what the file says."""
    path = toml(tmp_path, 'data = "/srv/onema"\n[listen]\nport = 9000\nhost = "::"\n')
    settings = load_settings(path, {"ONEMA_LISTEN_PORT": "9001"}, {"esms.time_alive_max": 15})
    assert (settings.data, settings.listen.host, settings.listen.port) == (Path("/srv/onema"), "::", 9001)
    assert settings.esms.time_alive_max == 15


def test_text_from_the_environment_becomes_the_settings_type() -> None:
    """Numbers, switches and lists are written as people write them."""
    settings = load_settings(
        None,
        {
            "ONEMA_DELIVERY_PAUSED": "yes",
            "ONEMA_DELIVERY_LEASE": "2.5",
            "ONEMA_ROLES": "api, console",
            "ONEMA_LISTEN_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "ONEMA_ESMS_INVALID_CODE": "171",
            "ONEMA_HANDSET_OPEN_ON_LOOPBACK": "true",
        },
    )
    assert settings.delivery.paused
    assert settings.delivery.lease == 2.5
    assert settings.roles == ("api", "console")
    assert settings.listen.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.esms.invalid_code == "171"
    assert settings.handset.open_on_loopback


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[listen]\nprot = 1\n", r"no setting `listen\.prot`\. Did you mean `listen\.port`\?"),
        ("[lisen]\nport = 1\n", r"no section `\[lisen\]`\. Did you mean `listen`\?"),
        ("dada = 'x'\n", r"no setting `dada`\. Did you mean `data`\?"),
        ("listen = 5\n", r"`listen` is a section"),
        ("[listen]\nport = '1'\n", r"`listen\.port` is not usable: Expected `int`"),
        ("[listen]\nport = 70000\n", r"`listen\.port` is not usable"),
        ("roles = ['apy']\n", r"`roles` is not usable.*'apy'.*a list of api \| deliver \| voice \| console"),
        ("workers = 4\n", r"`workers` is 4, but an SQLite database .* Use PostgreSQL"),
        ("workers = 0\n", r"`workers` is not usable"),
        ("database = 'postgresql://h'\nworkers = 4\n[node]\nnumber = 1021\n", r"past 1023"),
        ("roles = []\n", r"`roles` is empty"),
        ("server_key = 'abc'\n", r"environment only.*`server_key_file`"),
        ("[listen]\ntls_key = 'k.pem'\n", r"need each other"),
        ("[listen]\ntrusted_proxies = ['10.0']\n", r"`10\.0` is not an address"),
        ("database = 'mysql://u:hunter2@h'\n", r"`database` must"),
        ("data = 5\n", r"`data` must be a text"),
        ("data = \n", r"is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """The refusal says where, what, and what was probably meant."""
    with pytest.raises(SettingsError, match=sentence) as refused:
        load_settings(toml(tmp_path, text), {})
    assert "hunter2" not in str(refused.value)


def test_an_unknown_variable_is_named() -> None:
    """Silence would leave the operator with a default and no idea why."""
    with pytest.raises(SettingsError, match="Did you mean `ONEMA_LISTEN_PORT`"):
        load_settings(None, {"ONEMA_LISTEN_PROT": "1"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ONEMA_SERVICE_HOST", "10.96.0.17"),
        ("ONEMA_SERVICE_PORT", "8400"),
        ("ONEMA_SERVICE_PORT_HTTP", "8400"),
        ("ONEMA_PORT", "tcp://10.96.0.17:8400"),
        ("ONEMA_PORT_8400_TCP", "tcp://10.96.0.17:8400"),
        ("ONEMA_PORT_8400_TCP_ADDR", "10.96.0.17"),
        ("ONEMA_PORT_8400_TCP_PORT", "8400"),
        ("ONEMA_PORT_8400_TCP_PROTO", "tcp"),
        ("ONEMA_API_SERVICE_HOST", "10.96.0.17"),
        ("ONEMA_API_PORT_8400_TCP_ADDR", "10.96.0.17"),
        ("ONEMA_LISTEN_PORT", "tcp://10.96.0.17:8400"),
        ("ONEMA_ENV_PATH", "/bin"),
        ("ONEMA_NAME", "/shop/onema"),
    ],
)
def test_what_an_orchestrator_sets_for_a_service_of_our_name_is_not_a_setting(
    variable: str, value: str
) -> None:
    """Kubernetes tells every pod of a service `onema`; nobody can switch that off from the outside."""
    assert load_settings(None, {variable: value}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"), [("ONEMA_PORT", "8400"), ("ONEMA_SERVICE_HOTS", "x"), ("ONEMA_NODE_NAME", "a")]
)
def test_what_only_looks_like_an_orchestrators_variable_is_named(variable: str, value: str) -> None:
    """`ONEMA_PORT=9000` is somebody who wants another port, and must hear that he does not get it."""
    with pytest.raises(SettingsError, match=f"no setting `{variable}`"):
        load_settings(None, {variable: value})


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path, text: str) -> None:
    """Of every setting: the file counts, or the default. An empty host is no listening on all addresses, an empty
    folder not the one that one stands in.
    """
    environment = {row.variable: text for row in describe()}
    assert load_settings(None, environment) == Settings()
    path = toml(tmp_path, 'data = "/srv/onema"\n[listen]\nhost = "::1"\n')
    settings = load_settings(path, environment)
    assert (settings.data, settings.listen.host) == (Path("/srv/onema"), "::1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('data = ""\n', "`data` is empty: name a folder"),
        ('[listen]\nhost = ""\n', r"`listen\.host` is empty"),
    ],
)
def test_an_empty_folder_or_host_that_is_written_down_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    """A file or an option says it on purpose, so it must say what it means."""
    with pytest.raises(SettingsError, match=sentence):
        load_settings(toml(tmp_path, text), {})
    with pytest.raises(SettingsError, match="`data` is empty"):
        load_settings(None, {}, {"data": ""})


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Notepad writes one."""
    path = tmp_path / "onema.toml"
    path.write_bytes(b"\xef\xbb\xbfdata = '/srv/onema'\r\n")
    assert load_settings(path, {}).data == Path("/srv/onema")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("data = 'x'".encode("utf-16"), "is not UTF-8"),
        (b"data = " + b"[" * 3000 + b"]" * 3000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_no_such_text_is_refused_in_words(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    """Instead of a stack trace."""
    path = tmp_path / "onema.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=sentence):
        load_settings(path, {})


def test_a_variable_with_a_wrong_value_is_named() -> None:
    """The message points at the variable, not at a file."""
    with pytest.raises(SettingsError, match=r"ONEMA_NODE_NUMBER: `node\.number` is not usable"):
        load_settings(None, {"ONEMA_NODE_NUMBER": "1024"})


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """Starting with defaults instead would be a surprise."""
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_secrets_are_never_printed() -> None:
    """Neither by repr nor in any table, but code that asks gets them."""
    settings = load_settings(
        None, {"ONEMA_SERVER_KEY": "hunter2", "ONEMA_DATABASE": "postgresql://u:hunter2@h/d"}
    )
    assert settings.server_key.reveal() == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings.server_key} {shown(settings)}"
    assert ("server_key", "***") in shown(settings)
    assert settings.server_key == Secret("hunter2")
    assert not Settings().server_key


def test_settings_are_frozen() -> None:
    """Nothing changes after the start."""
    with pytest.raises(AttributeError):
        Settings().listen.port = 1  # type: ignore[misc]  # the point of the test


def test_every_setting_has_help() -> None:
    """A name alone explains nothing."""
    rows = {row.name: row for row in describe()}
    assert all(row.help.endswith(".") for row in rows.values())
    assert rows["listen.port"].variable == "ONEMA_LISTEN_PORT"
    assert [row.name for row in rows.values() if row.secret] == [
        "database",
        "server_key",
        "callback.proxy",
        "console.oidc_client_secret",
    ]


def test_a_callback_ends_before_its_lease() -> None:
    """Else another worker would send it again beside it. Without a number of its own it takes a third of the lease."""
    assert Settings().callback_seconds == 10
    assert load_settings(None, {"ONEMA_DELIVERY_LEASE": "3"}).callback_seconds == 1
    assert load_settings(None, {"ONEMA_CALLBACK_TIMEOUT": "29.9"}).callback_seconds == 29.9
    assert Settings().event_seconds == 15
    assert load_settings(None, {"ONEMA_CALLBACK_TIMEOUT": "7"}).event_seconds == 7
    with pytest.raises(
        SettingsError, match=r"`callback\.timeout` is 30, and must be less than `delivery\.lease`"
    ):
        load_settings(None, {"ONEMA_CALLBACK_TIMEOUT": "30"})


@pytest.mark.parametrize(
    "address", ["collector:4318", "grpc://collector:4317", "http://user:hidden@collector/v1/traces"]
)
def test_an_address_of_traces_that_is_none_is_refused(address: str) -> None:
    """A password in it would be written into logs; headers have their own variable."""
    with pytest.raises(SettingsError, match=r"`telemetry\.traces` is an address such as") as refused:
        load_settings(None, {"ONEMA_TELEMETRY_TRACES": address})
    assert "hidden" not in str(refused.value)
