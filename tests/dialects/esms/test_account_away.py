from onema.dialects.esms.auth import authenticate
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.refusals import Refusal
from onema.engine.refusals import Asking


def test_a_key_whose_account_moved_to_another_cell_is_told_to_try_again() -> None:
    """It must not hear that the key is unknown, which its program would take for an end."""
    account = doc.Account(name="acme", number=1, moved_to="south")
    key = doc.Credential(account="acme", dialect="esms", key="KEY", secret="SECRET")
    directory = Directory({(one.kind, one.identity): one for one in (account, key)})
    asking = Asking("esms", "203.0.113.7")
    refused = authenticate(directory, {"apikey": "KEY", "secretkey": "SECRET"}, asking)
    assert (refused, asking.detail) == (Refusal.STORE_UNAVAILABLE, "it lives in the cell south")
