"""Our refusals in the vendor's words (docs/vendors/ytx.md#errors).

The vendor prints -2 and -205 alone (console.ytx.net/FileDetails/FileCodeCallOut). The other codes and their
words are those that a client in production keeps, without saying when each comes (github.com/fanshuai/kubrick,
server/voice/ytxz/ytx_const.py, seen 2026-11): which refusal gets which is our reading, where no line below says
otherwise.
"""

import msgspec

from onema.dialects.ytx import wire
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal
from onema.http.messages import Headers, Response


class VendorError(msgspec.Struct, frozen=True):
    code: str
    message: str

    def response(self, outcome: str, headers: Headers = ()) -> Response:
        """HTTP status 200, always: that client sends a POST again after 500, 502, 503 and 504, and so calls again."""
        return Response(200, wire.answer(self.code, self.message), headers=headers, outcome=outcome)


class Rejected(Exception):
    """A request that ends with an answer of this dialect's own."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.outcome)
        self.response = response


_NUMBER_NOT_CALLED = VendorError("-1", "号码无效")
_NO_SUCH_FUNCTION = VendorError("-3", "无效action")
_OWN_FAILURE = VendorError("-100", "异常错误")
_BAD_VALUE = VendorError("-101", "参数不合法")
# In no table: code and words are from a client's comment on live traffic, whose answer had no requestId. Ours
# has an empty one like every other error, because clients decode all three members.
_TOO_OFTEN = VendorError("-104", "请求频率过高")
_NO_BALANCE = VendorError("-204", "账户余额不足")
# The document's question 6 names the reasons: another environment's appid, an address outside the list, a
# function that is off, an application that is not on line.
_APPLICATION = VendorError("-205", "应用验证失败")
_NOT_JSON = VendorError("-4", "无效的JSON")
_BAD_PHONE = VendorError("-102", "电话号码不合法")

REFUSALS: dict[Refusal, VendorError] = {
    Refusal.CREDENTIAL_UNKNOWN: VendorError("-200", "无此用户"),
    Refusal.ACCOUNT_SUSPENDED: VendorError("-201", "用户状态失效"),
    Refusal.IP_NOT_ALLOWED: _APPLICATION,
    Refusal.APPLICATION_UNKNOWN: _APPLICATION,
    Refusal.APPLICATION_INACTIVE: _APPLICATION,
    Refusal.WRONG_ENVIRONMENT: _APPLICATION,
    Refusal.FEATURE_OFF: _APPLICATION,
    Refusal.SENTENCE_MISSING: _APPLICATION,
    Refusal.PHONE_INVALID: _BAD_PHONE,
    Refusal.COUNTRY_NOT_ALLOWED: _NUMBER_NOT_CALLED,
    Refusal.DESTINATION_NOT_ALLOWED: _BAD_PHONE,
    Refusal.PHONE_BLOCKED: _NUMBER_NOT_CALLED,
    Refusal.BRANDNAME_UNKNOWN: _BAD_VALUE,
    Refusal.TEMPLATE_MISMATCH: _BAD_VALUE,
    Refusal.TEXT_NOT_SENDABLE: _BAD_VALUE,
    # An application that is not on line, in question 6: what is missing is an approval in both.
    Refusal.NOT_REGISTERED: _APPLICATION,
    Refusal.CODE_INVALID: _BAD_VALUE,
    Refusal.VOICE_UNKNOWN: _APPLICATION,
    Refusal.POOL_UNKNOWN: _APPLICATION,
    Refusal.POOL_INACTIVE: _APPLICATION,
    # Caller numbers are no concern of the vendor's clients; "later" is what helps.
    Refusal.HOTLINE_UNAVAILABLE: _TOO_OFTEN,
    Refusal.RATE_LIMITED: _TOO_OFTEN,
    Refusal.ABUSE_SUSPECTED: _NUMBER_NOT_CALLED,
    Refusal.CHALLENGE_REQUIRED: _NUMBER_NOT_CALLED,
    Refusal.PRICE_MISSING: _NUMBER_NOT_CALLED,
    # The vendor's wallets are not known to expire; what helps is a top-up in either case.
    Refusal.WALLET_EXPIRED: _NO_BALANCE,
    Refusal.BALANCE_TOO_LOW: _NO_BALANCE,
    Refusal.DUPLICATE: _OWN_FAILURE,
    Refusal.CONFLICT: _OWN_FAILURE,
    Refusal.STORE_UNAVAILABLE: _OWN_FAILURE,
    Refusal.CARRIER_UNAVAILABLE: _OWN_FAILURE,
}

REFUSED: dict[Refusal, Response] = {
    refusal: error.response(refusal.value) for refusal, error in REFUSALS.items()
}
INVALID_JSON = _NOT_JSON.response("invalid_json")
OVERSIZED = _NOT_JSON.response("oversized")
FIELD_MISSING = VendorError("-2", "缺少必要参数").response("field_missing")
INVALID_ACTION = _NO_SUCH_FUNCTION.response("invalid_action")
NOT_FOUND = _NO_SUCH_FUNCTION.response("not_found")
INVALID_TIMES = _BAD_VALUE.response("invalid_times")
INVALID_VALUE = _BAD_VALUE.response("invalid_value")
INVALID_HEADER = VendorError("-202", "包头验证信息错误").response("invalid_authorization")
INVALID_SIGN = VendorError("-203", "AuthToken验证失败").response("invalid_sign")


def accepted(message: MessageId, function: str = wire.FUNCTION) -> Response:
    return Response(200, wire.answer("0", "提交成功", wire.request_id(message, function)))


def fault(incident: str) -> Response:
    """The vendor's text has no room for the incident's number, so a header names it."""
    return _OWN_FAILURE.response("fault", ((b"x-incident", incident.encode()),))
