"""The console's page about brandnames and templates: docs/operations/console.md."""

import re
from urllib.parse import quote

import pytest

from onema.domain.configuration import documents as doc

from .office import Office

PAGE = "/console/senders?account=acme"
OTHERS = "/console/senders?account=rival"
TEXT = "{OTP} is your code for {P1,10}"


def _brandname(office: Office, name: str = "SHOP", account: str = "acme") -> doc.Brandname | None:
    return office.document(doc.Brandname, f"{account}/{name}")


def _template(office: Office, text: str = TEXT) -> doc.Template | None:
    return office.document(doc.Template, f"acme/ACME/{text}")


async def test_a_customer_asks_and_an_operator_approves(office: Office) -> None:
    """Until then nothing is sent; the page says how it stands. The same for a text of it."""
    await office.desk.log_in("hoa")
    await office.submit(PAGE, "brandname", name="SHOP")
    await office.submit(
        PAGE, "template", brandname="ACME", text=TEXT, name="welcome", fold="yes", spoken="yes"
    )
    for found in (_brandname(office), _template(office)):
        assert found is not None
        assert (found.approval, found.state) == ("requested", "inactive")
    page = await office.page(PAGE)
    assert page.count('class="state requested"') == 2
    assert 'value="approve"' not in page
    await office.desk.log_in("tam")
    await office.submit(PAGE, "approve", brandname="SHOP")
    await office.submit(PAGE, "approve", brandname="ACME", text=TEXT)
    for found in (_brandname(office), _template(office)):
        assert found is not None
        assert (found.approval, found.state) == ("approved", "active")
    template = _template(office)
    assert template is not None
    assert (template.name, template.fold, template.spoken) == ("welcome", True, True)


async def test_an_operator_refuses_with_a_reason(office: Office) -> None:
    """Which the customer reads, and without which nothing is refused."""
    await office.desk.log_in("hoa")
    await office.submit(PAGE, "brandname", name="SHOP")
    await office.desk.log_in("tam")
    again = await office.submit(PAGE, "refuse", 422, brandname="SHOP")
    assert "Say why, for whoever asked." in again.text
    found = _brandname(office)
    assert found is not None
    assert found.approval == "requested"
    await office.submit(PAGE, "refuse", brandname="SHOP", because="It is a bank's")
    await office.desk.log_in("bao")
    assert "It is a bank&#39;s" in await office.page(PAGE)


async def test_what_an_operator_makes_may_be_sent_at_once(office: Office) -> None:
    """And is not made twice."""
    await office.desk.log_in("tam")
    await office.submit(PAGE, "brandname", name="SHOP", expires_at="2027-12-31")
    found = _brandname(office)
    assert found is not None
    assert (found.approval, found.state, found.expires_at) == ("approved", "active", "2027-12-31")
    again = await office.submit(PAGE, "brandname", 422, name="SHOP")
    assert "This is there already." in again.text


async def test_what_is_switched_off_is_not_sent_and_what_is_removed_is_gone(office: Office) -> None:
    """By its own customer, too."""
    text = "{OTP} is your code"
    await office.desk.log_in("hoa")
    for do, state in (("off", "inactive"), ("on", "active")):
        await office.submit(PAGE, do, brandname="ACME")
        await office.submit(PAGE, do, brandname="ACME", text=text)
        brandname, template = _brandname(office, "ACME"), _template(office, text)
        assert brandname is not None
        assert template is not None
        assert (brandname.state, template.state) == (state, state)
    kept = await office.submit(PAGE, "remove", 422, brandname="ACME")
    assert 'role="alert"' in kept.text
    await office.submit(PAGE, "remove", brandname="ACME", text=text)
    await office.submit(PAGE, "remove", brandname="ACME")
    assert (_template(office, text), _brandname(office, "ACME")) == (None, None)


