"""What stands behind the carriers that are vendors' HTTP APIs: what each vendor answers, and how it reports."""

import abc
import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from onema.channels.http_sender import esms, generic, infobip, twilio, vonage
from onema.channels.http_sender.contract import Vendor
from onema.channels.http_sender.vonage import signature_of
from onema.domain.delivery.outcome import OutcomeKind as Kind
from onema.http.messages import Request
from tests.docs.described_gateways import described_gateway

NAME = "upstream"
PUBLIC = "https://sms.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
KEY = "vendors-key"
NOW = 1_795_800_000_000
FAR = "203.0.113.9"


class Upstream(abc.ABC):
    """One vendor. `settings` are a carrier's besides its base_url."""

    name: str
    vendor: Vendor
    settings: ClassVar[Mapping[str, Any]]

    def __init__(self) -> None:
        self.taken: dict[str, str] = {}
        """What it took, by our name for it, with its own."""
        self.left = 0

    @abc.abstractmethod
    def asked(self, body: bytes) -> tuple[str, str]:
        """The phone's digits and our name of a request."""

    @abc.abstractmethod
    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        """The answer to a request that ends so; None where none does."""

    @abc.abstractmethod
    def report(self, reference: str, word: Kind) -> Request:
        """What it asks the webhook to tell of what it knows by this name."""

    def where(self, port: int) -> dict[str, Any]:
        """The settings that lead to a port of this machine."""
        return {"base_url": f"http://127.0.0.1:{port}", "private_targets": True}

    def take(self, own: str) -> str:
        self.left += 1
        self.taken[own] = f"id-{self.left}"
        return self.taken[own]


class Twilio(Upstream):
    name, vendor = "twilio", twilio.VENDOR
    settings: ClassVar[Mapping[str, Any]] = {"account_sid": "AC0", "auth_token": KEY, "public_url": PUBLIC}

    def asked(self, body: bytes) -> tuple[str, str]:
        form = dict(parse_qsl(body.decode()))
        return form["To"].removeprefix("+"), form["StatusCallback"].partition("?ref=")[2]

    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        match kind:
            case Kind.SUBMITTED:
                return 201, json.dumps({"sid": self.take(own), "status": "queued", "error_code": None})
            case Kind.UNDELIVERED:
                failed = {"sid": self.take(own), "status": "failed", "error_code": 30005}
                return 201, json.dumps(failed)
            case Kind.TEMPORARY:
                return 429, json.dumps({"code": 20429, "message": "Too Many Requests", "status": 429})
            case Kind.PERMANENT:
                return 400, json.dumps({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400})
            case Kind.UNKNOWN:
                self.take(own)
                return 500, json.dumps({"code": 20500, "message": "Internal Server Error", "status": 500})
        return None

    def report(self, reference: str, word: Kind) -> Request:
        status = {
            Kind.DELIVERED: "delivered",
            Kind.UNDELIVERED: "undelivered",
            Kind.SUBMITTED: "sent",
            Kind.UNKNOWN: "partially_delivered",
        }[word]
        query = urlencode({"ref": reference})
        form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": ""}
        path = f"/carriers/{NAME}/receipts"
        said = f"{PUBLIC}{path}?{query}" + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.digest(KEY.encode(), said.encode(), "sha1"))
        headers = ((b"x-twilio-signature", signature),)
        return Request("POST", path, query.encode(), headers, urlencode(form).encode(), FAR)


class Vonage(Upstream):
    name, vendor = "vonage", vonage.VENDOR
    settings: ClassVar[Mapping[str, Any]] = {
        "api_key": "k",
        "signature_secret": KEY,
        "public_url": PUBLIC,
        "receipt_token": TOKEN,
    }

    def asked(self, body: bytes) -> tuple[str, str]:
        form = dict(parse_qsl(body.decode()))
        assert form.pop("sig") == signature_of(form, KEY.encode(), "sha256")
        return form["to"], form["client-ref"]

    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        status = {Kind.SUBMITTED: "0", Kind.TEMPORARY: "1", Kind.PERMANENT: "12", Kind.UNKNOWN: "5"}.get(kind)
        if status is None:
            return None
        id_ = self.take(own) if status in ("0", "5") else ""
        part = {"to": "84", "message-id": id_, "status": status, "network": "45204"}
        return 200, json.dumps({"message-count": "1", "messages": [part]})

    def report(self, reference: str, word: Kind) -> Request:
        status = {Kind.UNDELIVERED: "failed", Kind.SUBMITTED: "accepted"}.get(word, str(word))
        told = {"messageId": "0C1", "client-ref": reference, "status": status, "err-code": "0"}
        told["timestamp"] = "1795800000"
        told["sig"] = signature_of(told, KEY.encode(), "sha256").upper()
        return Request("GET", f"/carriers/{NAME}/receipts/{TOKEN}", urlencode(told).encode(), (), b"", FAR)


