"""`./dev docs` makes this of openapi.yaml."""

from onema.client.awaiting import AwaitingSender, awaiting
from onema.client.blocking import BlockingSender, blocking
from onema.client.operations import account, tools, verifications


class BlockingOperations(BlockingSender):
    create_verification = blocking(verifications.create_verification)
    get_verification = blocking(verifications.get_verification)
    next_channel = blocking(verifications.next_channel)
    resend_verification = blocking(verifications.resend_verification)
    check_verification = blocking(verifications.check_verification)
    cancel_verification = blocking(verifications.cancel_verification)
    get_result_keys = blocking(verifications.get_result_keys)
    get_balance = blocking(account.get_balance)
    preview_sms = blocking(tools.preview_sms)


class AwaitingOperations(AwaitingSender):
    create_verification = awaiting(verifications.create_verification)
    get_verification = awaiting(verifications.get_verification)
    next_channel = awaiting(verifications.next_channel)
    resend_verification = awaiting(verifications.resend_verification)
    check_verification = awaiting(verifications.check_verification)
    cancel_verification = awaiting(verifications.cancel_verification)
    get_result_keys = awaiting(verifications.get_result_keys)
    get_balance = awaiting(account.get_balance)
    preview_sms = awaiting(tools.preview_sms)
