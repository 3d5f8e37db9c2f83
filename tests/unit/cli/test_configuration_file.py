from pathlib import Path

import pytest

from onema.cli.configuration_file import Content, FileError, parse_file
from onema.domain import documents as doc


def parse(text: str, folder: Path = Path(), **environment: str) -> Content:
    return parse_file(text, folder, environment)


def test_nested_tables_become_documents_of_their_parents() -> None:
    """A brandname's template knows its brandname and its account."""
    content = parse(
        """
        [[accounts]]
        name = "acme"
        [[accounts.brandnames]]
        name = "Shop"
        templates = ["{OTP} is your code", { text = "Mã {OTP}", fold = false }]
        [[accounts.credentials]]
        dialect = "esms"
        key = "K"
        secret = "S"
        [[accounts.top_ups]]
        reference = "initial"
        amount = 100000
        """
    )
    assert content.documents == {
        ("account", "acme"): doc.Account(name="acme"),
        ("brandname", "acme/Shop"): doc.Brandname(account="acme", name="Shop"),
        ("template", "acme/Shop/{OTP} is your code"): doc.Template(
            account="acme", brandname="Shop", text="{OTP} is your code"
        ),
        ("template", "acme/Shop/Mã {OTP}"): doc.Template(
            account="acme", brandname="Shop", text="Mã {OTP}", fold=False
        ),
        ("credential", "esms/K"): doc.Credential(account="acme", dialect="esms", key="K", secret="S"),
    }
    assert content.top_ups["acme/initial"].amount == "100000"


def test_amounts_may_be_toml_numbers_and_times_toml_times() -> None:
    """Both are kept as the text that was written, never as a rounded float."""
    content = parse(
        """
        [[tariffs]]
        name = "default"
        rates = [{ channel = "sms", price = 850.10 }]
        [[accounts]]
        name = "acme"
        floor = -5
        wallet_expires_at = 2030-01-01T00:00:00+07:00
        """
    )
    assert content.documents["tariff", "default"] == doc.Tariff(
        name="default", rates=(doc.Rate(channel="sms", price="850.10"),)
    )
    assert content.documents["account", "acme"] == doc.Account(
        name="acme", floor="-5", wallet_expires_at="2030-01-01T00:00:00+07:00"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[account]]\nname='a'", "There is no table `account`. Did you mean `accounts`?"),
        ("[[accounts]]\nname='a'\nwalet='prepaid'", "`accounts[a].walet` is unknown. Did you mean `wallet`?"),
        ("[[accounts]]\nname='a'\nnumber=7", "`accounts[a].number` is unknown."),
        (
            "[[accounts]]\nname='a'\n[[accounts.brandnames]]\nname='S'\ntemplate=['x']",
            "`accounts[a].brandnames[S].template` is unknown. Did you mean `templates`?",
        ),
        (
            "[[tariffs]]\nname='t'\nrates=[{channel='call', price='1', perod=6}]",
            "`tariffs[t].rates[0].perod` is unknown. Did you mean `period`?",
        ),
        ("[[accounts]]\nname='a'\nwallet='free'", "`accounts[a].wallet`: invalid enum value 'free'"),
        ("[[routes]]\nchannel='sms'", "`routes[0]`: object missing required field `carrier`"),
        ("[[carriers]]\nname='c'\ntype='handset'\n[[carriers]]\nname='c'\ntype='x'", "is there twice"),
        ("[accounts]\nname='a'", "write `[[accounts]]`"),
        ("accounts = 3 4", "It is not TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, complaint: str) -> None:
    """A typing error names the place in the file and the closest key that exists."""
    with pytest.raises(FileError) as caught:
        parse(text)
    assert complaint in str(caught.value)


def test_secrets_may_be_in_the_environment_or_in_a_file_of_their_own(tmp_path: Path) -> None:
    """So that the file itself can be kept under version control."""
    (tmp_path / "secret").write_text("from a file\n")
    text = """
        [[accounts]]
        name = "acme"
        [[accounts.credentials]]
        dialect = "esms"
        key = "A"
        secret = { env = "ACME" }
        [[accounts.credentials]]
        dialect = "esms"
        key = "B"
        secret = { file = "secret" }
        [[carriers]]
        name = "smsc"
        type = "handset"
        settings = { port = 2775, login = { password = { env = "ACME" } } }
        """
    content = parse(text, tmp_path, ACME="from the environment")
    secrets = {
        key: document.secret
        for key, document in content.documents.items()
        if isinstance(document, doc.Credential)
    }
    assert secrets == {
        ("credential", "esms/A"): "from the environment",
        ("credential", "esms/B"): "from a file",
    }
    carrier = content.documents["carrier", "smsc"]
    assert isinstance(carrier, doc.Carrier)
    assert carrier.settings == {"port": 2775, "login": {"password": "from the environment"}}


def test_a_secret_that_is_not_where_the_file_says_is_refused(tmp_path: Path) -> None:
    """The place and the missing variable or file are named."""
    with pytest.raises(FileError, match="no variable NOWHERE"):
        parse("[[users]]\nname='u'\npassword={env='NOWHERE'}")
    with pytest.raises(FileError, match="missing cannot be read"):
        parse("[[users]]\nname='u'\npassword={file='missing'}", tmp_path)
