"""The app: what every command shares. A fault of the world is one line, without a traceback."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EPIPE
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from perception.cli.log import FORMS, log_to
from perception.errors import PerceptionError
from perception.signals import stopped_as_interrupted
from perception.terminal import terminal

FAILED, INTERRUPTED = 2, 130  # exit codes; 130 is what shells give for Ctrl-C

USAGE: Any = typer.BadParameter.__mro__[1]  # click's UsageError, of the click that this typer uses
ROS = "--ros-args"  # from here on, words are those of ROS
HOME = re.compile(r"(?<==)~(?=/|$)|^~(?=/|$)")

errors = terminal(stderr=True)
output = terminal()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """The world's faults as one red line, without a traceback; a bug keeps its traceback."""
    try:
        with stopped_as_interrupted():
            yield
    except PerceptionError as error:
        errors.print(f"[bold red]error:[/] [red]{escape(str(error))}[/]", soft_wrap=True, highlight=False)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except USAGE as error:
        if "unexpected extra argument" in error.message:
            error.message += ". Quote a name with spaces and a pattern of pictures: '*.jpg'"
        raise
    except OSError as error:
        if error.errno == EPIPE:  # whom we write to has heard enough
            raise
        told = PerceptionError(f"{error.filename or 'the system'}: {error.strerror or error}")
        errors.print(f"[bold red]error:[/] [red]{escape(str(told))}[/]", soft_wrap=True, highlight=False)
        raise typer.Exit(FAILED) from error


class Commands(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`~` also where a shell leaves it: in --out=~/results, and in quotes. To ROS it is a name."""
        own, ros = parted(args)
        own = [HOME.sub(lambda home: os.path.expanduser(home[0]), word) for word in own]
        return super().parse_args(ctx, [*own, *ros])

    def invoke(self, ctx: Any) -> Any:
        with one_line_errors():
            return super().invoke(ctx)


def parted(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our words, and those from ROS on."""
    first = args.index(ROS) if ROS in args else len(args)
    return list(args[:first]), list(args[first:])


def main() -> None:
    """The console script. A terminal that cannot show a character shows its number.

    Where standard output or error is closed, the next file would get its number, and what a native library
    complains of would stand in it.
    """
    for number in range(3):
        with suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="perception")


app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Objects, signs, lanes and drivable area from a driving camera.",
)


def _version(asked: bool) -> None:
    if asked:
        from perception import __version__

        output.print(f"perception {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    log: Annotated[str, typer.Option("--log", help="Form of the log: text or json.")] = "text",
    log_file: Annotated[
        Path | None, typer.Option("--log-file", help="Log to this file, too; it is rotated at 10 MB.")
    ] = None,
) -> None:
    if log not in FORMS:
        raise typer.BadParameter(f"expected {' or '.join(FORMS)}, got {log!r}", param_hint="--log")
    logging.basicConfig(handlers=[log_to(log, log_file, errors)])
