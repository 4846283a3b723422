"""When L-BFGS is given the Hessian of a small sample after its first iteration.

A Hessian takes as long as several reads of X. It saves L-BFGS as many, or more, where features are
alike: then the eigenvalues of the Hessian lie far apart, and spreads alone do not tell. Where they
are not, L-BFGS by spreads arrives in about a dozen reads. How alike they are is seen in the
products of a few examples, before any choice.
"""

from __future__ import annotations

from .requests import Asking, MeasureAlikeness, Problem

ROWS_PER_FEATURE = 7
AFTER = 1  # iterations: at the start all a may be alike, and tell nothing of the Hessian's own
MOST_READS = 12.0  # that it may take
LEAST_ALIKENESS = 1.5  # see `backends.moments.alikeness`
BYTE_READS = 5.0  # of bytes take as long as one of numbers


def rows(problem: Problem) -> int:
    """Return how many examples it is made of."""
    return ROWS_PER_FEATURE * problem.n_x


def reads(problem: Problem, products_of_read: float) -> float:
    """Return how many reads of X take as long; products_of_read: of a Hessian, likewise."""
    numbers = problem.elements * problem.element_seconds / problem.dense_seconds
    found = problem.hessian_work * rows(problem) / problem.m / (products_of_read * numbers)
    return BYTE_READS * found if problem.read_of_bytes else found


def pays(problem: Problem, products_of_read: float) -> Asking[bool]:
    """Tell whether to take it."""
    if problem.columns > 1 or 2 * rows(problem) > problem.m:
        return False
    if not reads(problem, products_of_read) <= MOST_READS:
        return False
    alikeness: float = yield MeasureAlikeness()
    return alikeness >= LEAST_ALIKENESS
