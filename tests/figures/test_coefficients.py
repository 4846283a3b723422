"""The forest plot of a summary shows its numbers: points, intervals, ends at infinity, gaps."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.figures.coefficients import coefficients


@pytest.fixture
def summary():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 60))
    Y = (X[:1] + rng.normal(size=(1, 60)) > 0).astype(int)
    result = flr.train(X, Y, solver="auto", tol=1e-12)
    return flr.summary(result, X, Y, names=["age", "dose", "n" * 40])


def texts(axes):
    (right,) = axes.child_axes
    return [label.get_text() for label in right.get_yticklabels()]


def points(axes):
    return {
        line.get_ydata()[0]: line.get_xdata()[0]
        for line in axes.get_lines()
        if line.get_marker() == "s"
    }


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    return file.getvalue()


def test_points_and_intervals_are_those_of_the_summary(summary):
    figure = coefficients(summary)
    (axes,) = figure.get_axes()
    assert points(axes) == dict(enumerate(summary.coefficients[1:]))
    ends = [line.get_xdata() for line in axes.get_lines() if line.get_linewidth() == 1.4]
    np.testing.assert_array_equal(ends, np.column_stack([summary.lower, summary.upper])[1:])
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["age", "dose", "n" * 25 + "..."]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert "95 % Wald intervals, covariance hessian" in axes.get_title()
    low, high = summary.lower[1], summary.upper[1]
    assert texts(axes)[0] == f"{summary.coefficients[1]:.3g} [{low:.3g}, {high:.3g}]"
    assert drawn(figure).startswith(b"<?xml")


def test_odds_ratios_stand_on_a_logarithmic_axis(summary):
    (axes,) = coefficients(summary, odds=True, intercept=True).get_axes()
    assert points(axes) == dict(enumerate(np.exp(summary.coefficients)))
    assert axes.get_xscale() == "log"
    assert [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"] == [1]


def test_a_narrow_axis_of_odds_ratios_has_plain_numbers(summary):
    values = np.array([0.0, 0.1, 0.2, 0.4])
    near = replace(summary, coefficients=values, lower=values - 0.1, upper=values + 0.1)
    (axes,) = coefficients(near, odds=True).get_axes()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == [f"{tick:g}" for tick in axes.get_xticks()]
    assert "1.2" in labels


def test_a_wide_axis_of_odds_ratios(summary):
    wide = replace(summary, upper=summary.upper + 900.0)
    (axes,) = coefficients(wide, odds=True).get_axes()
    assert np.isfinite(axes.get_xlim()).all()
    assert drawn(coefficients(wide, odds=True)).startswith(b"<?xml")


def test_ends_at_infinity_and_what_is_not_identified(summary):
    lower, gaps = summary.lower.copy(), summary.coefficients.copy()
    lower[1], gaps[2] = -np.inf, np.nan
    odd = replace(summary, lower=lower, coefficients=gaps, interval="profile", penalised=True)
    figure = coefficients(odd)
    (axes,) = figure.get_axes()
    assert list(points(axes)) == [0, 2]
    assert [line.get_ydata()[0] for line in axes.get_lines() if line.get_marker() == "<"] == [0]
    assert texts(axes)[1] == "not identified"
    assert "profile-likelihood" in axes.get_title()
    assert "penalised" in axes.get_title()
    assert drawn(figure).startswith(b"<?xml")
    assert drawn(coefficients(odd, odds=True)).startswith(b"<?xml")
    alone = {name: getattr(odd, name)[2:3] for name in ("coefficients", "standard_errors", "upper")}
    nothing = replace(odd, names=("a",), lower=np.array([np.nan]), **alone)
    assert drawn(coefficients(nothing)).startswith(b"<?xml")


def test_of_many_coefficients_the_most_certain_are_drawn(summary):
    values = np.linspace(-1.0, 1.0, 51)
    many = replace(
        summary,
        names=tuple(f"x{j}" for j in range(51)),
        coefficients=values,
        standard_errors=np.ones(51),
        lower=values - 1.96,
        upper=values + 1.96,
    )
    (axes,) = coefficients(many).get_axes()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 40
    assert "x25" not in labels
    assert "the 40 of largest" in axes.get_title()


def test_an_intercept_alone_is_drawn_only_where_it_is_asked_for(summary):
    alone = replace(
        summary,
        names=("intercept",),
        **{
            name: getattr(summary, name)[:1]
            for name in ("coefficients", "standard_errors", "lower", "upper")
        },
    )
    with pytest.raises(ValueError, match="a coefficient beside the intercept"):
        coefficients(alone)
    assert len(points(coefficients(alone, intercept=True).get_axes()[0])) == 1
