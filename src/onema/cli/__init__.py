"""The command line. `main` is the program `onema`."""

from onema.cli.program import main

__all__ = ["main"]
