"""What operators do about jobs that were given up and about callbacks, and the page that tells who did what."""

import re

from onema.domain.records import DeadJob

from .desk import Answer
from .office import OURS, Office


async def send(office: Office, path: str, do: str, **fields: str) -> Answer:
    page = await office.page(path)
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    return await office.desk.post(path, {"token": token, "do": do, **fields})


async def give_up(office: Office, *ids: int) -> None:
    message = await office.send("acme", OURS)
    account = office.core.account("acme").id
    storage = office.core.storage
    await storage.begin([])
    await storage.commit(
        1,
        {},
        [DeadJob(one, 5, "callback", account, message, 3, 3, "the receiver answers 500") for one in ids],
    )


async def test_a_job_that_was_given_up_is_tried_again_or_forgotten(office: Office) -> None:
    """Then it is in the list no more, and the audit log tells who did it."""
    await give_up(office, 71, 72)
    await office.desk.log_in()
    assert (await office.page("/console/system")).count("the receiver answers 500") == 2
    assert (await send(office, "/console/system", "drop", job="71")).status == 303
    left = await office.core.storage.read_dead_jobs(2**63 - 1, 10)
    assert [one.id for one in left] == [72]
    log = await office.page("/console/system/audit")
    assert "drop_job" in log
    assert "<strong>lan</strong>" in log
    unknown = await send(office, "/console/system", "requeue", job="99")
    assert (unknown.status, 'role="alert"' in unknown.text) == (422, True)


async def test_a_callback_of_a_message_on_its_way_is_not_told_again(office: Office) -> None:
    """The page says why."""
    message = await office.send("acme", OURS)
    await office.desk.log_in()
    page = await office.page("/console/system")
    token = re.findall(r'name="token" value="([^"]+)"', page) or [""]
    answer = await office.desk.post(
        "/console/callbacks", {"token": token[0], "do": "replay", "message": str(message), "account": "acme"}
    )
    assert answer.status in (403, 422)


async def test_the_audit_log_tells_before_and_after(office: Office) -> None:
    """Of each field that changed, who came from where."""
    await office.desk.log_in()
    await send(office, "/console/carriers", "drain", name="gw-north")
    log = await office.page("/console/system/audit")
    assert "<code>draining</code> <del>–</del> → <ins>true</ins>" in log
    assert "127.0.0.1" in log
    assert "draining" not in await office.page("/console/system/audit?account=acme")


async def test_the_page_tells_of_which_day_the_countries_of_addresses_are(office: Office) -> None:
    """Or that there are none, so that the guard's rule finds nothing."""
    await office.desk.log_in()
    assert "None are loaded." in await office.page("/console/system")
    office.administration.address_countries = lambda: 1_800_000_000_000
    assert "2027-01-15" in await office.page("/console/system")


async def test_a_compliance_report_is_read_by_operators(office: Office) -> None:
    """Each line with its source; a customer finds no such page."""
    await office.desk.log_in()
    page = await office.page("/console/system/compliance?profile=vn")
    assert "Circular 50/2024/TT-NHNN" in page
    assert "accounts[acme].brandnames[ACME].registrations" in page
    assert "onema doctor --profile vn" in page
    assert "NIST SP 800-63B-4" in await office.page("/console/system/compliance?profile=nobodys")


async def test_customers_read_no_compliance_report(office: Office) -> None:
    """It is about every account, and about the server."""
    await office.desk.log_in("chi")
    await office.page("/console/system/compliance", 404)
