"""`onema now`: what happens at the moment."""

import typer
