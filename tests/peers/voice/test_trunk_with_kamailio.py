"""A trunk whose far end stands behind Kamailio, which asks for a password and stays in the call."""

from pathlib import Path

from onema.domain.delivery.outcome import Ending
from tests.peers.voice.calling import trunk_before
from tests.peers.voice.ear import Ear
from tests.peers.voice.kamailio import PASSWORD, kamailio
from tests.peers.voice.scenarios import (
    ROUTES,
    answers,
    asks,
    receives,
    receives_answer,
    receives_invite,
    scenario,
)
from tests.peers.voice.sipp import Sipp

CODE = "48"


async def test_a_call_goes_through_a_proxy(tmp_path: Path) -> None:
    """Digest with MD5; ACK and BYE take the recorded route, which sipp alone would not show."""
    async with Ear() as ear:
        phone = scenario(
            receives_invite(),
            answers("180 Ringing"),
            answers("200 Ok", sdp_port=str(ear.port)),
            receives("ACK"),
            receives("BYE"),
            answers("200 OK", tag=""),
        )
        async with (
            Sipp(phone, tmp_path) as far,
            kamailio(far.port, tmp_path) as proxy,
            trunk_before(proxy.udp_port, auth_user="alice", password=PASSWORD) as trunk,
        ):
            outcome = await trunk.call(code=CODE)
            await far.succeeds()
        assert ear.codes() == [CODE]
    assert outcome.ending is Ending.ANSWERED


async def test_a_call_over_tls_records_both_sides_of_the_proxy(tmp_path: Path) -> None:
    """Two Record-Routes with r2, one for each transport; a BYE from the far end comes back through both. Digest with
    SHA-256.
    """
    async with Ear() as ear:
        phone = scenario(
            receives_invite(),
            answers("200 Ok", sdp_port=str(ear.port)),
            receives("ACK"),
            asks("BYE", 1, ROUTES),
            receives_answer(200),
        )
        async with (
            Sipp(phone, tmp_path) as far,
            kamailio(far.port, tmp_path, "SHA-256") as proxy,
            trunk_before(
                proxy.tls_port,
                transport="tls",
                tls_ca_file=proxy.certificate,
                auth_user="alice",
                password=PASSWORD,
            ) as trunk,
        ):
            outcome = await trunk.call()
            await far.succeeds()
    assert outcome.ending is Ending.HUNG_UP


async def test_a_wrong_password_ends_at_the_proxy(tmp_path: Path) -> None:
    """Nothing comes to the far end."""
    phone = scenario(receives_invite())
    async with (
        Sipp(phone, tmp_path) as far,
        kamailio(far.port, tmp_path) as proxy,
        trunk_before(proxy.udp_port, auth_user="alice", password="guess") as trunk,
    ):
        outcome = await trunk.call()
    assert outcome.ending is Ending.CARRIER_DOWN


async def test_a_trunk_registers_at_the_proxy(tmp_path: Path) -> None:
    """Over TLS, with SHA-256; the trunk is ready once it is registered."""
    phone = scenario(receives_invite())
    async with (
        Sipp(phone, tmp_path) as far,
        kamailio(far.port, tmp_path, "SHA-256") as proxy,
        trunk_before(
            proxy.tls_port,
            transport="tls",
            tls_ca_file=proxy.certificate,
            register=True,
            auth_user="alice",
            password=PASSWORD,
        ) as trunk,
    ):
        assert trunk.carrier.ready
