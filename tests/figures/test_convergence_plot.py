"""The convergence figure draws the history that a run has kept, and the history is what
happened."""

from __future__ import annotations

import io

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.figures import training

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 200))
Y = (X[:1] + rng.normal(size=(1, 200)) > 0).astype(np.uint8)


def lines_of(figure):
    return [axes.get_lines() for axes in figure.get_axes()]


@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "auto"])
def test_the_history_is_what_happened(solver):
    result = flr.train(X, Y, solver=solver, lambda_=1.0, tol=1e-10, iterations=2000)
    passes, seconds, costs, bounds = result.history.T
    assert passes[-1] == result.passes
    assert (np.diff(passes) >= 0).all()
    assert (np.diff(seconds) >= 0).all()
    assert seconds[0] >= 0
    assert seconds[-1] <= result.seconds
    assert costs[-1] == result.cost
    assert bounds[-1] == result.suboptimality_bound
    optimum = flr.train(X, Y, solver="newton", lambda_=1.0, tol=0.0).cost
    assert (bounds >= costs - optimum - 1e-15).all()
    if (
        solver != "gd"
    ):  # a row for each point: those that J before each update is of, and the last one
        np.testing.assert_array_equal(costs[: len(result.costs)], result.costs)


@pytest.mark.parametrize("options", [{"lambda_": 0.0, "tol": 1.0}, {"lambda_": 1.0, "tol": None}])
def test_no_bound_is_claimed_where_none_is_known(options):
    seen = []
    result = flr.train(
        X, Y, solver="lbfgs", iterations=5, callback=lambda p: seen.append(p.bound), **options
    )
    assert np.isinf(result.history[:-1, 3]).all()
    assert np.isinf(seen[:-1]).all()
    assert seen[-1] == result.suboptimality_bound


def test_one_result_is_drawn_against_passes_and_seconds():
    result = flr.train(X, Y, solver="newton", lambda_=1.0, tol=1e-10)
    figure = training.convergence(result)
    axes = figure.get_axes()
    columns = [(0, 3), (1, 3), (0, 2), (1, 2)]
    for panel, (x, y) in zip(axes, columns):
        (line,) = panel.get_lines()
        np.testing.assert_array_equal(line.get_xydata(), result.history[:, [x, y]])
        assert panel.get_yscale() == "log"
        assert panel.get_legend() is None
    assert [axes[2].get_xlabel(), axes[3].get_xlabel()] == ["reads of X", "seconds"]
    assert [axes[0].get_ylabel(), axes[2].get_ylabel()] == ["bound on cost - optimum", "cost J"]
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue()[1:4] == b"PNG"


def test_several_results_in_one_figure_are_named_and_told_apart():
    pytest.importorskip("sklearn")
    fitted = flr.LogisticRegression(solver="lbfgs").fit(X.T, Y[0])
    results = {"plain": flr.train(X, Y, lambda_=1.0, tol=1e-6), "estimator": fitted}
    figure = training.convergence(results)
    for lines in lines_of(figure):
        assert [line.get_label() for line in lines] == list(results)
        assert len({(line.get_linestyle(), line.get_color()) for line in lines}) == 2
    assert [text.get_text() for text in figure.get_axes()[0].get_legend().get_texts()] == list(
        results
    )


def test_without_a_bound_the_panel_says_so():
    figure = training.convergence(flr.train(X, Y, solver="newton", tol=1e-8))
    assert "lambda is 0" in figure.get_axes()[0].texts[0].get_text()
    assert figure.get_axes()[2].get_yscale() == "log"


def test_what_has_no_history_is_refused():
    with pytest.raises(ValueError, match="at least one result"):
        training.convergence({})
    with pytest.raises(ValueError, match=r"results must be a TrainingResult .*got array"):
        training.convergence(np.ones(3))
    with pytest.raises(ValueError, match=r"results\['a'\] must be"):
        training.convergence({"a": None})
