from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def doctor(cli: Cli) -> None:
    """Look for what is wrong with this installation, and say what helps. Exit code 1 when something fails."""
    import typer

    from onema.cli.checkup import examine
    from onema.cli.finding import Level
    from onema.cli.output import print_json, say_below

    findings = list(examine(cli.settings()))
    if cli.json:
        print_json(
            [
                {"level": str(found.level), "what": found.what, "detail": found.detail, "hint": found.hint}
                for found in findings
            ]
        )
    else:
        for found in findings:
            say_below(f"{found.level:<4}  {found.what}: {found.detail}", " " * 6)
            if found.hint:
                say_below(f"      -> {found.hint}", " " * 9)
    if any(found.level is Level.FAIL for found in findings):
        raise typer.Exit(1)
