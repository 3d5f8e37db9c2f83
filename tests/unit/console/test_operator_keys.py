"""Keys of operators' programs on the page about people: docs/api.md."""

import re

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import operator_secret_hash

from .office import Office

PEOPLE = "/console/people"


async def test_an_owner_makes_switches_and_forgets_a_key(office: Office) -> None:
    """Its secret is shown once; a name is given once."""
    await office.desk.log_in("lan")
    fields = {"name": "deploy", "role": "operator", "scopes": "documents,money"}
    page = (await office.submit(PEOPLE, "make-operator-key", 200, **fields)).text
    secret = re.search(r'<code id="made-secret">(\w+)</code>', page)
    made = office.document(doc.OperatorKey, "deploy")
    assert made is not None
    assert secret is not None
    assert made.secret_hash == operator_secret_hash(secret[1].encode())
    assert (made.role, made.scopes) == ("operator", ("documents", "money"))
    later = await office.page(PEOPLE)
    assert secret[1] not in later
    assert "documents, money" in later
    again = await office.submit(PEOPLE, "make-operator-key", 422, **fields)
    assert "There is a key of this name already." in again.text
    await office.submit(PEOPLE, "key-switch", key="deploy")
    switched = office.document(doc.OperatorKey, "deploy")
    assert switched is not None
    assert (switched.state, switched.secret_hash) == ("inactive", made.secret_hash)
    await office.submit(PEOPLE, "key-forget", key="deploy")
    assert office.document(doc.OperatorKey, "deploy") is None


@pytest.mark.parametrize(
    ("fields", "status"), [({"role": "admin"}, 422), ({"scopes": "all"}, 422), ({"name": "a b"}, 422)]
)
async def test_what_is_no_key_is_not_made(office: Office, fields: dict[str, str], status: int) -> None:
    """With what is wrong at its field."""
    await office.desk.log_in("lan")
    form = {"name": "deploy", "role": "operator", **fields}
    await office.submit(PEOPLE, "make-operator-key", status, **form)


@pytest.mark.parametrize("name", ["tam", "mai", "chi"])
async def test_nobody_else_makes_one(office: Office, name: str) -> None:
    """An operator and a viewer see the keys there are, customers do not even see that there are any."""
    key = doc.OperatorKey(name="deploy", secret_hash="sha256:0")
    await office.core.configure(key)
    await office.desk.log_in(name)
    page = await office.page(PEOPLE)
    assert ("deploy" in page) is (name != "chi")
    assert "make-operator-key" not in page
    for do, fields in (
        ("make-operator-key", {"name": "mine", "role": "owner"}),
        ("key-switch", {"key": "deploy"}),
        ("key-forget", {"key": "deploy"}),
    ):
        answer = await office.desk.post(PEOPLE, {"do": do, **fields})
        assert answer.status in (403, 404, 422), do
    assert list(office.core.gateway.directory.operator_keys.values()) == [key]
