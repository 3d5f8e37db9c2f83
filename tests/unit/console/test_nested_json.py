"""What strangers send to the door, nested as deeply as no decoder goes: it is nothing, and no fault."""

import base64

import pytest

from onema.console.door.session import COOKIE, KNOWN_COOKIE

from .desk import PASSWORD
from .office import Office

NESTED = '["lan","id",1,' + "[" * 5_000


@pytest.mark.parametrize("cookie", [COOKIE, KNOWN_COOKIE, "onema_step", "onema_challenge", "onema_provider"])
async def test_a_cookie_that_is_nested_too_deeply_is_none(office: Office, cookie: str) -> None:
    """Whoever brings it is not in, and may log in."""
    value = base64.urlsafe_b64encode(NESTED.encode()).decode()
    headers = {"cookie": f'{cookie}="{value}.c2lnbmVk"'}
    assert (await office.desk.get("/console/you", **headers)).status == 303
    assert (await office.desk.get("/login/second", **headers)).status == 303
    login = {"name": "lan", "password": PASSWORD}
    assert (await office.desk.post("/login", login, **headers)).status == 303


async def test_a_passkey_that_is_nested_too_deeply_is_none(office: Office) -> None:
    """Nobody needs a login to send one."""
    body = b'{"name":' + b"[" * 100_000
    assert (await office.desk.post_bytes("/login/passkey", body, "application/json")).status == 400