async def test_the_registry_is_told_by_country_and_carrier(office: Office) -> None:
    """Each once; an unknown country is refused at its field."""
    await office.desk.log_in("tam")
    for status in ("filed", "approved"):
        await office.submit(
            PAGE, "register", brandname="ACME", country="cn", carrier="", status=status, expires_at=""
        )
    await office.submit(
        PAGE,
        "register",
        brandname="ACME",
        country="VN",
        carrier="gw-north",
        status="pending",
        expires_at="2027-01-01",
    )
    found = _brandname(office, "ACME")
    assert found is not None
    assert [(one.country, one.carrier, one.status) for one in found.registrations] == [
        ("CN", "", "approved"),
        ("VN", "gw-north", "pending"),
    ]
    for country, status, said in (
        ("XX", "filed", 'id="register-1-country-error">Write the two letters of a country, such as VN.'),
        ("CN", "hoped for", 'id="register-1-status-error">There is no'),
    ):
        again = await office.submit(
            PAGE, "register", 422, brandname="ACME", country=country, carrier="", status=status, expires_at=""
        )
        assert said in again.text
    await office.submit(
        PAGE, "register", brandname="ACME", country="CN", carrier="", status="none", expires_at=""
    )
    found = _brandname(office, "ACME")
    assert found is not None
    assert len(found.registrations) == 1


@pytest.mark.parametrize(
    ("name", "do", "fields"),
    [
        ("mai", "brandname", {"name": "SHOP"}),
        ("bao", "brandname", {"name": "SHOP"}),
        ("bao", "remove", {"brandname": "ACME"}),
        ("bao", "template", {"brandname": "ACME", "text": TEXT}),
    ],
)
async def test_a_viewer_changes_nothing(office: Office, name: str, do: str, fields: dict[str, str]) -> None:
    """Neither of an account nor of all, and no page offers it."""
    await office.desk.log_in(name)
    assert 'method="post"' not in (await office.page(PAGE)).split("<main")[1]
    await office.submit(PAGE, do, 404, **fields)
    assert (_brandname(office), _template(office)) == (None, None)
    assert _brandname(office, "ACME") is not None


@pytest.mark.parametrize("name", ["hoa", "chi"])
async def test_a_customer_approves_nothing_and_registers_nothing(office: Office, name: str) -> None:
    """Whatever the form says."""
    await office.desk.log_in(name)
    await office.submit(PAGE, "brandname", name="SHOP")
    for do, fields in (
        ("approve", {}),
        ("on", {}),
        ("refuse", {"because": "no"}),
        ("register", {"country": "CN", "carrier": "", "status": "approved", "expires_at": ""}),
    ):
        await office.submit(PAGE, do, 422, brandname="SHOP", **fields)
    found = _brandname(office)
    assert found is not None
    assert (found.approval, found.state, found.registrations) == ("requested", "inactive", ())


async def test_a_customer_reaches_no_other_account(office: Office) -> None:
    """The page that the address names is the own one all the same."""
    await office.desk.log_in("hoa")
    await office.submit(OTHERS, "brandname", name="SHOP")
    assert _brandname(office, account="rival") is None
    await office.submit(OTHERS, "remove", 404, brandname="RIVAL")
    await office.submit(OTHERS, "off", 404, brandname="RIVAL", text="{OTP} is your code")
    assert _brandname(office, "RIVAL", "rival") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{OTP} is your code", "It fits this template:"),
        (
            "{OTP} is your coat",
            "They differ from character 17 on: the template goes on with “de”, the text with “at”.",
        ),
        ("hello", "It fits no template."),
        ("x" * 6_001, "The text is too long or cannot be sent."),
    ],
)
async def test_a_text_is_tried(office: Office, text: str, said: str) -> None:
    """Against the templates of the brandname; nothing is sent."""
    await office.desk.log_in("bao")
    page = await office.page(f"{PAGE}&brandname=ACME&text={quote(text)}")
    assert said in page


async def test_a_text_is_priced(office: Office) -> None:
    """By its segments and the account's price list; with what makes it dear, and what plain letters would save."""
    await office.desk.log_in("bao")
    text = "{OTP} là mã của bạn" + " rất" * 20
    page = await office.page(f"{PAGE}&brandname=ACME&to=%2B84&text={quote(text)}")
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)(?: <small>.*?)?</dd>", page))
    assert facts["Segments"] == "2"
    assert facts["Alphabet"] == "UCS-2"
    assert facts["Price"] == "1700 VND"
    assert facts["With plain letters"] == "1 segments"
    assert "There is no price for this number." in await office.page(f"{PAGE}&to=%2B1&text=hi")
    assert "This is not a phone number." in await office.page(f"{PAGE}&to=twelve&text=hi")


async def test_a_page_of_many_templates_stays_small(office: Office) -> None:
    """Under 100 kB with as many as an account has."""
    await office.core.configure(
        *(
            doc.Template(account="acme", brandname="ACME", text=f"{{OTP}} is code {n} of your shop")
            for n in range(60)
        )
    )
    await office.desk.log_in("tam")
    assert len(await office.page(PAGE)) < 100_000
