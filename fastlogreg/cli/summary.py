"""The command summary: how certain the weights of a model are, from the data of its training."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..models.model import Model
from . import options
from .reading import DataOptions, column_for, labels_of, read_for, truth
from .table_reading import chosen_labels, with_labels

if TYPE_CHECKING:
    from ..inference.fitted import How
    from ..inference.summary import Summary

# Settings of a penalty whose weights have no standard errors.
CORNERS = ("l1_ratio", "bounds", "penalty_weights")
FACTS = (
    "target",
    "examples",
    "total",
    "log_likelihood",
    "null_log_likelihood",
    "deviance",
    "null_deviance",
    "degrees_of_freedom",
    "aic",
    "bic",
    "mcfadden",
    "nagelkerke",
    "tjur",
    "statistic",
    "statistic_df",
    "p_value",
    "interval",
    "level",
    "penalised",
    "covariance_kind",
    "convention",
)


def summary(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    covariance: Annotated[
        str,
        typer.Option(
            "--covariance",
            help="hessian, HC0, HC1, HC1-stata, HC2, HC3, cluster or cluster-statsmodels.",
        ),
    ] = "hessian",
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups",
            metavar="COLUMN",
            help="The column of a table (else as --y) with the cluster of each example.",
        ),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Level of the intervals.")] = 0.95,
    interval: Annotated[str, typer.Option("--interval", help="wald or profile.")] = "wald",
    threads: options.Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON in place of the table.")
    ] = False,
) -> None:
    """Print standard errors, tests and intervals of MODEL, from the DATA of its training.

    MODEL must be of two labels. Without a penalty (--lambda 0) the tests are those of R's glm.
    """
    from ..inference.fitted import How

    how = How(covariance, groups, interval, level).checked()
    loaded = Model.load(model)
    require_two_labels(len(loaded.labels))
    require_smooth(loaded)
    if loaded.settings.get("class_weight"):
        raise ValueError("summary needs a model trained without --class-weight")
    source = DataOptions(x, y, target, header)
    examples = read_for(loaded, data, source)
    clusters = None if groups is None else column_for(loaded, data, source, groups)
    labels = labels_of(examples)
    kept = with_labels(labels)
    if len(kept) < len(labels):  # training left these rows out, too
        examples = examples._replace(X=examples.X[:, kept], y=chosen_labels(labels, kept))
        clusters = None if clusters is None else clusters[kept]
    Y = truth(examples, loaded.labels, loaded.settings.get("positive"))
    how = how._replace(groups=clusters)
    found = summary_of(loaded, examples.X, Y, how, threads)
    print(as_text(found) if as_json else found)


def require_two_labels(count: int) -> None:
    """Refuse a model of several classes, which has a summary in Python alone."""
    if count > 2:
        raise ValueError(
            f"summary is for two classes; got a model of {count}. Fit one class against the rest "
            "(train --positive LABEL), or take LogisticRegression.summary in Python"
        )


def require_smooth(model: Model) -> None:
    """Refuse a model of L1 or bounds: what these choose has no standard error of its own."""
    for name in CORNERS:
        if model.settings.get(name):
            raise ValueError(
                f"summary needs a model trained without --{name.replace('_', '-')}: what it chose "
                "has no standard error of its own. Train on the chosen columns without it, on "
                "other rows"
            )


def summary_of(
    model: Model, X: Any, Y: NDArray[Any], how: How, n_threads: int | None = None
) -> Summary:
    """Return the summary of a model of two labels on the data of its training."""
    from ..api.inference import check_names
    from ..data.inputs import design_of
    from ..inference.fitted import Fitted
    from ..inference.summarise import summarise

    design = design_of(X, model.scale, model.shift)
    strength = check_number("lambda_ of the model", model.settings.get("lambda_", 0.0), low=0)
    cost = model.settings.get("cost")
    fitted = Fitted(
        design,
        Y[0],
        model.w,
        np.asarray(model.b, np.float64).reshape(-1),
        check_names(model.feature_names, design.n_x),
        penalty=np.full(design.n_x, strength),
        cost=None if cost is None else check_number("cost of the model", cost),
        labels=model.labels,
        n_threads=n_threads,
    )
    return summarise(fitted, how)


def as_text(summary: Summary) -> str:
    """Write a summary as JSON: null for NaN, "Infinity" for what is infinite."""
    columns = summary.columns()
    rows = [dict(zip(columns, cells)) for cells in zip(*columns.values())]
    found = {
        "coefficients": rows,
        **{name: getattr(summary, name) for name in FACTS},
        "covariance": summary.covariance.tolist(),
        "notes": list(summary.notes),
    }
    return json.dumps(_plain(found), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value that JSON knows."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
