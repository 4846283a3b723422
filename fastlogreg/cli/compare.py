"""`fastlogreg compare`: the lectures' loops, interpreted and compiled, against NumPy: agreement and
speed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..lectures.comparison import Comparison

WIDE = 120  # columns of a terminal that has room for the formulas
HEADINGS = (
    "elements",
    "interpreted\nms",
    "compiled\nms",
    "NumPy\nms",
    "faster than\ninterpreted",
    "loop against\nNumPy",
    "largest\ndisagreement",
)
NARROW = (
    "elements",
    "inter-\npreted\nms",
    "com-\npiled\nms",
    "NumPy\nms",
    "faster\nthan in-\nterpreted",
    "loop\nagainst\nNumPy",
    "differ-\nence",
)


def compare(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One pair, such as dot; default: all.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", help="Elements; default: mostly a million.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a bar figure: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Time loops against vectorized code: interpreted, compiled and NumPy, and their difference."""
    from rich.console import Console

    from ..lectures.compare import comparisons

    if plot is not None:
        from ..figures.base import check_figure_path, save
        from ..lectures.figures import speed_bars

        check_figure_path(plot)  # before a minute of measuring
    console, results = Console(), []
    if not console.is_terminal:
        console = Console(width=140)
    running = comparisons(name, size=size)
    with Console(stderr=True).status("compiling and timing") as status:
        for result in running:
            results.append(result)
            status.update(f"compiling and timing: {result.name} done")
    console.print(table(results, narrow=console.width < WIDE))
    compiling = sum(r.compile_seconds for r in results)
    console.print(
        "Times are the processor's, the best of several calls, on one thread; compiling (or "
        "loading from the "
        "disk cache) took "
        f"{compiling:.1f} s more. "
        "Disagreement is relative to the numbers added up.",
        highlight=False,
    )
    if any(r.has_lanes for r in results):
        console.print(
            "In lanes: the package's own exp and log, eight numbers at a time, as NumPy's are.",
            highlight=False,
        )
    if any(r.extrapolated for r in results):
        console.print(
            "~ extrapolated: the interpreted loop ran on as many elements as one second allows.",
            highlight=False,
        )
    if plot is not None:
        save(speed_bars(results), plot)
        print(f"written: {plot}")


def table(results: list[Comparison], narrow: bool = False) -> Table:
    """Make one row for each pair; the last ratio is the compiled loop against NumPy.

    narrow: what fits into 80 columns, without the formulas.
    """
    from rich.table import Table

    from ..lectures.compare import IN_LANES
    from ..lectures.comparison import against

    shown = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False) if narrow else Table()
    shown.add_column("pair", no_wrap=True)
    if not narrow:
        shown.add_column("formula", overflow="fold")
    for heading in NARROW if narrow else HEADINGS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for r in results:
        mark = "~" if r.extrapolated else ""
        shown.add_row(
            r.name,
            *([] if narrow else [r.formula]),
            f"{r.elements:,}",
            f"{mark}{_ms(r.interpreted)}",
            _ms(r.compiled),
            _ms(r.numpy),
            f"{mark}{r.speedup:,.0f} x",
            against(r.against_numpy),
            f"{r.disagreement:.1e}",
        )
        if r.has_lanes:  # the package's own form, in the column of compiled code
            own = ("", "", _ms(r.lanes), _ms(r.numpy), "", against(r.numpy / r.lanes), "")
            shown.add_row(f"  {IN_LANES}", *([] if narrow else [""]), *own)
    return shown


def _ms(seconds: float) -> str:
    """Write three digits of milliseconds, without exponents for long times."""
    return f"{1e3 * seconds:,.0f}" if seconds >= 0.1 else f"{1e3 * seconds:.3g}"
