"""Linear hypotheses in words, and the tests of them: Wald's, and the likelihood ratio.

    hypotheses = equation {"," equation}        equation = expression ["=" expression]
    expression = ["-"] term {("+" | "-") term}  term = factor {"*" factor}
    factor     = number | name | `name` | 'name' | "name"

A product has one name at most.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..maths.arrays import Vector
from ..maths.distributions import chi2_tail

if TYPE_CHECKING:
    from .class_summary import ClassSummary
    from .summary import Summary

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.:])"
    r"|(?P<name>[^\W\d][\w.:]*|\d[\w.]*:[\w.:]+)"  # the second of a class that is a number
    r"|`(?P<ticked>[^`]+)`|'(?P<single>[^']+)'|\"(?P<double>[^\"]+)\""
    r"|(?P<sign>[-+*,=]))"
)
LOST = 1e-8  # of the log-likelihood: more is no rounding, nor an early stop


class WaldTest(NamedTuple):
    """Hold Wald's test of linear hypotheses.

    Attributes
    ----------
    statistic : float
        Chi-square.
    df : int
        How many equations were tested.
    p_value : float
        The probability of a larger statistic where all of them hold.
    hypothesis : str
        As it was given.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.WaldTest(3.84, 1, 0.05, "age = 0")
    WaldTest(statistic=3.84, df=1, p_value=0.05, hypothesis='age = 0')
    """

    statistic: float
    df: int
    p_value: float
    hypothesis: str


class ModelComparison(NamedTuple):
    """Hold the likelihood-ratio test of a model against a larger one.

    Attributes
    ----------
    statistic : float
        The fall of the deviance.
    df : int
        How many coefficients the larger model has more.
    p_value : float
        The probability of a larger statistic where these are 0.
    added : tuple of str
        Their names.
    aic, bic : tuple of float
        Of the smaller and of the larger model.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.ModelComparison(5.0, 1, 0.025, ("age",), (10.0, 7.0), (10.0, 9.0)).df
    1
    """

    statistic: float
    df: int
    p_value: float
    added: tuple[str, ...]
    aic: tuple[float, float]
    bic: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"likelihood-ratio test: chi-square {self.statistic:.4f}, df {self.df}, "
            f"p {self.p_value:.4g}\n"
            f"AIC {self.aic[0]:.2f} (smaller), {self.aic[1]:.2f} (larger)\n"
            f"BIC {self.bic[0]:.2f} (smaller), {self.bic[1]:.2f} (larger)"
        )


def hypotheses_of(text: str, names: Sequence[str]) -> tuple[Vector, Vector]:
    """Return L (q, P) and c (q,) of the hypotheses L theta = c; ValueError where text is none."""
    if not isinstance(text, str):
        raise TypeError(f'hypothesis must be a text, as "age = 0"; got {type(text).__name__}')
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise _wrong(
                text,
                f"{text[at:].strip()[:20]!r} is no name, number or sign. Names with "
                "other characters stand in backticks",
            )
        tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
        at = match.end()
    rows = [_Reader(part, names, text).equation() for part in _split(tokens, text)]
    return np.array([row for row, _ in rows]), np.array([c for _, c in rows])


def wald_test_of(
    text: str, names: Sequence[str], coefficients: Vector, covariance: Vector
) -> WaldTest:
    """Test hypotheses of coefficients (P,) with a covariance (P, P), NaN where not identified."""
    L, values = hypotheses_of(text, names)
    used = (L != 0.0).any(axis=0)
    lost = [names[j] for j in np.flatnonzero(used & np.isnan(np.diag(covariance))).tolist()]
    if lost:
        raise ValueError(
            f"the hypothesis must name coefficients that are identified; {', '.join(lost)} have "
            "no standard error"
        )
    L, chosen = L[:, used], covariance[np.ix_(used, used)]
    size = np.sqrt(np.diag(chosen))
    rank = int(np.linalg.matrix_rank(L * size))
    if rank < len(L):
        raise ValueError(
            f"the hypotheses must not follow from each other, or contradict each other; {len(L)} "
            f"equations are worth {rank}"
        )
    difference = L @ coefficients[used] - values
    statistic = float(difference @ np.linalg.solve(L @ chosen @ L.T, difference))
    return WaldTest(statistic, rank, chi2_tail(statistic, rank), text)


def _wrong(text: str, why: str) -> ValueError:
    return ValueError(f'hypothesis must be equations such as "age = 0, ht = ui"; in {text!r} {why}')


def _split(tokens: list[tuple[str, str]], text: str) -> list[list[tuple[str, str]]]:
    parts: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token == ("sign", ","):
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise _wrong(text, "an equation is empty")
    return parts


class _Reader:
    """Read one equation: the coefficients of the names, and the constant."""

    def __init__(self, tokens: list[tuple[str, str]], names: Sequence[str], text: str) -> None:
        self.tokens, self.names, self.text, self.at = tokens, names, text, 0

    def next(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def takes(self, *signs: str) -> str:
        kind, value = self.next()
        if kind == "sign" and value in signs:
            self.at += 1
            return value
        return ""

    def equation(self) -> tuple[Vector, float]:
        left, c = self.expression()
        if self.takes("="):
            right, d = self.expression()
            left, c = left - right, c - d
        if self.at < len(self.tokens):
            raise _wrong(self.text, f"{self.next()[1]!r} is not expected where it is")
        if not left.any():
            raise _wrong(self.text, "an equation has no coefficient left in it")
        return left, -c

    def expression(self) -> tuple[Vector, float]:
        row, constant = np.zeros(len(self.names)), 0.0
        sign = self.takes("-", "+")
        while True:
            place, value = self.term()
            value = -value if sign == "-" else value
            if place is None:
                constant += value
            else:
                row[place] += value
            sign = self.takes("+", "-")
            if not sign:
                return row, constant

    def term(self) -> tuple[int | None, float]:
        place, value = self.factor()
        while self.takes("*"):
            other, more = self.factor()
            if place is not None and other is not None:
                raise _wrong(self.text, "two coefficients are multiplied: it is not linear")
            place, value = (place if other is None else other), value * more
        return place, value

    def factor(self) -> tuple[int | None, float]:
        sign = -1.0 if self.takes("-") else 1.0
        kind, value = self.next()
        if kind in ("", "sign"):
            raise _wrong(self.text, "a name or a number is missing")
        self.at += 1
        if kind == "number":
            return None, sign * float(value)
        if value not in self.names:
            known = ", ".join(self.names[:10]) + (", ..." if len(self.names) > 10 else "")
            raise ValueError(
                f"hypothesis must name coefficients of the model: {known}; got {value!r}. "
                "Summary.names has all of them"
            )
        return self.names.index(value), sign


def compared(a: Summary | ClassSummary, b: Summary | ClassSummary) -> ModelComparison:
    """Return the likelihood-ratio test of two nested models, in either order."""
    for model in (a, b):
        if model.penalised:
            raise ValueError(
                "compare_models needs fits without a penalty: with one, the likelihood is not at "
                "its maximum. Fit with C=infinity (lambda_=0)"
            )
        if model.bias_reduction is not None:
            raise ValueError(
                "compare_models needs fits by maximum likelihood; got one with "
                f"bias_reduction={model.bias_reduction!r}. Fit with bias_reduction=None"
            )
    if a.digest != b.digest:
        raise ValueError(
            "compare_models needs two models of the same examples, in the same order, with the "
            f"same weights and offset; got {a.examples} examples and {b.examples}, which differ"
        )
    small, large = (a, b) if len(a.names) <= len(b.names) else (b, a)
    missing = [name for name in small.names if name not in large.names]
    if missing:
        raise ValueError(
            "compare_models needs nested models: each coefficient of the smaller one must be in "
            f"the larger one; {', '.join(map(repr, missing[:5]))} is not"
        )
    df = round(large.degrees_of_freedom - small.degrees_of_freedom)
    if df < 1:
        raise ValueError(
            "compare_models needs a larger and a smaller model; both have "
            f"{small.degrees_of_freedom:g} degrees of freedom"
        )
    statistic = 2.0 * (large.log_likelihood - small.log_likelihood)
    if statistic < -LOST * (1.0 + abs(small.log_likelihood)):
        raise ValueError(
            f"the larger model has a lower log-likelihood, by {-0.5 * statistic:.3g}: it is not at "
            "its optimum, or the models are not nested. Fit with a smaller tol"
        )
    statistic = max(statistic, 0.0)
    p = chi2_tail(statistic, df) if math.isfinite(statistic) else math.nan
    added = tuple(name for name in large.names if name not in small.names)
    return ModelComparison(statistic, df, p, added, (small.aic, large.aic), (small.bic, large.bic))