class Infobip(Upstream):
    name, vendor = "infobip", infobip.VENDOR
    settings: ClassVar[Mapping[str, Any]] = {
        "api_key": KEY,
        "hmac_key": KEY,
        "hmac_header": "X-Sig",
        "public_url": PUBLIC,
    }

    def asked(self, body: bytes) -> tuple[str, str]:
        (message,) = json.loads(body)["messages"]
        (destination,) = message["destinations"]
        return destination["to"], destination["messageId"]

    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        if kind is Kind.UNKNOWN:
            self.take(own)
            return 500, json.dumps({"errorCode": "E500", "description": "Something went wrong."})
        found = {
            Kind.SUBMITTED: (1, 26, "PENDING_ACCEPTED"),
            Kind.DELIVERED: (3, 5, "DELIVERED_TO_HANDSET"),
            Kind.UNDELIVERED: (2, 9, "UNDELIVERABLE_NOT_DELIVERED"),
            Kind.TEMPORARY: (5, 12, "REJECTED_NOT_ENOUGH_CREDITS"),
            Kind.PERMANENT: (5, 52, "REJECTED_DESTINATION"),
        }[kind]
        if own in self.taken:
            found = (5, 23, "REJECTED_DUPLICATE_MESSAGE_ID")
        elif kind not in (Kind.TEMPORARY, Kind.PERMANENT):
            self.take(own)
        group, status, name = found
        said = {"messageId": own, "status": {"groupId": group, "id": status, "name": name}}
        return 200, json.dumps({"bulkId": "b", "messages": [said]})

    def report(self, reference: str, word: Kind) -> Request:
        group, status = {
            Kind.DELIVERED: (3, 5),
            Kind.UNDELIVERED: (2, 9),
            Kind.SUBMITTED: (3, 2),
            Kind.UNKNOWN: (4, 29),
        }[word]
        result = {"messageId": reference, "status": {"groupId": group, "id": status}, "error": {"id": 0}}
        body = json.dumps({"results": [result]}).encode()
        headers = ((b"x-sig", hmac.new(KEY.encode(), body, "sha256").hexdigest().encode()),)
        return Request("POST", f"/carriers/{NAME}/receipts", b"", headers, body, FAR)


class Esms(Upstream):
    name, vendor = "esms", esms.VENDOR
    settings: ClassVar[Mapping[str, Any]] = {
        "api_key": "AK",
        "secret_key": KEY,
        "public_url": PUBLIC,
        "receipt_token": TOKEN,
    }

    def asked(self, body: bytes) -> tuple[str, str]:
        asked = json.loads(body)
        return "84" + asked["Phone"].removeprefix("0"), asked["RequestId"]

    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        codes = {Kind.SUBMITTED: "100", Kind.TEMPORARY: "103", Kind.PERMANENT: "108", Kind.UNKNOWN: "99"}
        if kind not in codes:
            return None
        said: dict[str, Any] = {"CodeResult": codes[kind], "CountRegenerate": 0}
        if own in self.taken:
            said |= {"CodeResult": "124", "ErrorMessage": "Request exist 1", "SendStatus": "5"}
        elif kind in (Kind.SUBMITTED, Kind.UNKNOWN):
            said["SMSID"] = self.take(own)
        return 200, json.dumps(said)

    def report(self, reference: str, word: Kind) -> Request:
        status, success, failed = {
            Kind.DELIVERED: (5, 1, 0),
            Kind.UNDELIVERED: (5, 0, 1),
            Kind.SUBMITTED: (7, 0, 0),
            Kind.UNKNOWN: (5, 0, 0),
        }[word]
        told = {
            "SMSID": "dc712784-9c5f-4c69-b9a8-ea69d56adc9a87",
            "SendFailed": failed,
            "SendStatus": status,
            "SendSuccess": success,
            "TotalPrice": "0.0000",
            "TotalReceiver": 1,
            "TotalSent": 1,
            "RequestId": reference,
            "TypeId": 2,
            "telcoid": 1,
            "phonenumber": "0901888484",
            "switchsmsid": "",
        }
        return Request("GET", f"/carriers/{NAME}/receipts/{TOKEN}", urlencode(told).encode(), (), b"", FAR)


class Android(Upstream):
    """A gateway that is described in docs/carriers/http.md alone."""

    name, vendor = "http", generic.vendor(lambda: NOW)
    settings: ClassVar[Mapping[str, Any]] = described_gateway("android")

    def where(self, port: int) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{port}/message"}

    def asked(self, body: bytes) -> tuple[str, str]:
        asked = json.loads(body)
        (phone,) = asked["phoneNumbers"]
        return phone.removeprefix("+"), asked["id"]

    def answer(self, kind: Kind, own: str) -> tuple[int, str] | None:
        match kind:
            case Kind.SUBMITTED:
                return 202, json.dumps({"id": self.take(own) and own, "state": "Pending", "recipients": []})
            case Kind.TEMPORARY:
                return 401, ""
            case Kind.PERMANENT:
                return 400, json.dumps({"message": "Invalid phone number"})
            case Kind.UNKNOWN:
                self.take(own)
                return 500, json.dumps({"message": "no SIM"})
        return None

    def report(self, reference: str, word: Kind) -> Request:
        event = {Kind.UNDELIVERED: "sms:failed", Kind.SUBMITTED: "sms:sent", Kind.UNKNOWN: "system:ping"}.get(
            word, "sms:delivered"
        )
        told = {"event": event, "payload": {"messageId": reference, "reason": "RESULT_ERROR_GENERIC_FAILURE"}}
        body, stamp = json.dumps(told).encode(), str(NOW // 1000).encode()
        key = self.settings["receipts"]["signature"]["key"].encode()
        signature = hmac.new(key, body + stamp, "sha256").hexdigest().encode()
        headers = ((b"x-signature", signature), (b"x-timestamp", stamp))
        return Request("POST", f"/carriers/{NAME}/receipts", b"", headers, body, FAR)


UPSTREAMS: tuple[type[Upstream], ...] = (Android, Esms, Infobip, Twilio, Vonage)
