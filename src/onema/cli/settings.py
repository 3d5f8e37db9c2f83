from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def settings(cli: Cli) -> None:
    """List every setting of the server, its value and what it means."""
    from onema.cli.output import print_json, print_table
    from onema.settings import describe, shown

    values = dict(shown(cli.settings()))
    rows = describe()
    if cli.json:
        print_json(
            [
                {
                    "name": row.name,
                    "value": values[row.name],
                    "default": row.default.strip("`"),
                    "variable": row.variable,
                    "type": row.type,
                    "secret": row.secret,
                    "help": row.help,
                }
                for row in rows
            ]
        )
    else:
        print_table(
            ("setting", "value", "variable", "meaning"),
            [(row.name, values[row.name], row.variable, row.help) for row in rows],
        )
