"""Both clients against a server that runs."""

from collections.abc import Iterator

import pytest

from onema.client import InvalidRequest, NotAuthenticated, NotFound
from onema.testing.running_server import RunningServer, eventually

from .asking import Asking, both_clients


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("client") / "data", "demo") as server:
        yield server


def client(kind: str, server: RunningServer) -> Asking:
    keys = server.credentials("native")
    return Asking(kind, f"http://127.0.0.1:{server.port}", keys["key"], keys["secret"])


def code_of(server: RunningServer, phone: str) -> str:
    """What the phone got."""
    found = eventually(lambda: server.json("/handset/messages", to=phone))
    return str(found[0]["code"])


@both_clients
def test_a_code_is_sent_and_checked(kind: str, server: RunningServer) -> None:
    """And its story read."""
    ask, phone = client(kind, server), {"blocking": "+84901888401", "awaiting": "+84901888402"}[kind]
    begun = ask("create_verification", to=phone, purpose="login", reference="order 7")
    assert (begun.status, begun.to, begun.purpose) == ("pending", phone, "login")
    code = code_of(server, phone)
    assert not ask("check_verification", begun.id, code="000" if code != "000" else "111").valid
    assert ask("check_verification", begun.id, code=code).valid
    told = ask("get_verification", begun.id)
    assert (told.status, told.reference, told.expires_at) == ("verified", "order 7", begun.expires_at)
    assert "verified" in [moment.event for moment in told.timeline]
    assert ask("cancel_verification", begun.id).status == "verified"


@both_clients
def test_one_key_sends_one_code(kind: str, server: RunningServer) -> None:
    """A caller who names it may ask again after a crash of its own."""
    ask, phone = client(kind, server), {"blocking": "+84901888403", "awaiting": "+84901888404"}[kind]
    first = ask("create_verification", to=phone, idempotency_key=f"{kind} 1")
    again = ask("create_verification", to=phone, idempotency_key=f"{kind} 1")
    assert again == first
    with pytest.raises(InvalidRequest) as raised:
        ask("create_verification", to=phone, purpose="login", idempotency_key=f"{kind} 1")
    assert raised.value.name == "idempotency_key_reused"


@both_clients
def test_the_wallet_and_a_preview(kind: str, server: RunningServer) -> None:
    """Operations of another tag."""
    ask = client(kind, server)
    assert ask("get_balance").currency == "VND"
    assert ask("preview_sms", text="Don’t share {OTP}", to="+84").preview["encoding"] == "ucs2"


@both_clients
def test_what_the_server_refuses_is_an_exception(kind: str, server: RunningServer) -> None:
    """With the name and the place that the page of the API has."""
    ask = client(kind, server)
    with pytest.raises(InvalidRequest) as invalid:
        ask("create_verification", to="12")
    assert invalid.value.name == "phone_invalid"
    with pytest.raises(InvalidRequest) as unfit:
        ask("create_verification", to="+84901888484", ttl=3)
    assert unfit.value.pointer == "/ttl"
    with pytest.raises(NotFound):
        ask("get_verification", "1")
    with pytest.raises(NotAuthenticated):
        Asking(kind, f"http://127.0.0.1:{server.port}")("get_balance")
