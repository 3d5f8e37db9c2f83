from pathlib import Path

import pytest

from onema.administration.wanted import Content
from onema.cli.configuration_file import FileError, parse_file
from onema.domain.configuration import documents as doc


def parse(text: str, folder: Path = Path(), **environment: str) -> Content:
    """What a file asks for; all that is wrong with it is raised."""
    content = parse_file(text, folder, environment)
    if content.problems:
        raise FileError(" | ".join(map(str, content.problems)))
    return content


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
        ("[[account]]\nname='a'", "account: there is no such table; did you mean 'accounts'?"),
        (
            "[[accounts]]\nname='a'\nwalet='prepaid'",
            "accounts[a].walet: it is unknown; did you mean 'wallet'?",
        ),
        ("[[accounts]]\nname='a'\nnumber=7", "accounts[a].number: it is unknown"),
        (
            "[[accounts]]\nname='a'\n[[accounts.brandnames]]\nname='S'\ntemplate=['x']",
            "accounts[a].brandnames[S].template: it is unknown; did you mean 'templates'?",
        ),
        (
            "[[tariffs]]\nname='t'\nrates=[{channel='call', price='1', perod=6}]",
            "tariffs[t].rates[0].perod: it is unknown; did you mean 'period'?",
        ),
        (
            "[[accounts]]\nname='a'\nwallet='free'",
            "accounts[a].wallet: there is no wallet 'free'; there are: prepaid, postpaid",
        ),
        ("[[routes]]\nchannel='sms'", "routes[0].carrier: it is missing"),
        ("[[carriers]]\nname='c'\ntype='handset'\n[[carriers]]\nname='c'\ntype='x'", "is there twice"),
        ("[accounts]\nname='a'", "write [[accounts]]"),
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
    with pytest.raises(FileError, match="environment variable NOWHERE is not set"):
        parse("[[users]]\nname='u'\npassword={env='NOWHERE'}")
    with pytest.raises(FileError, match="missing cannot be read"):
        parse("[[users]]\nname='u'\npassword={file='missing'}", tmp_path)


def test_every_problem_of_a_file_is_told_with_its_place() -> None:
    """Of types, of values, and of what is missing, in one run."""
    content = parse_file(
        """
        [[accounts]]
        name = "shop"
        wallet = "pre-paid"
        windows = [{ per = "phon", seconds = 60.5, limit = 5, burst = 2 }]
        credentials = [
            { dialect = "esms", key = "A", secret = { env = "A" } },
            { dialect = "esms", key = "B", secret = { env = "B" } },
            { dialect = "esms", key = "C", secret = true },
        ]
        brandnames = [{ name = "Shop", expires_at = 07:30:00, templates = [5, "{OTP}"] }]
        [[routes]]
        channel = "fax"
        carrier = "gw"
        [[users]]
        name = "ann"
        password = "1234567"
        """,
        Path(),
        {"B": ""},
    )
    told = {problem.place: problem.sentence for problem in content.problems}
    assert told == {
        "accounts[shop].wallet": "there is no wallet 'pre-paid'",
        "accounts[shop].windows[0].per": "there is no per 'phon'",
        "accounts[shop].windows[0].seconds": "it must be a whole number, not 60.5",
        "accounts[shop].windows[0].burst": "it is unknown",
        "accounts[shop].credentials[esms/A].secret": "the environment variable A is not set",
        "accounts[shop].credentials[esms/B].secret": "the environment variable B is empty",
        "accounts[shop].credentials[esms/C].secret": "it must be a text",
        "accounts[shop].brandnames[Shop].expires_at": "it must be a text, not 07:30:00",
        "accounts[shop].brandnames[Shop].templates[0]": "it must be a table",
        "routes[fax/+/gw].channel": "there is no channel 'fax'",
        "users[ann].password": "a password has at least 8 characters",
    }
    wallet = next(problem for problem in content.problems if problem.place == "accounts[shop].wallet")
    assert (wallet.closest, wallet.choices) == ("prepaid", ("prepaid", "postpaid"))
    assert set(content.documents) == {("template", "shop/Shop/{OTP}")}


def test_a_document_with_a_problem_is_looked_at_for_more() -> None:
    """What does not fit is replaced, so that the server can say what else is wrong."""
    content = parse_file("[[accounts]]\nname='shop'\nwallet='pre-paid'\nfloor='NaN'", Path(), {})
    assert content.mended == {("account", "shop"): doc.Account(name="shop", floor="NaN")}


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbfcorrect horse\r\n")
    content = parse("[[users]]\nname='ann'\npassword={file='secret'}", tmp_path)
    assert content.passwords["ann"].password == "correct horse"


def test_settings_themselves_are_no_reference(tmp_path: Path) -> None:
    """Only what is below them may be kept elsewhere: a setting may be called `file`."""
    content = parse("[[carriers]]\nname='c'\ntype='handset'\nsettings={file='x'}", tmp_path)
    carrier = content.documents["carrier", "c"]
    assert isinstance(carrier, doc.Carrier)
    assert carrier.settings == {"file": "x"}


@pytest.mark.parametrize("depth", [9, 400])
def test_settings_are_nested_only_so_deep(depth: int) -> None:
    """Whoever reads them later need not fear for their stack."""
    lists = "[" * depth + "]" * depth
    with pytest.raises(FileError, match="nested at most 8 deep"):
        parse(f"[[carriers]]\nname='c'\ntype='handset'\nsettings={{a={lists}}}")


def test_a_file_that_is_nested_too_deep_for_its_reader_is_refused() -> None:
    """In words, and not with a trace of its functions."""
    with pytest.raises(FileError, match="nested too deep"):
        parse(f"a = {'[' * 3_000}{']' * 3_000}")


def test_an_amount_of_very_many_digits_is_not_written_out() -> None:
    """The rules refuse it in its short spelling."""
    content = parse_file(
        "[[tariffs]]\nname='a'\nrates=[{channel='sms',price=1e4000},{channel='call',price=8.5e2}]", Path(), {}
    )
    assert [rate.price for rate in tariff_of(content).rates] == ["1E+4000", "850"]


def tariff_of(content: Content) -> doc.Tariff:
    (tariff,) = content.documents.values()
    assert isinstance(tariff, doc.Tariff)
    return tariff
