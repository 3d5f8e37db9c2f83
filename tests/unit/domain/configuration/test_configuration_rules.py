import msgspec
import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.rules import After, problems

ACME = doc.Account(name="acme")
BASE = (
    doc.Tariff(name="default"),
    ACME,
    doc.HotlinePool(name="hanoi"),
    doc.Carrier(name="phone", type="handset"),
)


def keyed(*documents: doc.Document) -> dict[tuple[str, str], doc.Document | None]:
    return {(document.kind, document.identity): document for document in documents}


def wrong(
    *changed: doc.Document, stored: tuple[doc.Document, ...] = (), remove: tuple[tuple[str, str], ...] = ()
) -> list[str]:
    """All that is wrong with a change of what is stored beside the base."""
    before = {key: document for key, document in keyed(*BASE, *stored).items() if document is not None}
    return list(map(str, problems(After(before, {**keyed(*changed), **dict.fromkeys(remove)}))))


def test_the_base_of_these_tests_holds_together() -> None:
    """Otherwise they would show nothing."""
    assert wrong(*BASE) == []


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (
            doc.Application(account="acme", name="otp", pool="hanoy"),
            "accounts[acme].applications[otp].pool: there is no hotline pool 'hanoy'; did you mean 'hanoi'? "
            "there are: hanoi",
        ),
        (
            doc.Account(name="shop", tariff="defualt"),
            "accounts[shop].tariff: there is no tariff 'defualt'; did you mean 'default'?",
        ),
        (
            doc.Route(channel="sms", carrier="fone", prefix="+84"),
            "routes[sms/+84/fone].carrier: there is no carrier 'fone'",
        ),
        (
            doc.Credential(account="acme", dialect="esms", key="K", secret="12345678", application="otp"),
            "accounts[acme].credentials[esms/K].application: there is no application 'otp'",
        ),
    ],
)
def test_who_names_what_is_not_there_is_told_what_is(document: doc.Document, complaint: str) -> None:
    """With the closest name, so that a typing error is seen at once."""
    (problem,) = wrong(document)
    assert problem.startswith(complaint)


def test_what_others_name_cannot_be_taken_away() -> None:
    """The place is that of who would be left behind."""
    otp = doc.Application(account="acme", name="otp", pool="hanoi")
    (problem,) = wrong(stored=(otp,), remove=(("hotline_pool", "hanoi"),))
    place = "accounts[acme].applications[otp].pool"
    assert problem == f"{place}: it names the hotline pool 'hanoi', which would be removed"
    assert wrong(stored=(otp,), remove=(("hotline_pool", "hanoi"), ("application", "acme/otp"))) == []


def test_one_number_spelled_in_two_ways_is_refused() -> None:
    """Calls are counted by the number as it is written: it would have two daily caps."""
    spelled = [
        doc.Hotline(pool="hanoi", number=number)
        for number in ("+842471000003", "02471000003", "842471000003")
    ]
    other = doc.Hotline(pool="hanoi", number="02471000004")
    assert wrong(spelled[0], other) == []
    for twice in spelled[1:]:
        (problem,) = wrong(twice, other, stored=(spelled[0],))
        assert problem.startswith(f"hotline_pools[hanoi].hotlines[{twice.number}]: ")
        assert "is +842471000003, spelled another way" in problem


def test_a_templates_name_is_its_own_in_its_account() -> None:
    """An API that asks for it must get one text."""
    one = doc.Template(account="acme", brandname="Shop", text="{OTP} la ma", name="22575")
    brandnames = doc.Brandname(account="acme", name="Shop"), doc.Brandname(account="other", name="Shop")
    accounts = doc.Account(name="acme"), doc.Account(name="other")
    shared = doc.Template(account="acme", brandname="Shop", text="{OTP} la code", name="22575")
    elsewhere = doc.Template(account="other", brandname="Shop", text="{OTP} la ma", name="22575")
    assert wrong(one, elsewhere, stored=(*accounts, *brandnames)) == []
    (problem,) = wrong(shared, stored=(*accounts, *brandnames, one))
    assert "2 templates of the account share the name '22575'" in problem
    (problem,) = wrong(msgspec.structs.replace(one, name="no name"), stored=(*accounts, *brandnames))
    assert "'no name' does not" in problem


def test_every_problem_of_a_change_is_told() -> None:
    """Of one document and of all of them with each other."""
    first = doc.Application(account="acme", name="a", appid="7", callback_url="hello", call_state_url="hello")
    second = doc.Application(account="acme", name="b", appid="7", pool="none")
    found = wrong(
        first, second, doc.Brandname(account="acme", name="Shop "), doc.Account(name="x", floor="NaN")
    )
    assert [problem.partition(":")[0] for problem in found] == [
        "accounts[acme].applications[a].callback_url",
        "accounts[acme].applications[a].call_state_url",
        "accounts[acme].applications[b].pool",
        "accounts[acme].brandnames[Shop ].name",
        "accounts[x].floor",
        "accounts[acme].applications[b].appid",
    ]


def test_what_was_stored_under_older_rules_stands_in_nobodys_way() -> None:
    """Only what changes is looked at: whoever adds an account need not mend another's first."""
    old = doc.Account(name="old", callback_url="hello")
    assert wrong(doc.Account(name="new"), stored=(old,)) == []
    assert len(wrong(doc.Account(name="old", callback_url="hello", country="VN"), stored=(old,))) == 1


def test_unreadable_documents_are_not_missed() -> None:
    """Whoever names a document that has a problem of its own is not blamed for it."""
    template = keyed(doc.Template(account="acme", brandname="Shop", text="{OTP}"))
    before = {key: document for key, document in keyed(*BASE).items() if document is not None}
    assert len(list(problems(After(before, template)))) == 1
    assert list(problems(After(before, template), {("brandname", "acme/Shop")})) == []
