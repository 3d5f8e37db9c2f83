from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def export(cli: Cli) -> None:
    """Write the configuration as a TOML file that `onema apply` takes back, to stdout.

    Secrets and passwords are not in it: { stored = true } keeps what is stored. Money and messages are not
    configuration.
    """
    from onema.administration.requests import ReadDocuments
    from onema.cli.output import print_json, say_lines
    from onema.cli.toml_file import toml_file

    with cli.session() as session:
        documents = session.answer(ReadDocuments()).documents
    text = "\n".join(toml_file(documents)).rstrip("\n")
    if cli.json:
        print_json({"file": f"{text}\n"})
        return
    say_lines(
        "# Written by `onema export`. Where a value is { stored = true }, what is stored stays: put secrets"
    )
    say_lines("# in its place to apply this file to another store.\n")
    say_lines(text)
