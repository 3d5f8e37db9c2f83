"""Variables that an orchestrator sets for a service that happens to have our name: none of them is a setting."""

import re

# What Kubernetes and container links set for a service that happens to be called onema, onema-api ...
# (kubernetes.io/docs/tutorials/services/connect-applications-service, docs.docker.com/engine/network/links).
_NOT_OURS = re.compile(
    r"ONEMA_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)"
    r"|ONEMA_ENV_\w+"
)
_LINK = re.compile(r"(tcp|udp|sctp)://\S+")
"""The value of such a service's ONEMA_PORT; that of `onema-listen` has the name of a setting of ours."""


def is_of_the_orchestrator(variable: str, text: str, *, known: bool) -> bool:
    """`known`: a setting has this variable."""
    if variable.endswith("_PORT") and _LINK.fullmatch(text):
        return True
    if variable.endswith("_NAME") and text.startswith("/"):
        return True
    return not known and _NOT_OURS.fullmatch(variable) is not None
