"""Trunks that want to be registered at, speak TLS or IPv6, or are a name."""

import asyncio
import secrets
import ssl
import time
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from onema.channels.voice_sip.locating import NotLocated, Service, SystemResolver, locate
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.http.server import TlsFiles
from onema.protocols.sip.answers import response_to
from onema.protocols.sip.digest import DigestServer
from onema.protocols.sip.messages import Request, Response
from tests.integration.test_server import self_signed
from tests.integration.test_sip_calls import ended, said
from tests.sip import CODE, FarPhones, before_phones, call, sip_carrier

PASSWORD = "the trunk's password"


class Registrar:
    """Keeps registrations of whoever knows the password."""

    def __init__(self, far: FarPhones) -> None:
        self.digest = DigestServer("trunk.example", {"onema": PASSWORD}, lambda: secrets.token_hex(8))
        self.contacts: list[str] = []
        """Each that was registered; empty when it was given back."""
        self.works = True
        far.answers_registers = self.answer
        far.door = lambda request: (self.digest.status, self.digest.refuse(request, time.monotonic()))

    def answer(self, request: Request) -> Response:
        if not self.works:
            return response_to(request, 503, tag="far")
        challenge = self.digest.refuse(request, time.monotonic())
        if challenge:
            return response_to(request, self.digest.status, tag="far", more=challenge)
        seconds = request.headers.get("Expires") or "0"
        contact = request.contact
        assert contact is not None
        self.contacts.append(contact.uri if seconds != "0" else "")
        return response_to(request, 200, tag="far", more=[("Contact", f"<{contact.uri}>;expires={seconds}")])


def registering(**more: Any) -> dict[str, Any]:
    return {"register": True, "auth_user": "onema", "password": PASSWORD, **more}


async def test_a_trunk_that_registers_is_ready_once_it_did() -> None:
    """Its calls prove the password too, and a stop gives the registration back."""
    async with FarPhones() as far:
        registrar = Registrar(far)
        async with before_phones(far, **registering()) as carrier:
            assert far.requests == ["REGISTER", "REGISTER"]
            assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
            assert far.requests[2:5] == ["INVITE", "ACK", "INVITE"]
            port = far.sources[0].port
            assert registrar.contacts == [f"sip:onema@127.0.0.1:{port}"]
        await far.until(lambda: registrar.contacts[-1] == "")


async def test_a_wrong_password_says_so() -> None:
    """The trunk is not ready, and nothing is tried in a hurry."""
    async with FarPhones() as far:
        Registrar(far)
        carrier = sip_carrier(far, **registering(password="another"))
        news = asyncio.Event()
        await carrier.start(news.set)
        async with asyncio.timeout(20):
            while "401" not in carrier.problem:
                news.clear()
                await news.wait()
        assert not carrier.ready
        assert "not registered: 401" in carrier.problem
        assert PASSWORD not in carrier.problem
        await carrier.stop()
        assert len(far.requests) <= 4


async def test_another_realm_gets_no_proof_of_the_password() -> None:
    """Where the trunk's is known."""
    async with (
        FarPhones() as far,
        before_phones(far, auth_user="onema", password="x", realm="another") as carrier,
    ):
        Registrar(far)
        assert ended(await carrier.send(call())) == (OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN)
        assert far.requests == ["INVITE", "ACK"]


async def test_a_trunk_is_registered_where_somebody_answers() -> None:
    """The next place, where the first one does not; calls go there first."""
    async with FarPhones() as gone, FarPhones() as far:
        registrar = Registrar(far)
        proxies = [f"127.0.0.1:{gone.port}", f"127.0.0.1:{far.port}"]
        gone.close()
        async with before_phones(far, proxies=proxies, **registering()) as carrier:
            assert len(registrar.contacts) == 1
            assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_calls_go_over_tls(files: TlsFiles) -> None:
    """What the far end asks comes back over the connection that is there: we listen on no port of our own."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(files.certificate, files.key)
    trusting = ssl.create_default_context(cafile=files.certificate)
    async with (
        FarPhones("tls", context=trusting, own_context=own) as far,
        before_phones(far, tls_ca_file=files.certificate, options_seconds=60) as carrier,
    ):
        sending = asyncio.create_task(carrier.send(call(times=20)))
        await far.until(lambda: far.calls and said(far.calls[0]).startswith(f"s{CODE}"))
        far.hang_up(far.calls[0])
        assert ended(await sending) == (OutcomeKind.DELIVERED, Ending.HUNG_UP)


async def test_a_certificate_of_somebody_else_is_not_spoken_to(files: TlsFiles) -> None:
    """The trunk is not ready, and says what is wrong."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(files.certificate, files.key)
    async with FarPhones("tls", context=ssl.create_default_context(), own_context=own) as far:
        carrier = sip_carrier(far, options_seconds=60)
        news = asyncio.Event()
        await carrier.start(news.set)
        async with asyncio.timeout(20):
            while "certificate" not in carrier.problem:
                news.clear()
                await news.wait()
        assert not carrier.ready
        assert far.requests == []
        await carrier.stop()


async def test_calls_go_over_ipv6() -> None:
    """Signalling and sound."""
    async with FarPhones(ip="::1") as far, before_phones(far, options_seconds=60) as carrier:
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(far.calls[0]) == f"s{CODE}"
        assert b"IN IP6 ::1" in far.invites[0].body


async def test_a_connection_that_is_closed_while_idle_is_no_fault() -> None:
    """The trunk stays ready, and is asked at once over a new one."""
    async with FarPhones("tcp") as far, before_phones(far, options_seconds=60) as carrier:
        seen: list[bool] = []
        await carrier.start(lambda: seen.append(carrier.ready))
        assert far.requests == ["OPTIONS"]
        far.drop_connections()
        await far.until(lambda: far.requests == ["OPTIONS", "OPTIONS"])
        assert far.sources[0].port != far.sources[1].port
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert carrier.ready
        assert seen == []


# Names.


class NameServer(asyncio.DatagramProtocol):
    """Knows SRV records, and that there are no others."""

    def __init__(self, records: dict[str, list[str]]) -> None:
        self._records = records
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        port: int = self._transport.get_extra_info("sockname")[1]
        return "127.0.0.1", port

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        (asked,) = question.question
        found = self._records.get(asked.name.to_text(omit_final_dot=True))
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found and asked.rdtype == dns.rdatatype.SRV:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "SRV", *found))
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


async def test_a_name_server_says_where_a_trunk_is() -> None:
    """Its SRV records, read by dnspython; a name without any, and one that nobody knows."""
    server = NameServer(
        {
            "_sip._udp.trunk.example": ["10 60 5062 localhost.", "20 0 5063 localhost."],
            "_sip._udp.plain.example": [],
        }
    )
    resolver = SystemResolver(await server.open())
    assert sorted(await resolver.services("_sip._udp.trunk.example")) == [
        Service(10, 60, 5062, "localhost"),
        Service(20, 0, 5063, "localhost"),
    ]
    assert await resolver.services("_sip._udp.plain.example") == ()
    found = await locate("trunk.example", None, "udp", resolver, lambda: 0.5)
    assert [hop.port for hop in found] == sorted(hop.port for hop in found)
    assert {hop.port for hop in found} == {5062, 5063}
    assert {hop.name for hop in found} == {"trunk.example"}
    with pytest.raises(NotLocated):
        await locate("nobody.invalid", None, "udp", resolver, lambda: 0.5)
    server.close()
