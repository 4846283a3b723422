"""`python -m benchmarks coverage`: how often intervals of 95 % hold the true coefficient, in small
samples.

Each design draws x1 (normal), x2 (yes in 3 of 10) and, where there are three, x3 (normal), and
labels with slopes 1, 1 and 0. A sample with one class alone is drawn again, and counted. Four kinds
of intervals are made of every sample: Wald's and the profile's of the likelihood, and both of
Firth's. A slope that the sample does not identify has no Wald interval: that counts once as the
whole line, which holds everything, and once not at all.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.machine.threads import available_threads
from fastlogreg.maths.distributions import normal_quantile
from fastlogreg.tools import bench

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome
from ..report.tables import markdown

SAMPLES, QUICK_SAMPLES = 2000, 20
LEVEL = 0.95
SLOPES = np.array([1.0, 1.0, 0.0])
KINDS = ("Wald", "profile", "Firth, Wald", "Firth, profile")


class Design(NamedTuple):
    """Holds n, the number of features, and the intercept."""

    n: int
    n_x: int
    b: float
    outcome: str

    @property
    def name(self) -> str:
        """Return how the table calls it."""
        return f"n = {self.n}, {self.n_x} features, {self.outcome}"


DESIGNS = (
    Design(30, 2, -0.3, "balanced"),
    Design(50, 2, -0.3, "balanced"),
    Design(50, 3, -0.3, "balanced"),
    Design(100, 3, -0.3, "balanced"),
    Design(50, 2, -2.5, "rare"),
    Design(100, 2, -2.5, "rare"),
    Design(100, 3, -2.5, "rare"),
)


class Sample(NamedTuple):
    """Holds X (n, n_x), y (n,), and how many draws of one class alone came before."""

    X: Any
    y: Any
    again: int


def draw(design: Design, number: int) -> Sample:
    """Draw a sample; its number is its seed."""
    rng = np.random.default_rng([design.n, design.n_x, round(-10 * design.b), number])
    for again in range(1000):
        X = rng.standard_normal((design.n, design.n_x))
        X[:, 1] = rng.random(design.n) < 0.3
        z = X @ SLOPES[: design.n_x] + design.b
        y = (rng.random(design.n) < 1.0 / (1.0 + np.exp(-z))).astype(np.int64)
        if 0 < y.sum() < design.n:
            return Sample(X, y, again)
    raise ValueError(f"a design must give both classes now and then; {design.name} does not")


def intervals(sample: Sample) -> Any:
    """Make the intervals of every slope: (kinds, n_x, 2); NaN where there is none."""
    X, y, _ = sample
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = flr.train(X.T, y[None], solver="auto", tol=1e-10, n_threads=1)
        plain = flr.summary(result, X.T, y[None], interval="profile", level=LEVEL, n_threads=1)
        make = flr.LogisticRegression
        firth = make(C=np.inf, bias_reduction="firth", tol=1e-10, n_threads=1).fit(X, y)
        reduced = firth.summary(interval="profile", level=LEVEL)
    half = normal_quantile(0.5 + 0.5 * LEVEL)
    found = []
    for summary in (plain, reduced):
        move = half * summary.standard_errors
        found.append(np.column_stack([summary.coefficients - move, summary.coefficients + move]))
        found.append(np.column_stack([summary.lower, summary.upper]))
    return np.array(found)[:, 1:]


def run(quick: bool, say: Callable[[str], None], keep: Keep = keep_nothing) -> dict[str, Any]:
    """Simulate every design, 2,000 samples each; quick: one design, 20 samples."""
    rows: list[dict[str, Any]] = []
    samples = QUICK_SAMPLES if quick else SAMPLES
    for design in DESIGNS[:1] if quick else DESIGNS:
        say(design.name)
        rows += simulate(design, samples)
        keep(rows)
    return outcome("coverage", quick, available_threads(), rows, [], samples=samples)


def simulate(design: Design, samples: int) -> list[dict[str, Any]]:
    """Return a row for each kind of interval."""
    drawn = [draw(design, number) for number in range(samples)]
    ends = np.array([intervals(sample) for sample in drawn])  # (samples, kinds, n_x, 2)
    again = sum(sample.again for sample in drawn)
    return [
        {
            "case": design.name,
            "order": "",
            "contender": kind,
            "again": again,
            **counted(ends[:, k], SLOPES[: design.n_x]),
        }
        for k, kind in enumerate(KINDS)
    ]


def counted(ends: Any, slopes: Any) -> dict[str, float]:
    """Count intervals (samples, n_x, 2) that hold their slope, and their widths.

    covered: of all, where no interval is the whole line; covered_given: of those that there are.
    below, above: where the true slope lies outside. error: of covered, by Monte Carlo, from the
    shares of the samples, as slopes of one sample go together.
    """
    lower, upper = ends[..., 0], ends[..., 1]
    there = ~np.isnan(lower) & ~np.isnan(upper)
    below, above = there & (slopes < lower), there & (slopes > upper)
    held = ~below & ~above
    shares = held.mean(axis=1)
    infinite = there & ~(np.isfinite(lower) & np.isfinite(upper))
    width = np.where(there, upper - lower, np.inf)
    return {
        "covered": float(held.mean()),
        "error": float(shares.std(ddof=1) / math.sqrt(len(shares))),
        "covered_given": float(held[there].mean()) if there.any() else math.nan,
        "none": float(1.0 - there.mean()),
        "infinite": float(infinite.mean()),
        "below": float(below.mean()),
        "above": float(above.mean()),
        "width": float(np.median(width)),
    }


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for a page."""
    percents = ("covered", "error", "covered_given", "none", "infinite", "below", "above")
    lines = [
        (
            row["case"],
            row["contender"],
            *(f"{100.0 * row[name]:.1f}" for name in percents),
            bench.digits(row["width"]) if math.isfinite(row["width"]) else "infinite",
        )
        for row in result["rows"]
    ]
    headings = (
        *("design", "interval", "covered, %", "its error", "of those there are"),
        *("none", "an infinite end", "slope below", "slope above", "median width"),
    )
    again = {row["case"]: row["again"] for row in result["rows"] if row["again"]}
    drawn = "; ".join(f"{case}: {number}" for case, number in again.items()) or "none"
    note = (
        f"{result['samples']:,} samples of each design, all slopes together, in percent. Covered: "
        "a slope without an interval counts as held by the whole line. Its error: one standard "
        "error of the simulation. Samples of one class that were drawn again: "
    )
    table = markdown(headings, lines)
    return {"coverage": f"{table}\n\n{note}{drawn}. {describe(result['environment'])}"}
