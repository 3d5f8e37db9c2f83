import resource

_ENOUGH = 65_536
"""More than one process of ours can serve. Some container runtimes allow a billion, which nothing needs."""


def most_open_files() -> int:
    """Raise the process's limit of open files as far as it may and as is of use; return it.

    The limit that a shell or a unit gives is often 1,024, kept low for programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft
