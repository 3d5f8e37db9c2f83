"""Who may come in: what is asked of an account and an application before their request is looked at.

Dialects call these in their vendor's order of checks; what a request costs and whether it may be sent is
decided in the batch.
"""

from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.refusals import Refusal, Refused


def admit_account(account: AccountView, client_ip: str) -> None:
    """Raises Refused(ACCOUNT_SUSPENDED | IP_NOT_ALLOWED)."""
    if not account.active:
        raise Refused(Refusal.ACCOUNT_SUSPENDED)
    if not account.allowed_ips.admits(client_ip):
        raise Refused(Refusal.IP_NOT_ALLOWED)


def admit_application(
    application: ApplicationView, client_ip: str, environment: str | None = None, *, calls: bool = True
) -> None:
    """`environment` is the one that was called, None when the address does not tell; IP lists bind production
    applications only. `calls`: whether it is asked for what takes voice codes switched on.
    Raises Refused(APPLICATION_INACTIVE | WRONG_ENVIRONMENT | FEATURE_OFF | IP_NOT_ALLOWED).
    """
    document = application.document
    if not application.active:
        raise Refused(Refusal.APPLICATION_INACTIVE)
    if environment is not None and document.environment != environment:
        raise Refused(Refusal.WRONG_ENVIRONMENT)
    if calls and not document.voice_code:
        raise Refused(Refusal.FEATURE_OFF)
    if document.environment == "production" and not application.allowed_ips.admits(client_ip):
        raise Refused(Refusal.IP_NOT_ALLOWED)
