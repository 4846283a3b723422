"""Options that several commands share: how to read a data file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

READING, TRAINING, PENALTY, TESTING = "Reading DATA", "Training", "Penalty", "Testing and labels"
RUNNING, OUTPUT = "The run", "Output"

DataFile = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A table (.csv and other text, .parquet, .feather, .jsonl, .xlsx, also .gz, or - for "
        "a pipe), arrays (.h5, .npz, .npy) or LIBSVM text; an example per row.",
    ),
]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file written by train --out.")
]
X = Annotated[
    str | None,
    typer.Option(
        "--x",
        help="Dataset of examples (.h5, .npz), or feature columns of a table: a,b,c.",
        rich_help_panel=READING,
    ),
]
Y = Annotated[
    str | None,
    typer.Option(
        "--y",
        help="Dataset of labels (.h5, .npz), or another .npy file.",
        rich_help_panel=READING,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="Label column of a table, by name or position; -1 is the last.",
        rich_help_panel=READING,
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether a CSV starts with column names; default: its first rows tell.",
        rich_help_panel=READING,
    ),
]
Features = Annotated[
    int | None,
    typer.Option(
        "--n-features",
        help="Number of features of LIBSVM text; default: its largest index.",
        rich_help_panel=READING,
    ),
]
ZeroBased = Annotated[
    bool,
    typer.Option(
        "--zero-based",
        help="LIBSVM text counts its features from 0.",
        rich_help_panel=READING,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        help="What parts the fields of a text table: one character, comma, semicolon, tab, pipe or "
        "space; default: found.",
        rich_help_panel=READING,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        help="Of a text table, for instance utf-8, utf-16, latin-1; default: found.",
        rich_help_panel=READING,
    ),
]
Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        metavar="A,B",
        help="Columns whose values are names, even where they are numbers.",
        rich_help_panel=READING,
    ),
]
LeaveOut = Annotated[
    str | None,
    typer.Option(
        "--leave-out", metavar="A,B", help="Columns that are no features.", rich_help_panel=READING
    ),
]
Missing = Annotated[
    str | None,
    typer.Option(
        "--missing",
        metavar="WORDS",
        help='What stands for no value beside empty fields, ?, NA and the like: "-999,unknown".',
        rich_help_panel=READING,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object and nothing else.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Print nothing but warnings and errors.", rich_help_panel=OUTPUT),
]
Backend = Annotated[
    str,
    typer.Option("--backend", help="fused, loops, numpy or python.", rich_help_panel=RUNNING),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="Number of threads; default: all cores.", rich_help_panel=RUNNING
    ),
]
MaxMemory = Annotated[
    int | None,
    typer.Option(
        "--max-memory",
        help="Read X in blocks that take at most so many bytes, in each pass anew: for .npy, "
        ".h5, .parquet.",
        rich_help_panel=RUNNING,
    ),
]
L1Ratio = Annotated[
    float,
    typer.Option(
        "--l1-ratio",
        help="Share of L1 in the penalty, 0 to 1: lambda / m (r |w|_1 + (1 - r) / 2 ||w||^2).",
        rich_help_panel=PENALTY,
    ),
]
Bounds = Annotated[
    str | None,
    typer.Option(
        "--bounds",
        metavar="LOW,HIGH",
        help='What weights may be; "0," is not negative.',
        rich_help_panel=PENALTY,
    ),
]
PenaltyWeights = Annotated[
    str | None,
    typer.Option(
        "--penalty-weights",
        metavar="NAME=WEIGHT,...",
        help="What the penalty of a column is multiplied by, 0 for none, inf to leave it out; or a "
        "file with a line NAME=WEIGHT each.",
        rich_help_panel=PENALTY,
    ),
]
