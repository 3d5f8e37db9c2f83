import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from onema.administration.plan import plan_documents
from onema.cli.configuration_file import parse_file
from onema.cli.toml_file import toml_file
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Proposal
from onema.testing.recording_type import RECORDING, recording_type
from onema.wiring.installation import masked

NAMES = st.sampled_from(["acme", "globex"])
TEXTS = st.text(max_size=20) | st.sampled_from(
    ['"', "\\", "a\tb\nc\r", "\x1b[31m", "\u202e", "{ env = 'X' }", "\U000e0001"]
)
SEVERAL = st.lists(TEXTS, max_size=3).map(tuple)
STATES = st.sampled_from(["active", "inactive"])
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SETTINGS = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["host", "env", "file", "stored", "password", "a b"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
DOCUMENTS = st.one_of(
    st.builds(
        doc.Account,
        name=NAMES,
        state=STATES,
        countries=SEVERAL,
        windows=st.none()
        | st.lists(
            st.builds(doc.WindowLimit, per=st.just("phone"), seconds=NUMBERS, limit=NUMBERS), max_size=2
        ).map(tuple),
        floor=TEXTS,
        credit_limit=st.none() | TEXTS,
        callback_url=TEXTS,
        registered=st.dictionaries(TEXTS, TEXTS, max_size=2),
    ),
    st.builds(doc.Credential, account=NAMES, dialect=NAMES, key=TEXTS, secret=TEXTS, state=STATES),
    st.builds(
        doc.Application,
        account=NAMES,
        name=NAMES,
        voice_code=st.booleans(),
        sentence=st.none() | TEXTS,
        pool=TEXTS,
    ),
    st.builds(doc.Brandname, account=NAMES, name=st.just("Shop"), state=STATES, expires_at=TEXTS),
    st.builds(
        doc.Template, account=NAMES, brandname=st.just("Shop"), text=TEXTS, fold=st.booleans(), state=STATES
    ),
    st.builds(
        doc.Tariff,
        name=NAMES,
        rates=st.lists(
            st.builds(
                doc.Rate, channel=st.sampled_from(["sms", "call"]), price=TEXTS, prefix=TEXTS, period=NUMBERS
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(doc.HotlinePool, name=NAMES, state=STATES),
    st.builds(doc.Hotline, pool=NAMES, number=TEXTS, state=STATES, daily_cap=NUMBERS),
    st.builds(
        doc.Carrier,
        name=NAMES,
        type=NAMES | st.just(RECORDING),
        capacity=NUMBERS,
        settings=st.dictionaries(st.sampled_from(["host", "secret", "env", "file"]), SETTINGS, max_size=3),
    ),
    st.builds(doc.Route, channel=st.just("sms"), carrier=NAMES, prefix=TEXTS, priority=NUMBERS),
    st.builds(doc.User, name=NAMES, password_hash=TEXTS, state=STATES, logouts=st.integers(0, 9)),
)
PARENTS = (
    *(doc.Account(name=name, number=number) for number, name in enumerate(("acme", "globex"), 1)),
    *(doc.Brandname(account=name, name="Shop") for name in ("acme", "globex")),
    *(doc.HotlinePool(name=name) for name in ("acme", "globex")),
)


@given(st.lists(DOCUMENTS, max_size=12))
def test_what_was_exported_changes_nothing_when_it_is_applied(documents: list[doc.Document]) -> None:
    """Whatever is stored, odd texts and settings among it, and with --prune too."""
    stored = {(one.kind, one.identity): one for one in (*PARENTS, *documents)}
    with recording_type():
        text = "\n".join(toml_file(masked(one) for one in stored.values()))
    content = parse_file(text, Path(), {})
    assert content.problems == []
    request, wrong = plan_documents(content, stored, prune=True)
    assert wrong == []
    changes = Proposal(stored, request.documents, request.remove).changes
    assert {change.what for change in changes} == {"unchanged"}
    assert len(changes) == len(stored)


def test_secrets_are_not_exported() -> None:
    """Nor those among a carrier's settings, nor any setting of a type that is unknown here; and a terminal is given no
    orders.
    """
    settings = {"host": "\x1b[31m", "password": "HIDDEN-2", "headers": [{"name": "A", "value": "HIDDEN-3"}]}
    documents = (
        doc.Account(name="acme"),
        doc.Credential(account="acme", dialect="esms", key="K", secret="HIDDEN-1"),
        doc.Carrier(name="c", type=RECORDING, settings=settings),
        doc.Carrier(name="d", type="unknown", settings={"login": {"user": "HIDDEN-4"}, "keys": ["HIDDEN-5"]}),
        doc.User(name="ann", password_hash="HIDDEN-6"),
    )
    with recording_type():
        text = "\n".join(toml_file(documents))
    assert "HIDDEN" not in text
    assert text.count("{ stored = true }") == 6
    assert '[{ name = "A", value = { stored = true } }]' in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
