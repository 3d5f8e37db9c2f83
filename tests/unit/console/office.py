"""The console before the real core, with two customers."""

from typing import Any, TypeVar

from onema.administration.answers import Administration
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import DIGITS
from onema.domain.configuration import documents as doc
from onema.domain.ids import MessageId
from onema.domain.values.phone import Phone
from onema.settings import Settings, shown
from onema.speech import Voices
from onema.speech.announcement import Announcements
from onema.wiring.console_samples import ConsoleSamples
from onema.wiring.installation import ThisInstallation

from ...dialects.running_core import RunningCore
from .desk import USERS, Answer, Desk

D = TypeVar("D", bound=doc.Document)

OURS, THEIRS = "+84901888484", "+84912345678"
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="850"),)),
    *(
        document
        for name in ("acme", "rival")
        for document in (
            doc.Account(name=name, wallet="postpaid", windows=(), country="VN"),
            doc.Brandname(account=name, name=name.upper()),
            doc.Template(account=name, brandname=name.upper(), text="{OTP} is your code"),
        )
    ),
    doc.Carrier(name="gw-north", type="handset"),
    *USERS,
)


class Office:
    """The console before a core in which two accounts have sent a code each."""

    def __init__(self, core: RunningCore) -> None:
        self.core = core
        self.administration = Administration(
            core.gateway,
            core.storage,
            installation=ThisInstallation(),
            settings=dict(shown(Settings())),
            keyring=core.keyring,
        )
        self.desk = self.desk_with()

    def desk_with(self, *, open_on_loopback: bool = False, **options: Any) -> Desk:
        """Another console of the same core."""
        return Desk(
            speaker=Announcements(Voices.load),
            samples=ConsoleSamples(),
            open_on_loopback=open_on_loopback,
            administrator=self.administration,
            core=self.core,
            **{"inbox": None, **options},
        )

    async def send(self, account: str, phone: str) -> MessageId:
        gateway = self.core.gateway
        sent: Accepted = await gateway.execute(
            SendCode(
                account=self.core.account(account).id,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect="native",
                phone=Phone(phone),
                home_country="VN",
                client_ip="203.0.113.9",
                brandname=account.upper(),
                text="{OTP} is your code",
                code=NewCode(DIGITS, 6, 300_000),
            )
        )
        return sent.message

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.desk.get(path)
        assert answer.status == status, answer.text
        return answer.text

    async def submit(self, path: str, do: str, status: int = 303, /, **fields: str) -> Answer:
        """Send the form of a page that is called so."""
        answer = await self.desk.post(path, {"do": do, **fields})
        assert answer.status == status, answer.text
        return answer

    def document(self, kind: type[D], identity: str) -> D | None:
        found = {one.identity: one for one in self.core.gateway.directory.of_kind(kind)}
        return found.get(identity)
