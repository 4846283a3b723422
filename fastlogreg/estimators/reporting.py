"""The report of a fitted estimator, as a mixin."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks.arguments import is_sparse
from ..checks.labels import codes_of
from ..checks.missing import plain_labels
from ..data.matrix_like import MatrixLike
from ..data.row_blocks import RowBlocks
from ..inference.fitted import How
from ..reports.content import ColumnFacts, Content, Examples, Row, Run, Weights, labels_in_words
from ..reports.estimating import estimated
from ..reports.moments import spreads
from ..reports.page import page, write
from .data_of_fit import data_of
from .input import checked_alike
from .sparse_coefficients import dense_coef
from .summaries import fitted_on


class Reporting:
    """Write a page about a fitted estimator."""

    def report(
        self,
        X: MatrixLike,
        y: ArrayLike,
        path: str | os.PathLike[str] | None = None,
        *,
        offset: ArrayLike | None = None,
        image_shape: tuple[int, ...] | None = None,
        title: str | None = None,
    ) -> str:
        """Write what is known of the fit, and how good it is on X, as one page of HTML.

        The page needs nothing beside itself: metrics with intervals, ROC, precision and recall,
        calibration, coefficients, worst mistakes, convergence with its proof, and versions.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            Rows to look at. Give some that took no part in the fit to know how good it is; those of
            the fit are told as such.
        y : array of shape (n_samples,)
            Their labels.
        path : path or None, default=None
            Where to write the page.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes.
        image_shape : tuple of int or None, default=None
            (h, w), (h, w, 1) or (h, w, 3) of one row, to show mistakes as images.
        title : str or None, default=None
            Of the page.

        Returns
        -------
        str
            The page.

        Raises
        ------
        ValueError or TypeError
            As `predict_proba`; for a label that the fit has not seen.
        OSError
            Where path cannot be written.

        Examples
        --------
        >>> import numpy as np
        >>> import fastlogreg as flr
        >>> X, y = np.arange(8.0)[:, None], [0, 0, 1, 0, 1, 0, 1, 1]
        >>> model = flr.LogisticRegression(C=10.0).fit(X, y)
        >>> model.report(X, y)[:15]
        '<!doctype html>'
        """
        content = _content(self, X, y, offset, image_shape, title)
        if path is not None:
            write(content, path)
        return page(content)


def _content(
    model: Any, X: Any, y: Any, offset: Any, image_shape: tuple[int, ...] | None, title: str | None
) -> Content:
    if hasattr(X, "dask"):
        raise ValueError(
            "report needs rows in memory, and got a Dask collection: give X.compute() and "
            "y.compute(), or some of their partitions"
        )
    given = X
    if hasattr(model, "_taken"):  # of a formula
        X = model._taken(X)
    kept = data_of(model)
    grouped = kept is not None and kept[4] is not None  # counts are no labels of rows
    own = kept is not None and not grouped and given is kept[0] and offset is kept[3]
    last = _examples(model, "test", X, y, offset)
    sets, held_out = [last], True
    estimates, why = None, "the data of the fit are not here."
    if own or kept is None:
        weight = kept[2] if own and kept else None
        estimates, why = _estimates(model, (X, y, weight, None), offset)
        own = own or estimates is not None
    if own:
        sets, held_out = [last._replace(name="training")], False
    elif kept is not None:
        fit_X, fit_y, weight, fit_offset, trials = kept
        estimates, why = _estimates(model, (fit_X, fit_y, weight, trials), fit_offset)
        if not grouped:
            sets = [_examples(model, "training", fit_X, fit_y, fit_offset), last]
    names, rows = _names(model), _rows(model, X)
    content = Content(
        title=title or type(model).__name__,
        subtitle=labels_in_words(model.classes_.tolist()),
        labels=tuple(np.asarray(model.classes_).tolist()),
        sets=sets,
        held_out=held_out,
        weights=Weights(dense_coef(model).T, names, None if rows is None else spreads(rows)),
        run=_run(model),
        facts=[
            ("features", f"{len(names):,}"),
            *((f"{each.name} rows", f"{each.Y.size:,}") for each in sets),
        ],
        columns=_columns(
            given, "standardised" if getattr(model, "standardize", False) else "as it is"
        ),
        estimates=estimates,
        no_estimates=why,
        example=_shower(given),
        X=rows,
        image_shape=image_shape,
        how=[("estimator", repr(model))],
        command=f"import fastlogreg as flr\n\nmodel = flr.{model!r}\nmodel.fit(X, y)\n"
        "model.report(X, y, path)",
    )
    if estimates is None and not own and kept is None:
        content.notes.append(
            "The rows of the fit are not kept, so it is not known whether these took part in it."
        )
    return content


def _examples(model: Any, name: str, X: Any, y: Any, offset: Any) -> Examples:
    A = model.predict_proba(X, offset=offset).T if offset is not None else model.predict_proba(X).T
    codes = codes_of(np.asarray(plain_labels(y)).reshape(-1), model.classes_)
    if len(codes) != A.shape[1]:
        raise ValueError(
            f"y must have a label for each of the {A.shape[1]} rows of X; got {len(codes)}"
        )
    return Examples(name, codes[None], A[1:2] if len(A) == 2 else A)


def _estimates(model: Any, data: tuple[Any, ...], offset: Any) -> tuple[Any, str]:
    """Return the summary of the fit on its own rows, or why there is none.

    data: X, y, sample_weight and trials.
    """
    if not hasattr(model, "summary"):
        return None, "C was chosen by cross-validation, which standard errors know nothing of."
    if getattr(model, "bias_reduction", None) is not None:
        return None, "bias-reduced fits have a summary of their own: see `summary`."
    try:
        return estimated(fitted_on(model, data, offset, How()))
    except ValueError as error:
        return None, f"{error}."


def _names(model: Any) -> list[str]:
    found = getattr(model, "feature_names_in_", None)
    if found is not None:
        return list(map(str, found))
    return [f"x{j + 1}" for j in range(model.coef_.shape[1])]


def _rows(model: Any, X: Any) -> Any:
    """Return X (n_x, m) of rows in memory; None of blocks."""
    if isinstance(X, RowBlocks):
        return None
    checked = checked_alike(model, X)
    return checked.T if is_sparse(checked) or isinstance(checked, np.ndarray) else None


def _columns(X: Any, made: str) -> list[ColumnFacts]:
    """Return what the columns of a data frame are; made: what the model makes of each."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return []
    found = []
    for name in X.columns:
        values = np.asarray(X[name])
        if values.dtype.kind in "biuf" and values.size:
            about = f"{values.min():.4g} to {values.max():.4g}"
        else:
            about = f"{len(set(values.tolist())):,} levels"
        found.append(ColumnFacts(str(name), str(X[name].dtype), 0, about, made))
    return found


def _shower(X: Any) -> Any:
    """Return what shows a row of a data frame of pandas; None for anything else."""
    if not hasattr(X, "iloc"):
        return None

    def row(i: int) -> Row:
        values = [(str(name), str(value)) for name, value in X.iloc[i].items()]
        return Row(f"row {X.index[i]}", values)

    return row


def _run(model: Any) -> Run | None:
    if not hasattr(model, "suboptimality_bound_") or not hasattr(model, "cost_"):
        return None
    history = np.asarray(model.history_)
    return Run(
        str(model.solver),
        int(np.max(model.n_iter_)),
        model.stop_reason_,
        float(model.cost_),
        float(model.suboptimality_bound_),
        float(model.gradient_norm_),
        float(history[-1, 1]) if len(history) else None,
        history,
    )
