"""The vendor's own clients, with the class of docs/vendors/twilio_verify.md and no other change."""

import json
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]  # it has no types

from onema.testing.running_server import RunningServer, eventually

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/vendors/twilio_verify.md").read_text()
NODE_MODULES = ROOT / ".tools/npm/node_modules"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("twilio") / "data", "demo") as server:
        yield server


@pytest.fixture(autouse=True)
def _quiet_clients(caplog: pytest.LogCaptureFixture) -> None:
    """They log what they send; what is scanned is what we log."""
    for logger in ("urllib3", "twilio"):
        caplog.set_level(logging.WARNING, logger=logger)


def class_of_the_page(tag: str) -> str:
    found = re.search(rf"^```{tag}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def verify(server: RunningServer) -> Any:
    """`client.verify.v2` of the page's class."""
    module: dict[str, Any] = {}
    exec(compile(class_of_the_page("py"), "twilio_verify.md", "exec"), module)  # our own page
    keys = server.credentials("twilio_verify")
    client = module["OnemaClient"](keys["accountSid"], keys["authToken"])
    client.base = f"http://127.0.0.1:{server.port}"
    return client.verify.v2


@pytest.fixture
def service(server: RunningServer, verify: Any) -> Any:
    return verify.services(server.credentials("twilio_verify")["serviceSid"])


def code_on(server: RunningServer, phone: str, number: int = 0) -> str:
    """The code that the simulated phone got as the `number`th."""
    shown = eventually(
        lambda: (
            (found := server.json("/handset/messages", to=phone, limit="9")) and len(found) > number and found
        )
    )
    return str(shown[0]["code"])


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[int, int]:
    """(status, code), as the library understands it."""
    with pytest.raises(TwilioRestException) as caught:
        call(*arguments, **named)
    return caught.value.status, caught.value.code


def test_python_starts_resends_and_checks(server: RunningServer, service: Any) -> None:
    """And the library finds no date that it cannot read."""
    phone = "+84901888701"
    started = service.verifications.create(to=phone, channel="sms")
    assert (started.status, started.to, started.valid) == ("pending", phone, False)
    assert started.date_created.tzinfo is not None
    assert started.date_updated is not None
    again = service.verifications.create(to=phone, channel="sms", locale="vi")
    assert again.sid == started.sid
    assert [one["channel"] for one in again.send_code_attempts] == ["SMS", "SMS"]
    code = code_on(server, phone, 1)
    checks = service.verification_checks
    assert checks.create(to=phone, code="00000000").status == "pending"
    assert service.verifications(phone).fetch().sid == started.sid
    approved = checks.create(verification_sid=started.sid, code=code)
    assert (approved.status, approved.valid) == ("approved", True)
    assert approved.date_updated >= approved.date_created
    assert refused(checks.create, to=phone, code=code) == (404, 20404)


def test_python_ends_a_verification(service: Any) -> None:
    """By cancelling it, and by telling that it was right."""
    for status in ("canceled", "approved"):
        started = service.verifications.create(to="+84901888702", channel="call")
        told = service.verifications(started.sid).update(status=status)
        assert (told.status, told.valid) == (status, status == "approved")
        assert refused(service.verifications(started.sid).fetch) == (404, 20404)


def test_python_hears_the_vendors_errors(service: Any, verify: Any) -> None:
    """As exceptions with their code and status."""
    create = service.verifications.create
    assert refused(create, to="+84901", channel="sms") == (400, 60200)
    assert refused(create, to="+84901888703", channel="email") == (400, 60223)
    assert refused(create, to="+84901888703", channel="sms", custom_message="x") == (403, 60204)
    assert refused(create, to="+84901888703", channel="sms", custom_code="1234") == (403, 60204)
    assert refused(service.verification_checks.create, code="1234") == (400, 60221)
    assert refused(verify.services("VA" + "0" * 32).fetch) == (404, 20404)
    hook = {"friendly_name": "x", "event_types": ["*"], "webhook_url": "https://shop.example"}
    assert refused(service.webhooks.create, **hook) == (403, 60204)
    assert refused(service.entities("someone").fetch) == (403, 60204)


def test_python_keeps_services(verify: Any) -> None:
    """Made, read, changed, listed over several pages and deleted."""
    made = [verify.services.create(friendly_name=f"Shop {number}", code_length=4) for number in range(3)]
    assert made[0].code_length == 4
    assert verify.services(made[0].sid).fetch().friendly_name == "Shop 0"
    changed = verify.services(made[0].sid).update(custom_code_enabled=True, friendly_name="Shop zero")
    assert (changed.custom_code_enabled, changed.friendly_name) == (True, "Shop zero")
    started = verify.services(made[0].sid).verifications.create(
        to="+84901888704", channel="sms", custom_code="2468"
    )
    assert (
        verify.services(made[0].sid)
        .verification_checks.create(verification_sid=started.sid, code="2468")
        .valid
    )
    listed = [one.sid for one in verify.services.list(page_size=2)]
    assert {one.sid for one in made} < set(listed)
    assert len(listed) == len(set(listed))
    for one in made:
        assert verify.services(one.sid).delete()
        assert refused(verify.services(one.sid).fetch) == (404, 20404)


def test_python_lists_templates_and_sends_one(server: RunningServer, service: Any, verify: Any) -> None:
    """By its SID, and as the first of several that there is."""
    (template,) = (one for one in verify.templates.list() if one.friendly_name == "verify")
    phone = "+84901888705"
    service.verifications.create(to=phone, channel="sms", template_sid=template.sid)
    several = json.dumps([{"sid": "HJ" + "0" * 32}, {"sid": template.sid}])
    service.verifications.create(to=phone, channel="sms", templates=several)
    assert code_on(server, phone, 1)


def test_python_limits_a_session(service: Any) -> None:
    """A limit with a bucket, which the library's verification names."""
    limit = service.rate_limits.create(unique_name="session", description="one login")
    bucket = service.rate_limits(limit.sid).buckets.create(max=1, interval=60)
    assert (bucket.max, bucket.interval) == (1, 60)
    create = service.verifications.create
    create(to="+84901888706", channel="sms", rate_limits={"session": "abc"})
    assert refused(create, to="+84901888707", channel="sms", rate_limits={"session": "abc"}) == (429, 20429)
    assert [one.sid for one in service.rate_limits.list()] == [limit.sid]
    assert [one.sid for one in service.rate_limits(limit.sid).buckets.list()] == [bucket.sid]
    assert service.rate_limits(limit.sid).buckets(bucket.sid).update(max=2).max == 2
    assert service.rate_limits(limit.sid).buckets(bucket.sid).delete()
    assert service.rate_limits(limit.sid).delete()


def test_python_reads_attempts_and_their_summary(server: RunningServer, service: Any, verify: Any) -> None:
    """Of one service and the last minutes, with what the library makes of times and prices."""
    phone = "+84901888721"
    since = datetime.now(UTC) - timedelta(minutes=5)
    started = service.verifications.create(to=phone, channel="sms")
    (attempt,) = verify.verification_attempts.list(
        channel_data_to=phone, channel="sms", date_created_after=since, verify_service_sid=started.service_sid
    )
    assert (attempt.verification_sid, attempt.conversion_status) == (started.sid, "unconverted")
    assert attempt.date_created >= since
    service.verification_checks.create(to=phone, code=code_on(server, phone))
    assert verify.verification_attempts(attempt.sid).fetch().conversion_status == "converted"
    asked = {"destination_prefix": phone, "date_created_after": since, "country": "VN"}
    summary = verify.verification_attempts_summary().fetch(**asked)
    assert (summary.total_attempts, summary.total_converted, summary.total_unconverted) == (1, 1, 0)
    assert summary.conversion_rate_percentage == 100


def test_python_keeps_a_safe_list(verify: Any) -> None:
    """A number, and a block of a thousand."""
    for entry in ("+84901888722", "+84901888xxx"):
        made = verify.safelist.create(phone_number=entry)
        assert verify.safelist(entry).fetch().sid == made.sid
        assert verify.safelist(entry).delete()
        assert refused(verify.safelist(entry).fetch) == (404, 20404)


NODE = """
const [base, accountSid, authToken, serviceSid, phone] = process.argv.slice(2);
const client = new OnemaClient(accountSid, authToken);
client.base = base;
const service = client.verify.v2.services(serviceSid);
const told = {};
const started = await service.verifications.create({ to: phone, channel: "sms" });
const again = await service.verifications.create({ to: phone, channel: "sms", tags: { a: "b" } });
told.same = started.sid === again.sid && again.sendCodeAttempts.length === 2;
const age = Date.now() - started.dateCreated.getTime();
told.created = age >= 0 && age < 60000;
told.byPhone = (await service.verifications(phone).fetch()).sid === started.sid;
told.pending = (await service.verificationChecks.create({ to: phone, code: "00000000" })).status;
const inbox = await fetch(`${base}/handset/messages?to=${encodeURIComponent(phone)}&limit=9`);
const messages = await inbox.json();
told.approved = (await service.verificationChecks.create({ to: phone, code: messages[0].code })).status;
const gone = (error) => [error.status, error.code, error.moreInfo];
told.gone = await service.verifications(started.sid).fetch().catch(gone);
told.email = await service.verifications.create({ to: "a@b.c", channel: "email" }).catch((error) => error.code);
const made = await client.verify.v2.services.create({ friendlyName: "Node", codeLength: 5 });
told.length = (await client.verify.v2.services(made.sid).update({ customCodeEnabled: true })).codeLength;
told.listed = (await client.verify.v2.services.list({ pageSize: 1 })).some((one) => one.sid === made.sid);
told.removed = await client.verify.v2.services(made.sid).remove();
const attempts = await client.verify.v2.verificationAttempts.list({ channelDataTo: phone, limit: 2 });
told.attempts = attempts.map((one) => [one.verificationSid === started.sid, one.conversionStatus]);
const summary = await client.verify.v2.verificationAttemptsSummary().fetch({ destinationPrefix: phone });
told.summary = [summary.totalAttempts, summary.totalConverted, summary.conversionRatePercentage];
const safe = await client.verify.v2.safelist.create({ phoneNumber: phone });
told.safe = (await client.verify.v2.safelist(phone).fetch()).sid === safe.sid;
told.unsafe = await client.verify.v2.safelist(phone).remove();
told.templates = (await client.verify.v2.templates.list()).map((one) => one.friendlyName);
console.log(JSON.stringify(told));
"""


def test_node_does_the_same(server: RunningServer, tmp_path: Path) -> None:
    """Its package, with the page's class."""
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "verify.mjs").write_text(class_of_the_page("mjs") + NODE)
    keys = server.credentials("twilio_verify")
    ended = subprocess.run(
        [
            "node",
            "verify.mjs",
            f"http://127.0.0.1:{server.port}",
            keys["accountSid"],
            keys["authToken"],
            keys["serviceSid"],
            "+84901888710",
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "same": True,
        "created": True,
        "byPhone": True,
        "pending": "pending",
        "approved": "approved",
        "gone": [404, 20404, "https://www.twilio.com/docs/errors/20404"],
        "email": 60200,
        "length": 5,
        "listed": True,
        "removed": True,
        "attempts": [[True, "converted"], [True, "converted"]],
        "summary": [2, 2, 100],
        "safe": True,
        "unsafe": True,
        "templates": ["verify"],
    }
