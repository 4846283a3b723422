"""Files that a command writes: looked at before any work, so that none is done in vain."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..checks.extras import require

FIGURES = (".png", ".pdf", ".svg")
OTHERS = (
    ".csv",
    ".json",
    ".jsonl",
    ".parquet",
    ".pkl",
    ".joblib",
    ".html",
    ".onnx",
    ".txt",
    ".tsv",
)


def check_model_file(path: Path | None) -> None:
    """Refuse the ending of another format: a model file is NumPy's .npz."""
    if path is not None and path.suffix.lower() in OTHERS:
        raise ValueError(
            f"--out writes a model, in NumPy's .npz; got {path}. Give it the ending .npz (the "
            "command predict writes tables)"
        )


def check_report(path: Path | None) -> None:
    """Refuse another ending than that of a page."""
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--report writes a page of HTML; got {path}. Give it the ending .html")


def check_writable(path: Path | None, *others: Path | None) -> None:
    """Refuse a file that cannot be written, or that is one of the others of this command."""
    if path is None:
        return
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder")
    if not folder.is_dir():
        raise ValueError(f"cannot write {path}: its folder does not exist")
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot write {path}: it is not a regular file")
    for other in others:
        if other is not None and os.path.realpath(path) == os.path.realpath(other):
            raise ValueError(
                f"cannot write {path}: it is another file of this command; give it a name of its "
                "own"
            )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error


def check_plot(path: Path | None, *others: Path | None) -> None:
    """Refuse a figure that cannot be drawn or written."""
    check_writable(path, *others)
    if path is not None:
        if path.suffix.lower() not in FIGURES:
            raise ValueError(f"a figure must end in {', '.join(FIGURES)}; got {path}")
        require("matplotlib", "plots", "drawing a figure")
