"""python -m benchmarks BENCHMARK [--quick] [--json FILE] ..., or report RESULT.json ... for the
tables of results that were kept, or check OLD.json NEW.json: exit status 1 where something became
worse. `--help` names them all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastlogreg.machine.threads import available_threads

from .report import cpu, regression, roofline
from .report.results import keep_in, load, save
from .report.tables import write_block
from .runs import compile as cold_start
from .runs import (
    coverage,
    cuda,
    cv,
    inference,
    kernels,
    lectures,
    memory,
    outofcore,
    penalties,
    scaling,
    serving,
    solvers,
    sparse,
    train,
)

BENCHMARKS: dict[str, Any] = {
    "kernels": kernels,
    "train": train,
    "solvers": solvers,
    "cv": cv,
    "penalties": penalties,
    "inference": inference,
    "coverage": coverage,
    "compile": cold_start,
    "serving": serving,
    "memory": memory,
    "outofcore": outofcore,
    "lectures": lectures,
    "sparse": sparse,
    "scaling": scaling,
    "cuda": cuda,
}


def parser() -> argparse.ArgumentParser:
    """Make the command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, module in BENCHMARKS.items():
        text = " ".join(module.__doc__.split("\n\n")[0].split()).split(": ", 1)[1]
        # argparse fills in what follows a percent sign of a help, and leaves a description alone.
        command = commands.add_parser(name, help=text.replace("%", "%%"), description=text)
        command.add_argument(
            "--quick", action="store_true", help="small and short: shows that it works, no more"
        )
        command.add_argument(
            "--json",
            type=Path,
            metavar="FILE",
            help="write the result; after each case what there is",
        )
        command.add_argument(
            "--readme",
            type=Path,
            metavar="FILE",
            help="write the tables between this file's markers",
        )
        if name in ("kernels", "solvers"):
            command.add_argument(
                "--plot", type=Path, metavar="FILE", help="write the figure: .png or .svg"
            )
        if name == "kernels":
            command.add_argument(
                "--cpu-report", type=Path, metavar="FILE.md", help="write one page on this CPU"
            )
            command.add_argument(
                "--only", default="", metavar="TEXT", help="only cases with TEXT in their name"
            )
        if name == "cuda":
            command.add_argument(
                "--check",
                action="store_true",
                help="first check the kernels on the GPU; all of it takes at most eight minutes",
            )
        if name == "train":
            command.add_argument(
                "--data", type=Path, metavar="FOLDER", help="with catvnoncat/ and mnist/"
            )
        if name == "inference":
            command.add_argument(
                "--large", action="store_true", help="also a file of 4 GiB, made in TMPDIR"
            )
        if name in ("solvers", "cv", "penalties", "inference"):
            command.add_argument(
                "--problem",
                default="",
                metavar="TEXT",
                help="only problems with TEXT in their name",
            )
            command.add_argument(
                "--data", type=Path, metavar="FOLDER", help="with mnist/, libsvm/ and tables/"
            )
    again = commands.add_parser("report", help="the tables of results of --json, cut off or whole")
    again.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    again.add_argument(
        "--cpu-report", type=Path, metavar="FILE.md", help="write one page on this CPU from them"
    )
    check = commands.add_parser("check", help="compare two results of --json")
    check.add_argument("old", type=Path)
    check.add_argument("new", type=Path)
    check.add_argument(
        "--allowed",
        type=float,
        default=regression.ALLOWED,
        help="as a fraction, default %(default)s",
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 where a regression was found, or 2 for bad arguments."""
    options = vars(parser().parse_args(arguments))
    try:
        command = {"check": _check, "report": _report}.get(options["command"], _measure)
        return command(**options)
    except (ValueError, OSError) as error:
        print("error:", error, file=sys.stderr)
        return 2


def _check(command: str, old: Path, new: Path, allowed: float) -> int:
    worse = regression.check(load(old), load(new), allowed)
    print("\n".join(worse) if worse else "no regression")
    return 1 if worse else 0


def _report(command: str, results: list[Path], cpu_report: Path | None) -> int:
    kept = [load(path) for path in results]
    for result in kept:
        for text in BENCHMARKS[result["benchmark"]].report(result).values():
            print(text, end="\n\n")
    if cpu_report is not None:
        cpu_report.write_text(cpu.page(kept), encoding="utf-8")
    return 0


def _measure(
    command: str,
    quick: bool,
    json: Path | None,
    readme: Path | None,
    plot: Path | None = None,
    cpu_report: Path | None = None,
    **more: Any,
) -> int:
    module = BENCHMARKS[command]
    if json is not None:
        more["keep"] = keep_in(json, command, quick, available_threads())
    result = module.run(quick, say=lambda text: print(text, file=sys.stderr, flush=True), **more)
    blocks = module.report(result)
    for text in blocks.values():
        print(text, end="\n\n")
    if json is not None:
        save(json, result)
    if plot is not None:
        (solvers if command == "solvers" else roofline).figure(result).savefig(plot, dpi=120)
    if cpu_report is not None:
        cpu_report.write_text(cpu.page([result]), encoding="utf-8")
    if readme is not None:
        for name, text in blocks.items():
            write_block(readme, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
