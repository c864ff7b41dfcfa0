"""The `perception` command. What a command needs is imported when it runs: `--help` is instant."""

from perception.cli import bundles, calibrate, explain, judge, learn, see, serve
from perception.cli.app import FAILED, INTERRUPTED, app, main

__all__ = ["FAILED", "INTERRUPTED", "app", "main"]

for module in (see, explain, serve, calibrate, judge, learn, bundles):
    app.add_typer(module.commands)
