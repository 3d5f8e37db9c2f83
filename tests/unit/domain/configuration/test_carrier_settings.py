"""Settings of carriers as their types declare them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import (
    CarrierSettings,
    described,
    masked,
    settings_of,
    settings_problems,
)
from onema.domain.configuration.configure import decode_document, encode_document, rests_in_clear
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.seal_settings import SealSettings
from onema.domain.decision import Context
from onema.domain.keyring import Keyring
from onema.domain.records import DirectoryRow
from onema.secret import Secret
from onema.testing.pure_store import PureStore
from onema.testing.recording_type import RECORDING, Header, Settings
from onema.wiring.carriers import CARRIER_TYPES

KEYRING = Keyring(bytes(range(32)))
GOOD: dict[str, Any] = {"host": "h", "password": "hidden"}
MARK = "hidden"


def carrier(settings: dict[str, Any]) -> doc.Carrier:
    return doc.Carrier(name="c", type="recording", settings=settings)


def test_settings_are_read_as_their_type_declares_them() -> None:
    """With defaults for what is not said, tables and lists among it."""
    written = {**GOOD, "headers": [{"name": "A", "value": "x"}], "tls": {"certificate_file": "f"}}
    settings = settings_of(Settings, carrier(written))
    assert (settings.port, settings.password, settings.mode) == (2775, Secret("hidden"), "both")
    assert settings.headers == (Header(name="A", value=Secret("x")),)
    assert settings.tls is not None
    assert not settings.tls.key_password


@pytest.mark.parametrize(
    ("wrong", "place", "sentence"),
    [
        ({"prot": 1}, "prot", "it is unknown"),
        ({"port": "1"}, "port", "it must be a whole number, not '1'"),
        ({"port": 0}, "port", "it is at least 1, not 0"),
        ({"port": 70_000}, "port", "it is at most 65,535, not 70,000"),
        ({"pause": True}, "pause", "it must be a number, not true"),
        ({"host": ""}, "host", "it has 0 characters; 1 are the least"),
        ({"mode": "rx"}, "mode", "there is no mode 'rx'"),
        ({"password": 12_345_678}, "password", "it must be a text"),
        ({"password": ["hidden"]}, "password", "it must be a text"),
        ({"tls": "hidden"}, "tls", "it must be a table"),
        ({"tls": {}}, "tls.certificate_file", "it is missing"),
        ({"tls": {"certificate_file": "f", "key": "hidden"}}, "tls.key", "it is unknown"),
        ({"headers": "hidden"}, "headers", "it must be a list"),
        ({"headers": ["hidden"]}, "headers[0]", "it must be a table"),
        ({"headers": [{"name": "A", "value": {"v": "hidden"}}]}, "headers[0].value", "it must be a text"),
        ({"headers": [{"name": "A", "value": "x"}] * 6}, "headers", "it has 6 members; 5 are the most"),
        ({"keys": ["a", 7]}, "keys[1]", "it must be a text"),
    ],
)
def test_a_setting_that_does_not_fit_is_a_problem_at_its_place(
    wrong: dict[str, Any], place: str, sentence: str
) -> None:
    """In the words of every other document, and without what may be a secret."""
    (problem,) = settings_problems(Settings, carrier({**GOOD, **wrong}))
    assert (problem.place, problem.sentence) == (f"settings.{place}", sentence)
    assert MARK not in str(problem)


def test_a_setting_that_is_misspelled_is_told_its_name() -> None:
    """And one that is needed is missed."""
    written = carrier({"host": "h", "pasword": "hidden"})
    missing, unknown = settings_problems(Settings, written)
    assert (unknown.place, unknown.closest) == ("settings.pasword", "password")
    assert (missing.place, missing.sentence) == ("settings.password", "it is missing")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers(-9, 70_000) | NUMBERS | st.just(MARK)
NAMES = st.sampled_from(["name", "value", "certificate_file", "key_password", "x"])


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner | st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)


VALUES = around(around(LEAVES))
ANYTHING = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*Settings.__struct_fields__, "unknown"), VALUES),
)


@given(ANYTHING)
def test_settings_are_usable_or_something_is_wrong_with_them(values: dict[str, Any]) -> None:
    """Never neither."""
    settings, problems = read_fields(Settings, values)
    assert (settings is None) == bool(problems)


def leaves(value: Any, place: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            at: leaf for name, inner in value.items() for at, leaf in leaves(inner, f"{place}.{name}").items()
        }
    if isinstance(value, list):
        return {at: leaf for inner in value for at, leaf in leaves(inner, f"{place}[]").items()}
    return {place: value}


@given(ANYTHING)
def test_only_what_is_declared_as_no_secret_is_shown(values: dict[str, Any]) -> None:
    """Whatever stands in a place where nothing or something else belongs is masked too; twice is once."""
    shown = masked(carrier(values), Settings)
    assert isinstance(shown, doc.Carrier)
    may_be_seen = {".host", ".tls.certificate_file", ".headers[].name"}
    assert {place for place, leaf in leaves(shown.settings).items() if leaf == MARK} <= may_be_seen
    assert masked(shown, Settings) == shown
    whole = masked(carrier(values), None)
    assert isinstance(whole, doc.Carrier)
    assert set(leaves(whole.settings).values()) <= {"***", None}


@given(ANYTHING, st.binary(min_size=12, max_size=12))
def test_settings_rest_sealed_whatever_they_are(values: dict[str, Any], nonce: bytes) -> None:
    """Known or not: which are secret is nothing that the store must know."""
    document = carrier({**values, "note": MARK})
    stored = encode_document(document, KEYRING, nonce)
    assert MARK.encode() not in stored
    assert not rests_in_clear(stored)
    assert decode_document(stored, KEYRING) == document


def test_settings_that_rest_in_clear_are_sealed_once() -> None:
    """The document stays the same, and so does its revision: nobody need read it anew."""
    clear = b'{"kind":"carrier","name":"c","type":"recording","settings":{"host":"h","password":"hidden"}}'
    document = carrier(GOOD)
    assert decode_document(clear, KEYRING) == document
    store = PureStore(Context(Directory({("carrier", "c"): document}, 3), KEYRING))
    key = (DirectoryRow, "carrier", "c")
    store.rows[key] = DirectoryRow("carrier", "c", 3, clear)
    assert store.run(SealSettings(bytes(32))) == ("c",)
    row = store.rows[key]
    assert isinstance(row, DirectoryRow)
    assert b"hidden" not in row.document
    assert (row.revision, decode_document(row.document, KEYRING)) == (3, document)
    assert store.run(SealSettings(bytes(32))) == ()


KNOWN_TYPES = {
    *("text", "secret text", "whole number", "number", "true or false", "table"),
    *("list of text", "list of secret text", "list of table", "list of whole number"),
}


def test_every_type_declares_its_settings_so_that_they_can_be_described() -> None:
    """Each setting says what it is for, and is of a type that can be explained."""
    kinds: dict[str, type[CarrierSettings]] = {
        **{name: one.settings for name, one in CARRIER_TYPES.items()},
        RECORDING: Settings,
    }
    for name, kind in kinds.items():
        for setting in described(kind):
            assert setting.help, f"{name}: {setting.name} says nothing of itself"
            plain = setting.type.partition(",")[0]
            assert plain in KNOWN_TYPES or " | " in plain, f"{name}: {setting.name} is a {setting.type}"
