import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.administration.plan import plan_documents
from onema.administration.wanted import Content
from onema.cli.configuration_file import parse_file
from onema.cli.session import Documents
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Proposal
from onema.domain.configuration.rules import problems
from onema.wiring.installation import ThisInstallation

NAMES = st.sampled_from(["acme", "globex", "initech"])


def parse(text: str) -> Content:
    from pathlib import Path

    return parse_file(text, Path(), {})


def carried_out(content: Content, found: Documents, *, prune: bool) -> Documents:
    """The configuration after a plan, as Configure would leave it."""
    plan, problems = plan_documents(content, found, prune=prune)
    assert problems == []
    after = {key: document for key, document in found.items() if key not in plan.remove}
    return after | {(document.kind, document.identity): document for document in plan.documents}


def refused(text: str, found: Documents) -> str:
    """All that is wrong with a file, in the installation as it is."""
    plan, wrong = plan_documents(parse(text), found, prune=False)
    after = Proposal(found, plan.documents, plan.remove).after
    here = ThisInstallation(handset_beside_carriers=False).problems(after)
    return " | ".join(map(str, [*wrong, *problems(after, plan.unreadable), *here]))


@st.composite
def files(draw: st.DrawFn) -> str:
    """Files with accounts, brandnames, templates and pools that come and go, with states or without."""
    lines = []
    for name in draw(st.lists(NAMES, unique=True)):
        lines += ["[[accounts]]", f'name = "{name}"', f"floor = {draw(st.integers(-9, 9))}"]
        lines += draw(st.sampled_from([[], ['state = "inactive"'], ['state = "active"']]))
        for brandname in draw(st.lists(st.sampled_from(["Shop", "Bank"]), unique=True)):
            texts = draw(st.lists(st.sampled_from(["{OTP} a", "{OTP} b"]), unique=True))
            lines += ["[[accounts.brandnames]]", f'name = "{brandname}"', f"templates = {texts}"]
    for name in draw(st.lists(NAMES, unique=True)):
        numbers = draw(st.lists(st.sampled_from(["+84241", "+84242"]), unique=True))
        lines += ["[[hotline_pools]]", f'name = "{name}"', f"hotlines = {numbers}"]
    return "\n".join(lines)


@given(files(), files(), st.booleans())
def test_applying_a_file_twice_changes_nothing_the_second_time(before: str, text: str, prune: bool) -> None:
    """Whatever was configured before, with and without pruning."""
    once = carried_out(parse(text), carried_out(parse(before), {}, prune=False), prune=prune)
    assert carried_out(parse(text), once, prune=prune) == once


def test_a_state_that_the_file_does_not_name_stays() -> None:
    """Who was suspended by hand is not revived by the next run."""
    suspended: Documents = {("account", "acme"): doc.Account(name="acme", state="inactive")}
    assert carried_out(parse("[[accounts]]\nname='acme'"), suspended, prune=False) == suspended
    revived = carried_out(parse("[[accounts]]\nname='acme'\nstate='active'"), suspended, prune=False)
    assert revived == {("account", "acme"): doc.Account(name="acme")}


def test_pruning_removes_only_what_belongs_to_the_accounts_and_pools_of_the_file() -> None:
    """Other accounts, and top-level documents that the file does not name, stay."""
    found: Documents = {
        (document.kind, document.identity): document
        for document in (
            doc.Account(name="acme"),
            doc.Brandname(account="acme", name="Old"),
            doc.Template(account="acme", brandname="Old", text="{OTP}"),
            doc.Account(name="globex"),
            doc.Brandname(account="globex", name="Kept"),
            doc.Carrier(name="handset", type="handset"),
        )
    }
    plan, _ = plan_documents(parse("[[accounts]]\nname='acme'"), found, prune=True)
    assert plan.remove == (("template", "acme/Old/{OTP}"), ("brandname", "acme/Old"))


