"""SMPP over TLS: a private authority, a certificate of ours, and the name that the SMSC is asked by."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from onema.channels.sms_smpp.configuration import check
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.http.server import TlsFiles
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc
from tests.integration.test_server import self_signed
from tests.integration.test_smpp_carrier import ready, until
from tests.smpp import Heard, smpp_carrier, sms


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return self_signed(tmp_path_factory.mktemp("tls"))


def strict_server(files: TlsFiles, asked: list[str | None]) -> ssl.SSLContext:
    """One that wants a certificate, and remembers which name it was asked by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.certificate)
    context.verify_mode = ssl.CERT_REQUIRED

    def remember(_: object, name: str | None, __: object) -> None:
        asked.append(name)

    context.sni_callback = remember
    return context


def settings(files: TlsFiles, **more: Any) -> dict[str, Any]:
    return {
        "tls": True,
        "tls_ca_file": files.certificate,
        "tls_certificate_file": files.certificate,
        "tls_key_file": files.key,
        **more,
    }


async def test_both_ends_show_their_certificates(files: TlsFiles) -> None:
    """And a message goes through, and the end of the connection is no fault."""
    async with Smsc(script_of({"receipt": ""}), tls=strict_server(files, [])) as smsc:
        carrier = smpp_carrier(smsc.port, Heard(), **settings(files))
        await carrier.start(lambda: None)
        await ready(carrier)
        assert (await carrier.send(sms())).kind is OutcomeKind.SUBMITTED
        await carrier.stop()


async def test_a_name_that_is_not_in_the_certificate_is_refused(files: TlsFiles) -> None:
    """Nothing is sent to whoever shows it, the password neither; the SMSC was asked by that name."""
    asked: list[str | None] = []
    async with Smsc(script_of({}), tls=strict_server(files, asked)) as smsc:
        carrier = smpp_carrier(smsc.port, Heard(), **settings(files, tls_server_name="smpp.telco.example"))
        await carrier.start(lambda: None)
        await until(lambda: "certificate" in carrier.problem)
        assert asked[0] == "smpp.telco.example"
        assert not smsc.bind_requests
        await carrier.stop()


async def test_an_authority_that_is_not_trusted_is_refused(files: TlsFiles) -> None:
    """The usual ones do not know a certificate of one's own."""
    async with Smsc(script_of({}), tls=strict_server(files, [])) as smsc:
        carrier = smpp_carrier(smsc.port, Heard(), **settings(files, tls_ca_file=""))
        await carrier.start(lambda: None)
        await until(lambda: "certificate verify failed" in carrier.problem)
        await carrier.stop()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"tls_ca_file": "/nowhere.pem"}, "settings.tls_ca_file"),
        ({"tls_key_file": "/nowhere.pem"}, "settings.tls_key_file"),
        ({"tls_certificate_file": "/etc/hostname", "tls_key_file": ""}, "settings.tls_certificate_file"),
    ],
)
def test_files_are_looked_at_before_a_carrier_is_saved(
    files: TlsFiles, change: dict[str, str], place: str, tmp_path: Path
) -> None:
    """With the setting that must change."""
    full = {"addresses": ["h"], "system_id": "us", **settings(files)}
    good = doc.Carrier(name="telco", type="smpp", settings=full)
    assert list(check(good)) == []
    (problem,) = check(doc.Carrier(name="telco", type="smpp", settings={**full, **change}))
    assert problem.place == place
