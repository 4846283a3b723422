"""The application: its table of commands, and the way out: exit status 0, or 2 and one line on
stderr.

A command is a plain function whose annotations typer reads; adding one is one line in `COMMANDS`.
Commands raise ValueError, TypeError, OSError or ModuleNotFoundError with a text meant for the user,
and import what is slow inside.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import rich  # noqa: F401  (so that a missing one is noticed here, and not at the first progress bar)
import typer

from .._version import __version__
from . import compare, demo, doctor, line
from .cv import cv
from .inspect import inspect
from .line import INTERRUPTED
from .predict import evaluate, predict
from .show import show
from .summary import summary
from .train import train
from .warmup import warmup

COMMANDS: dict[str, Callable[..., Any]] = {
    "train": train,
    "inspect": inspect,
    "show": show,
    "cv": cv,
    "predict": predict,
    "evaluate": evaluate,
    "summary": summary,
    "compare": compare.compare,
    "demo": demo.demo,
    "bench": doctor.bench,
    "doctor": doctor.doctor,
    "warmup": warmup,
}

app = typer.Typer(
    name="fastlogreg",
    help="Logistic regression at memory speed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    if version:
        print(f"fastlogreg {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    debug = "--debug" in arguments
    line.remember(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for notice in (
            DeprecationWarning,
            PendingDeprecationWarning,
        ):  # for the developers of a library
            warnings.simplefilter("ignore", notice)
        warnings.showwarning = _show_warning
        try:
            status = app(
                [a for a in arguments if a != "--debug"],
                prog_name="fastlogreg",
                standalone_mode=False,
            )
            status = status if isinstance(status, int) else 0  # typer itself turns Ctrl-C into 130
            return _fail("interrupted", status) if status == INTERRUPTED else status
        except (KeyboardInterrupt, typer.Abort):
            return _fail("interrupted", INTERRUPTED)
        except Exception as error:
            if debug:
                traceback.print_exc()
                return 2
            return _fail(_describe(error), 2)


def _describe(error: Exception) -> str:
    """Say what went wrong in one line."""
    if hasattr(error, "format_message"):  # typer's own: bad usage
        context = getattr(error, "ctx", None)
        return (
            f"{error.format_message()} (see "
            f"{context.command_path if context else 'fastlogreg'} --help)"
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    if isinstance(error, (ValueError, TypeError, OSError, ModuleNotFoundError)):
        return str(error)
    return f"unexpected {type(error).__name__}: {error} (run again with --debug to see where)"


def _fail(text: str, status: int) -> int:
    print("error:", " ".join(text.split()), file=sys.stderr)
    return status


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print("warning:", " ".join(str(message).split()), file=sys.stderr)
