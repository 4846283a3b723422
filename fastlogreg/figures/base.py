"""A new figure and its file, without a display."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return a figure of this many inches, and its axes: one, or an array of them."""
    figure = _matplotlib().figure.Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


def check_figure_path(path: str | Path) -> None:
    """ValueError where the ending is not that of a figure, or the folder is not there; or
    matplotlib is missing."""
    _matplotlib()
    if Path(path).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"a figure is written to a .png, .svg or .pdf file; got {str(path)!r}")
    if not Path(path).absolute().parent.is_dir():
        raise ValueError(f"the folder of {str(path)!r} does not exist: create it first")


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a .png, .svg or .pdf file; ValueError for another ending or a folder that
    is not there."""
    check_figure_path(path)
    figure.savefig(path, dpi=100)


def _matplotlib() -> Any:
    try:
        import matplotlib.figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "figures need matplotlib: pip install 'fastlogreg[plots]'", name=error.name
        ) from None
    return matplotlib


def clean(figure: Figure) -> Figure:
    axes: Axes
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    return figure
