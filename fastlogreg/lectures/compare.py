"""Compare loop and vectorized form of each pair of the lectures: interpreted, compiled, NumPy.

Interpreted loops are timed on as many elements as a second allows; where those are fewer, the time
is extrapolated to all of them in proportion, and `Comparison.extrapolated` says so. Compiled loops
and NumPy are timed warm, as the best of several calls. Times are the processor's: what else the
machine does counts little, and a second thread would count as much as the first.
Every form runs on one thread, NumPy's BLAS too where it is an OpenBLAS: what its threads do says
nothing about loops. The seconds of compilation, or of loading from the disk cache, stand apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from ..checks.arguments import check_number
from ..machine.blas import one_thread
from .comparison import Comparison, against
from .pairs import PAIRS, Pair, find

_TICK = 1e-9  # of the clock, at least
_PROBE = 1000  # elements of the first interpreted run
# Time and calls spent on each compiled loop and NumPy form; 3 calls at least.
_WARM_SECONDS, _WARM_CALLS = 0.3, 100
IN_LANES = "in lanes"  # what the package's own form is called in tables


def compare(
    name: str | None = None,
    *,
    size: int | None = None,
    plot: str | Path | None = None,
    seconds: float = 1.0,
) -> list[Comparison]:
    """Measure agreement and speed of the pair of this name, or of every pair of the lectures.

    Parameters
    ----------
    name : str or None, default=None
        A pair, "dot" for instance; None for all.
    size : int or None, default=None
        Elements of the largest array. Each pair has its own default, mostly a million.
    plot : path or None, default=None
        A PNG or SVG file for the bar figure (needs matplotlib).
    seconds : float, default=1.0
        What an interpreted loop may take.

    Returns
    -------
    list of Comparison
        One for each pair: seconds of each form, and the largest disagreement.

    Raises
    ------
    ValueError
        For an unknown name, with the names there are.

    References
    ----------
    Lectures "Vectorization", "More vectorization examples" and those that follow.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> [result] = flr.compare("dot", size=1000, seconds=0.01)
    >>> result.name, result.elements, result.disagreement < 1e-14
    ('dot', 1000, True)
    """
    if plot is None:
        return list(comparisons(name, size=size, seconds=seconds))
    from ..figures.base import check_figure_path, save
    from .figures import speed_bars

    check_figure_path(plot)  # before a minute of measuring
    results = list(comparisons(name, size=size, seconds=seconds))
    save(speed_bars(results), plot)
    return results


def comparisons(
    name: str | None = None, *, size: int | None = None, seconds: float = 1.0
) -> Iterator[Comparison]:
    """Measure as `compare` does, and hand over each pair when it is measured."""
    pairs = PAIRS if name is None else (find(name),)
    if size is not None:
        size = int(check_number("size", size, low=1, integer=True))
    check_number("seconds", seconds, positive=True)
    return (_measure(pair, size or pair.size, seconds) for pair in pairs)


def markdown(results: list[Comparison]) -> str:
    """Write the table of docs/benchmarks: times in milliseconds; ~ marks an extrapolated one.

    The package's own form has a row of its own, below that of the loop.
    """
    head = (
        "| pair | formula | elements | interpreted loop, ms | compiled loop, ms | NumPy, ms | "
        "compiled / interpreted "
        "| loop against NumPy | largest disagreement |\n|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    lines = []
    for r in results:
        first = f"`{r.formula}` | {r.elements:,}"
        last = f"{r.disagreement:.1e} |"
        times = f"{'~' * r.extrapolated}{r.interpreted * 1e3:.4g} | {r.compiled * 1e3:.3g}"
        ratios = f"{r.speedup:.3g} x | {against(r.against_numpy)}"
        numpy = f"{r.numpy * 1e3:.3g}"
        lines.append(f"| {r.name} | {first} | {times} | {numpy} | {ratios} | {last}")
        if r.has_lanes:
            times, ratios = f"- | {r.lanes * 1e3:.3g}", f"- | {against(r.numpy / r.lanes)}"
            lines.append(f"| {r.name} {IN_LANES} | {first} | {times} | {numpy} | {ratios} | {last}")
    return "\n".join((head, *lines))


def _measure(pair: Pair, size: int, seconds: float) -> Comparison:
    inputs = pair.inputs(size, np.random.default_rng(0))
    elements = _elements(inputs)
    start = perf_counter()
    result = pair.compiled(*inputs)
    first = perf_counter() - start
    disagreements = [pair.disagreement(result, inputs)]
    lanes = np.nan
    with one_thread():
        compiled, numpy = _warm(pair.compiled, inputs), _warm(pair.vectorized, inputs)
        if pair.lanes is not None:
            disagreements.append(pair.disagreement(pair.lanes(*inputs), inputs))
            lanes = _warm(pair.lanes, inputs)
    measured, interpreted, disagreement = _interpreted(pair, size, seconds)
    return Comparison(
        pair.name,
        pair.formula,
        elements,
        measured,
        interpreted * elements / max(measured, 1),
        compiled,
        numpy,
        max(first - compiled, 0.0),
        max(*disagreements, disagreement),
        lanes,
    )


def _interpreted(pair: Pair, size: int, seconds: float) -> tuple[int, float, float]:
    """Return (elements, seconds, disagreement) of the largest interpreted run that fits.

    It has up to size elements and takes these seconds at most.
    """
    n = min(size, _PROBE)
    while True:
        inputs = pair.inputs(n, np.random.default_rng(0))
        start = process_time()
        result = pair.loop(*inputs)
        took = max(process_time() - start, _TICK)
        room = 0.8 * (seconds - took) / took  # the next run, this many times as long, still fits
        if n >= size or room < 2:
            return _elements(inputs), took, pair.disagreement(result, inputs)
        seconds -= took
        n = min(size, int(n * min(room, 100)))


def _warm(function: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Seconds of the best call, after a warm-up."""
    function(*inputs)
    times: list[float] = []
    while len(times) < 3 or (sum(times) < _WARM_SECONDS and len(times) < _WARM_CALLS):
        start = process_time()
        function(*inputs)
        times.append(max(process_time() - start, _TICK))
    return min(times)


def _elements(inputs: tuple[Any, ...]) -> int:
    return max(np.size(x) for x in inputs)
