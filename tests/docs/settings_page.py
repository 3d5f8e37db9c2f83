from onema.settings import describe


def settings_page() -> str:
    """The text of docs/operations/settings.md."""
    lines = [
        "# Settings",
        "",
        "A value comes from the environment variable, else from the TOML file, else from the default.",
        "In TOML, `listen.port` is `port` under `[listen]`. Lists in variables are separated by commas.",
        "An empty variable counts as one that is not set. Unknown names are refused at the start, but for the",
        "variables that Kubernetes and container links set for a service called onema (`ONEMA_SERVICE_HOST`,",
        "`ONEMA_PORT=tcp://...`). This page is generated from `src/onema/settings.py`.",
        "",
        "| setting | variable | type | default | meaning |",
        "|---|---|---|---|---|",
    ]
    for row in describe():
        kind = row.type.replace("|", "\\|") + (", secret" if row.secret else "")
        lines.append(f"| `{row.name}` | `{row.variable}` | {kind} | {row.default} | {row.help} |")
    return "\n".join(lines) + "\n"