def test_a_password_that_fits_the_stored_hash_is_no_change() -> None:
    """Hashes are salted, so a new one of the same password would look like a change each time."""
    text = "[[users]]\nname='ann'\npassword='correct horse'"
    once = carried_out(parse(text), {}, prune=False)
    user = once["user", "ann"]
    assert isinstance(user, doc.User)
    assert argon2.PasswordHasher().verify(user.password_hash, "correct horse")
    assert carried_out(parse(text), once, prune=False) == once
    assert carried_out(parse(text.replace("horse", "house")), once, prune=False) != once


def test_a_key_cannot_change_hands() -> None:
    """A copied credential would silently take another account's traffic over."""
    found: Documents = {
        ("credential", "esms/K"): doc.Credential(account="globex", dialect="esms", key="K", secret="S")
    }
    text = "[[accounts]]\nname='acme'\n[[accounts.credentials]]\ndialect='esms'\nkey='K'\nsecret='S'"
    assert "belongs to account 'globex'" in refused(text, found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[accounts]]\nname='a/b'", "a name has up to 64"),
        ("[[accounts]]\nname='a'\ncountries=['Vietnam']", "'Vietnam' is not an ISO country code"),
        ("[[accounts]]\nname='a'\nwindows=[{per='phone', seconds=0, limit=1}]", "at least one second"),
        ("[[tariffs]]\nname='t'\nrates=[{channel='call', price='1', period=0}]", "at least one second"),
        ("[[tariffs]]\nname='t'\nrates=[{channel='sms', price='-1'}]", "must not be negative"),
        ("[[tariffs]]\nname='t'\nrates=[{channel='sms', price='1', prefix='84'}]", "is not a prefix"),
        ("[[carriers]]\nname='c'\ntype='hanset'", "there is no type 'hanset'"),
        ("[[routes]]\nchannel='sms'\ncarrier='c'\nprefix='84'", "is not a prefix"),
        ("[[hotline_pools]]\nname='p'\nhotlines=['Zalo']", "'Zalo' is not a number"),
    ],
)
def test_values_that_nobody_means_are_refused(text: str, complaint: str) -> None:
    """They fit their type, but would only fail later and elsewhere."""
    assert complaint in refused(text, {})


def test_what_is_stored_may_be_kept() -> None:
    """So a file without its secrets can be applied again, wherever they are stored already."""
    found: Documents = {
        (one.kind, one.identity): one
        for one in (
            doc.Account(name="acme"),
            doc.Credential(account="acme", dialect="esms", key="K", secret="ACME-SECRET"),
            doc.Carrier(name="c", type="handset", settings={"login": {"password": "hidden"}, "port": 1}),
            doc.User(name="ann", password_hash="$argon2id$"),
        )
    }
    text = """
        [[accounts]]
        name = "acme"
        credentials = [{ dialect = "esms", key = "K", secret = { stored = true } }]
        [[carriers]]
        name = "c"
        type = "handset"
        settings = { login = { password = { stored = true } }, port = 1 }
        [[users]]
        name = "ann"
        password_hash = { stored = true }
    """
    assert carried_out(parse(text), found, prune=True) == found
    _, wrong = plan_documents(parse(text), {}, prune=False)
    assert [problem.place for problem in wrong] == [
        "accounts[acme].credentials[esms/K].secret",
        "carriers[c].settings.login.password",
        "users[ann].password_hash",
    ]


def test_a_route_leads_only_to_what_can_carry_its_messages() -> None:
    """Calls to no SMSC: they would all fail. The built-in phone takes both."""
    routes = """
[[carriers]]
name = "telco"
type = "smpp"
[carriers.settings]
addresses = ["smsc.example.com"]
system_id = "acme"

[[routes]]
channel = "%s"
carrier = "telco"
"""
    wrong = "routes[call/+/telco].channel: the carrier telco is of a type for sms, not for call"
    assert refused(routes % "call", {}) == wrong
    assert refused(routes % "sms", {}) == ""


def test_no_account_keeps_its_messages_for_longer_than_the_installation() -> None:
    """All lie in the same partitions, and go with them; a negative number is none of days."""
    account = '[[tariffs]]\nname = "default"\n[[accounts]]\nname = "acme"\nkeep_days = '
    assert refused(f"{account}90", {}) == ""
    for days in (91, -1):
        assert "keep_days: it is 0, or 1 to 90 days here" in refused(f"{account}{days}", {})
