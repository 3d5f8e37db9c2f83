import hypothesis.strategies as st
import pytest
from hypothesis import given

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.records import Channel
from onema.domain.refusals import Refused
from onema.domain.values.phone import Phone

NAMES = st.sampled_from(["a", "b", "c"])
STATES = st.sampled_from(["active", "inactive"])
DOCUMENTS = st.one_of(
    st.builds(lambda name, state: doc.Account(name=name, number=ord(name), state=state), NAMES, STATES),
    st.builds(
        lambda account, key, state: doc.Credential(
            account=account, dialect="esms", key=key, secret="s", state=state
        ),
        NAMES,
        NAMES,
        STATES,
    ),
    st.builds(
        lambda account, name, appid: doc.Application(account=account, name=name, appid=f"{account}{appid}"),
        NAMES,
        NAMES,
        NAMES,
    ),
    st.builds(lambda account, name: doc.Brandname(account=account, name=name), NAMES, NAMES),
    st.builds(
        lambda account, brandname, word, state: doc.Template(
            account=account, brandname=brandname, text=f"{word} {{OTP}}", state=state
        ),
        NAMES,
        NAMES,
        NAMES,
        STATES,
    ),
    st.builds(
        lambda name, price: doc.Tariff(name=name, rates=(doc.Rate(channel="sms", price=str(price)),)),
        st.just("default"),
        st.integers(1, 3),
    ),
    st.builds(lambda name, state: doc.HotlinePool(name=name, state=state), NAMES, STATES),
    st.builds(lambda pool, number: doc.Hotline(pool=pool, number=f"0{number}"), NAMES, st.integers(100, 102)),
    st.builds(lambda name: doc.Carrier(name=name, type="handset"), NAMES),
    st.builds(lambda name, order: doc.Route(channel="sms", carrier=name, priority=order), NAMES, st.integers(0, 2)),
    st.builds(lambda name: doc.User(name=name, password_hash=""), NAMES),
)  # fmt: skip
CHANGES = st.lists(st.lists(st.tuples(DOCUMENTS, st.booleans()), max_size=4), max_size=8)


def shown(directory: Directory) -> object:
    """All that can be looked up in a snapshot, as plain values."""
    accounts = {
        number: (
            view.document,
            view.active,
            {name: (one.active, one.templates) for name, one in view.brandnames.items()},
            {name: one.document for name, one in view.applications.items()},
            price(directory, number),
        )
        for number, view in directory.accounts.items()
    }
    return (
        directory.revision,
        dict(directory.documents),
        accounts,
        {name: view.id for name, view in directory.account_named.items()},
        {
            key: (one.key, one.active, one.account.id, one.application and one.application.document)
            for key, one in directory.credentials.items()
        },
        {key: (account.id, one.name) for key, (account, one) in directory.application_with_appid.items()},
        {name: (pool.active, sorted(map(repr, pool.hotlines))) for name, pool in directory.pools.items()},
        directory.carriers,
        sorted(map(repr, directory.routes)),
        directory.users,
    )


def price(directory: Directory, number: int) -> int:
    try:
        return directory.rate(directory.accounts[number], Channel.SMS, Phone("+84901234567"))[0]
    except Refused:
        return 0


@given(CHANGES)
def test_a_changed_snapshot_is_the_one_that_would_be_built_of_all_its_documents(
    changes: list[list[tuple[doc.Document, bool]]],
) -> None:
    """Whatever came, changed, moved or went; and the snapshot before says what it always said."""
    directory = Directory({})
    documents: dict[tuple[str, str], doc.Document] = {}
    for revision, change in enumerate(changes, 1):
        before = shown(directory)
        changed = {
            (document.kind, document.identity): document if stays else None for document, stays in change
        }
        after = directory.replace(changed, revision)
        documents.update({key: document for key, document in changed.items() if document is not None})
        for key, document in changed.items():
            if document is None:
                documents.pop(key, None)
        assert shown(after) == shown(Directory(documents, revision))
        assert shown(directory) == before
        directory = after


def two_accounts() -> Directory:
    documents: list[doc.Document] = [
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
        *(doc.Account(name=name, number=number) for number, name in enumerate(("one", "two"), 1)),
        *(doc.Brandname(account=name, name="Brand") for name in ("one", "two")),
        *(doc.Template(account=name, brandname="Brand", text="{OTP}") for name in ("one", "two")),
    ]
    return Directory({(document.kind, document.identity): document for document in documents})


def test_a_change_of_one_account_makes_nothing_of_another_anew() -> None:
    """With thousands of accounts a change must cost what one account costs."""
    before = two_accounts()
    untouched = before.account_named["two"]
    brandname = before.account_named["one"].brandnames["Brand"]
    suspended = doc.Account(name="one", number=1, state="inactive")
    after = before.replace({("account", "one"): suspended}, 2)
    assert after.account_named["two"] is untouched
    assert not after.account_named["one"].active
    assert after.account_named["one"].brandnames["Brand"] is brandname


def test_a_new_price_holds_for_every_account_at_once() -> None:
    """Thousands may share a tariff: none of them is made anew for it."""
    before = two_accounts()
    views = [before.accounts[1], before.accounts[2]]
    dearer = doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="900"),))
    after = before.replace({("tariff", "default"): dearer}, 2)
    assert [after.accounts[1], after.accounts[2]] == views
    assert (price(before, 1), price(after, 1), price(after, 2)) == (850_0000, 900_0000, 900_0000)


def test_of_two_templates_that_fit_every_snapshot_takes_the_same() -> None:
    """One node read them in the order of the store, another as they were added."""
    texts = ("{P1,9} {OTP}", "ma {OTP}")
    templates = [doc.Template(account="one", brandname="Brand", text=text) for text in texts]
    for added in (templates, templates[::-1]):
        directory = two_accounts()
        for template in added:
            directory = directory.replace({("template", template.identity): template}, 2)
        found = directory.account_named["one"].brandnames["Brand"].allowed("ma {OTP}", 6)
        assert found is not None
        assert found.template.text == "ma {OTP}"


@pytest.mark.parametrize(
    "document",
    [
        doc.Template(account="one", brandname="Brand", text="no {brace"),
        doc.Account(name="one", number=1, wallet_expires_at="soon"),
        doc.Brandname(account="nobody", name="Brand"),
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="dear"),)),
    ],
)
def test_what_cannot_be_used_is_found_before_anybody_needs_it(document: doc.Document) -> None:
    """Views are made late: a node that takes up a change proves what changed first."""
    key = (document.kind, document.identity)
    after = two_accounts().replace({key: document}, 2)
    with pytest.raises((LookupError, ValueError, Refused)):
        after.prove([key])
