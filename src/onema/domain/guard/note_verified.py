"""What the guard learns from a code that was typed in.

It learns a moment after the check, by a command of its own: a check then waits for no row that other messages count
in. When the process dies in between, the code stays counted as one that nobody typed in, which only makes budgets
smaller.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.guard import address, country, prefix, purses
from onema.domain.guard.judge import Asked
from onema.domain.guard.rows import GuardSubject, pack, until
from onema.domain.ids import AccountId
from onema.domain.records import Key, LiveVerification, Row
from onema.domain.values.phone import Phone, country_of


class Origin(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Who asked for a code, and from where, until it is checked."""

    application: str = ""
    person_ip: str = ""
    device: str = ""


_NOWHERE = Origin()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Origin)


def origin_of(asked: Asked) -> str:
    if not (asked.application or asked.person_ip or asked.device):
        return ""
    return _encoder.encode(Origin(asked.application, asked.person_ip, asked.device)).decode()


class NoteVerified(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A code for the phone was verified: it is nobody's unverified code any more, and the number is known. Result:
    None.
    """

    account: AccountId
    now: int
    phone: Phone
    origin: Origin

    def keys(self, context: Context) -> Iterable[Key]:
        for subject in self._subjects().values():
            yield (GuardSubject, self.account, subject)

    def decide(self, world: World, context: Context) -> Decision:
        account = context.directory.accounts.get(self.account)
        if account is None:
            return Decision(None)
        guard = context.directory.guards.of(account.name, self.origin.application)
        if not guard.active:
            return Decision(None)
        subjects, now, puts = self._subjects(), self.now, list[Row]()
        rows = {kind: world.get(GuardSubject, self.account, name) for kind, name in subjects.items()}

        def put(kind: str, state: msgspec.Struct, kept_ms: int) -> None:
            puts.append(GuardSubject(self.account, subjects[kind], pack(state), until(now, kept_ms)))

        number = purses.packed.of(rows["number"])
        is_stranger = not purses.is_known(number, guard, self.origin.application, now)
        places = purses.places_of(self.origin.person_ip, self.origin.device)
        purses.verify(number, self.origin.application, places, now)
        put("number", number, guard.known_ms)
        if is_stranger:
            # A known number's codes fill nobody's budget, so there is nothing to take out.
            codes = country.packed.of(rows["codes"])
            country.drain(codes, now)
            put("codes", codes, country.KEPT_MS)
            neighbourhood = prefix.packed.of(rows["prefix"])
            prefix.count_verified(neighbourhood, now)
            put("prefix", neighbourhood, prefix.KEPT_MS)
            if rows.get("from") is not None:
                network = address.packed.of(rows["from"])
                address.drain(network, self.origin.person_ip, country_of(self.phone), now)
                put("from", network, address.KEPT_MS)
        return Decision(None, puts=tuple(puts))

    def _subjects(self) -> dict[str, str]:
        subjects = {
            "number": purses.NUMBER + self.phone,
            "codes": country.CODES + country_of(self.phone),
            "prefix": prefix.PREFIX + self.phone[: -prefix.PREFIX_DIGITS],
        }
        if self.origin.person_ip:
            subjects["from"] = address.FROM + address.network_of(self.origin.person_ip)
        return subjects


def verified_from(live: LiveVerification, now: int) -> NoteVerified:
    """The command that follows a right check of the code."""
    origin = _decoder.decode(live.origin) if live.origin else _NOWHERE
    return NoteVerified(account=live.account, now=now, phone=live.phone, origin=origin)
