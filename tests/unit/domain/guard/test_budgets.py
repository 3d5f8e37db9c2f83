"""Budgets of codes that nobody typed in, per country and per address."""

from onema.domain.configuration import documents as doc

from .senders import DAY, HOUR, MINUTE, Sender


def strangers(count: int, first: int = 0) -> list[str]:
    """Numbers that lie far from each other."""
    prefixes = (901, 903, 905, 908, 912, 915, 917, 962, 965, 968)
    return [f"+84{prefixes[n % 10]}{n * 7_919 % 999_983:06d}" for n in range(first, first + count)]


def test_a_country_has_three_unverified_codes_an_hour_to_begin_with() -> None:
    """And twenty a day, however they are spread; what leaks may be asked for again."""
    sender = Sender()
    assert [sender.rules(phone) for phone in strangers(4)] == [[], [], [], ["country_budget"]]
    sender.now += HOUR // 3
    assert [sender.rules(phone) for phone in strangers(2, 10)] == [[], ["country_budget"]]


def test_a_day_s_budget_ends_what_an_hour_s_would_let_through() -> None:
    """Twenty, and what leaks meanwhile."""
    sender = Sender(country_hour=100)
    answers = [sender.rules(phone) for phone in strangers(30)]
    assert answers == [[]] * 20 + [["country_budget"]] * 10


def test_codes_that_are_typed_in_spend_no_budget() -> None:
    """However many there are: each takes its own drop out again."""
    sender = Sender()
    for phone in strangers(200):
        sender.verify(phone)
        sender.now += 1_000


def test_a_budget_grows_with_what_the_country_is_used_to() -> None:
    """30 % of its best day of the last fourteen, and no longer than that."""
    sender = Sender()
    for phone in strangers(400):
        sender.verify(phone)
    sender.now += DAY
    assert [sender.rules(phone) for phone in strangers(21, 1_000)].count([]) == 400 * 30 // 100 // 6
    sender.now += 15 * DAY
    assert [sender.rules(phone) for phone in strangers(10, 2_000)].count([]) == 3


def test_each_country_has_a_budget_of_its_own() -> None:
    """An attack on one leaves the others alone."""
    sender = Sender(budgets=(doc.CountryBudget(country="LA", hour=1, day=1),))
    assert sender.rules("+8562052345678") == []
    assert sender.rules("+8562099345671") == ["country_budget"]
    assert sender.rules() == []


def test_given_codes_spend_no_budget() -> None:
    """Nobody tells us which of them are typed in."""
    sender = Sender(country_hour=1, country_day=1)
    assert [sender.rules(phone, given=True) for phone in strangers(20)] == [[]] * 20


def test_an_address_has_five_unverified_codes_an_hour() -> None:
    """Another one in the same network goes on, until the network has had four times as many."""
    sender = Sender(country_hour=1_000, country_day=1_000)
    phones = strangers(100)
    mine = [sender.rules(phone, person_ip="198.51.100.7") for phone in phones[:6]]
    assert mine == [[]] * 5 + [["address_budget"]]
    others = [
        sender.rules(phone, person_ip=f"198.51.100.{100 + number}")
        for number, phone in enumerate(phones[6:30])
    ]
    assert others.count([]) == 15
    assert sender.rules(phones[40], person_ip="198.51.101.7") == []


def test_an_ipv6_network_is_a_48() -> None:
    """Whoever has one has 2**80 addresses in it."""
    sender = Sender(country_hour=1_000, country_day=1_000)
    answers = [
        sender.rules(phone, person_ip=f"2001:db8:7:{number:x}::1")
        for number, phone in enumerate(strangers(30))
    ]
    assert answers.count([]) == 20


def test_codes_typed_in_from_an_address_spend_none_of_its_budget() -> None:
    """A whole office may sit behind one."""
    sender = Sender(country_hour=1_000, country_day=1_000)
    for phone in strangers(100):
        sender.verify(phone, person_ip="198.51.100.7")
        sender.now += 1_000


def test_a_network_may_ask_for_three_countries_that_it_has_not_verified() -> None:
    """A verified code makes room for another."""
    sender = Sender(country_hour=1_000)
    far = ["+8562052345678", "+85512345678", "+6681234567", "+959421234567"]
    asked = [sender.rules(phone, person_ip="198.51.100.7") for phone in ("+84901888484", *far[:2])]
    assert asked == [[]] * 3
    assert sender.rules(far[3], person_ip="198.51.100.8") == ["address_countries"]
    sender.type_in(far[0])
    assert sender.rules(far[3], person_ip="198.51.100.8") == []


def test_an_address_abroad_is_found_where_its_country_is_known() -> None:
    """Compared with the number's."""
    sender = Sender(country_hour=1_000)
    assert sender.rules(person_ip="198.51.100.7", person_country="VN") == []
    assert sender.rules("+84903777111", person_ip="198.51.100.7") == []
    assert sender.rules("+84912666222", person_ip="198.51.100.7", person_country="RU") == ["address_mismatch"]


def test_the_address_of_the_integrator_s_server_is_nobody_s() -> None:
    """Only what the integrator names as its user's is looked at."""
    sender = Sender(country_hour=1_000, country_day=1_000)
    answers = [sender.rules(phone, client_ip="198.51.100.7") for phone in strangers(50)]
    assert answers == [[]] * 50
    sender.now += MINUTE


def test_a_code_of_the_integrator_s_own_is_looked_at_for_its_address_too() -> None:
    """Where an address is needs nobody who types a code in."""
    sender = Sender(country_hour=1_000)
    assert sender.rules(given=True, person_ip="198.51.100.7", person_country="RU") == ["address_mismatch"]


def test_a_known_number_may_be_abroad() -> None:
    """People travel with their phones."""
    sender = Sender(country_hour=1_000)
    sender.verify(person_ip="198.51.100.7", person_country="VN")
    assert sender.rules(person_ip="203.0.113.9", person_country="FR") == []


def test_a_number_of_no_country_is_nowhere_else() -> None:
    """Satellites and networks of the whole world (+870, +882)."""
    sender = Sender(country_hour=1_000)
    assert sender.rules("+870773111632", person_ip="198.51.100.7", person_country="RU") == []
