"""`fastlogreg doctor` (is this installation well?) and `fastlogreg bench` (how fast is it?)."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def doctor() -> int:
    """Examine this installation: versions, CPU, threads, cache, compiled code, bandwidth. Exit
    status 0 if healthy."""
    from rich.console import Console

    from ..tools import doctor as checks

    failed = 0
    with Console(stderr=True).status("examining") as status:
        for check in checks.examine():
            status.update(f"examining: {check.name} done")
            print(f"{'ok  ' if check.healthy else 'FAIL'}  {check.name}: {check.found}")
            if not check.healthy:
                failed += 1
                print(f"      remedy: {check.remedy}")
    print("healthy" if not failed else f"{failed} check{'s' if failed > 1 else ''} failed")
    return 1 if failed else 0


def bench(
    m: Annotated[int, typer.Option("-m", "--examples", help="Examples.")] = 40_000,
    n_x: Annotated[int, typer.Option("-n", "--features", help="Features.")] = 500,
    dtype: Annotated[
        str, typer.Option("--dtype", help="Of X: bool, uint8, ..., float64.")
    ] = "float64",
    order: Annotated[
        str, typer.Option("--order", help="example-major or feature-major.")
    ] = "example-major",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: every usable CPU.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", help="Each contender runs once in each.")] = 15,
) -> None:
    """Time one pass of cost and gradient: loops, NumPy and the fused kernel, beside the machine's
    read bandwidth."""
    from rich.console import Console
    from rich.table import Table

    from ..tools import bench as timing

    with Console(stderr=True).status("compiling and timing"):
        found = timing.backends(m, n_x, dtype, order, threads, rounds)
    table = Table(
        title=f"{m:,} x {n_x:,} {dtype}, {order}, {found.n_threads} "
        f"thread{'s' if found.n_threads > 1 else ''}"
    )
    table.add_column("contender")
    for heading in (
        "ms",
        "quartiles",
        "GB/s of X",
        "of read\nbandwidth",
        "against\nNumPy",
        "first call\ns",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in ("loops", "numpy", "fused"):
        t: Any = found.times[name]
        table.add_row(
            name,
            timing.digits(1e3 * t.median),
            f"{timing.digits(1e3 * t.low)} to {timing.digits(1e3 * t.high)}",
            f"{found.rate(name) / 1e9:.1f}",
            f"{found.rate(name) / found.bandwidth:.2f}",
            f"{found.times['numpy'].median / t.median:.2f} x",
            f"{t.first:.2f}",
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)
    console.print(table)
    console.print(
        f"Read bandwidth in the same run: {found.bandwidth / 1e9:.1f} GB/s. Medians of {rounds} "
        "rounds; the first call "
        f"compiles, or loads from the disk cache. NumPy computes in {timing.numpy_dtype(dtype)}, "
        "converted beforehand.",
        highlight=False,
    )
