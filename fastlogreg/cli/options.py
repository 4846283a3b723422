"""Options that several commands share: how to read a data file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataFile = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help=".h5, .npz, .npy, .csv, .parquet or LIBSVM text; an example per row."
    ),
]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file written by train --out.")
]
X = Annotated[
    str | None,
    typer.Option(
        "--x", help="Dataset of examples (.h5, .npz), or feature columns of a table: a,b,c."
    ),
]
Y = Annotated[
    str | None, typer.Option("--y", help="Dataset of labels (.h5, .npz), or another .npy file.")
]
Target = Annotated[
    str | None,
    typer.Option("--target", help="Label column of a table, by name or position; -1 is the last."),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether a CSV starts with column names; default: its first rows tell.",
    ),
]
Features = Annotated[
    int | None,
    typer.Option(
        "--n-features", help="Number of features of LIBSVM text; default: its largest index."
    ),
]
Backend = Annotated[str, typer.Option("--backend", help="fused, loops, numpy or python.")]
Threads = Annotated[
    int | None, typer.Option("--threads", help="Number of threads; default: all cores.")
]
MaxMemory = Annotated[
    int | None,
    typer.Option(
        "--max-memory",
        help="Read X in blocks that take at most so many bytes, in each pass anew: for .npy, "
        ".h5, .parquet.",
    ),
]
L1Ratio = Annotated[
    float,
    typer.Option(
        "--l1-ratio",
        help="Share of L1 in the penalty, 0 to 1: lambda / m (r |w|_1 + (1 - r) / 2 ||w||^2).",
    ),
]
Bounds = Annotated[
    str | None,
    typer.Option("--bounds", metavar="LOW,HIGH", help='What weights may be; "0," is not negative.'),
]
