"""The sections of a report but for its figures: data, metrics, coefficients, mistakes, origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..figures.training import is_drawable, most_confidently_wrong
from ..solvers.result import STOP_REASONS
from . import charts, origin
from .content import Content, Row
from .markup import Markup, cut, joined, number, pairs, percent, table, tag
from .measures import LEVEL, Measure, Measured
from .pictures import picture

Array = NDArray[Any]
COLUMNS, FEATURES, MISTAKES, REASONS, VALUES = 200, 30, 10, 3, 12  # shown at most
CLASSES, PAIRS = 30, 20  # in a table of counts; the most frequent mistakes where it is too wide


def data(content: Content) -> Iterator[Markup]:
    """Show what the data are: facts, classes, columns."""
    yield pairs(content.facts)
    for text in content.said:
        yield tag("p", text, class_="soft")
    heads = ["class", *(f"{examples.name} examples" for examples in content.sets)]
    counts = [
        np.bincount(examples.Y[0].astype(np.intp), minlength=len(content.labels))
        for examples in content.sets
    ]
    most = np.argsort(-counts[0], kind="stable")[:COLUMNS]
    rows = [
        [cut(content.labels[k]), *(f"{n[k]:,} ({percent(n[k] / n.sum())})" for n in counts)]
        for k in (range(len(content.labels)) if len(content.labels) <= COLUMNS else most)
    ]
    yield tag("h3", "Classes")
    yield table(heads, rows, "Examples of each class")
    if not content.columns:
        return
    yield tag("h3", "Columns")
    if len(content.columns) > COLUMNS:
        yield tag("p", f"The first {COLUMNS} of {len(content.columns)} columns.")
    cells = [
        [cut(c.name), c.type, f"{c.missing:,}", cut(c.values), _long(cut(c.becomes))]
        for c in content.columns[:COLUMNS]
    ]
    heads = ["column", "type", "missing", "values", "in the model"]
    yield tag("div", table(heads, cells, "Columns of the data"), class_="words")


def _long(text: str) -> Markup:
    return tag("span", text, class_="long")


def _cell(measure: Measure) -> Markup:
    write = percent if measure.share else number
    if measure.low != measure.low:
        return tag("span", write(measure.value))
    ends = f"{write(measure.low)} to {write(measure.high)}"
    return joined([write(measure.value), " ", tag("span", f"[{ends}]", class_="soft")])


def metrics(content: Content, found: list[Measured]) -> Iterator[Markup]:
    """Show metrics with intervals, and what was said of what."""
    rows = []
    by_name = [{measure.name: measure for measure in each.metrics} for each in found]
    for measure in found[-1].metrics:
        cells = [_cell(own[measure.name]) if measure.name in own else "-" for own in by_name]
        write = percent if measure.share else number
        rows.append([measure.name, *cells, write(measure.guess)])
    heads = ["metric", *(examples.name for examples in content.sets), "without a model"]
    yield table(heads, rows, "Metrics")
    usual = cut(content.labels[found[-1].scores.majority], 60)
    yield tag(
        "p",
        f"In brackets: {100 * LEVEL:g} % intervals (shares by Wilson, AUC by DeLong, losses by "
        "their spread, average precision on the log-odds). Without a model one would always say "
        f"“{usual}”, or the shares of the classes.",
        class_="soft",
    )
    name = content.sets[-1].name
    yield tag("h3", f"What was said of the {name} examples")
    yield from _counts(content, found[-1].scores.counts)
    if len(content.labels) == 2 and content.threshold != 0.5:
        yield tag(
            "p",
            f"“{cut(content.labels[1], 60)}” is said where its probability is above "
            f"{number(content.threshold)}.",
        )
    rows = [
        [cut(each.label), f"{each.examples:,}", _cell(each.precision), _cell(each.recall)]
        + ([] if each.curve is None else [_area(each.curve), number(each.average_precision)])
        for each in found[-1].classes
    ]
    heads = ["class", "examples", "precision", "recall", "AUC", "average precision"]
    yield table(heads, rows, "Precision and recall of each class")


def _area(curve: Any) -> Markup:
    return _cell(Measure("AUC", curve.area, *curve.interval))


def _counts(content: Content, counts: Array) -> Iterator[Markup]:
    labels = [cut(label, 40) for label in content.labels]
    if len(labels) <= CLASSES:
        rows = []
        for k, label in enumerate(labels):
            cells: list[Any] = [f"{n:,}" for n in counts[k]]
            cells[k] = tag("span", cells[k], class_="right")
            rows.append([f"is {label}", *cells])
        yield table(["", *(f"said {label}" for label in labels)], rows, "Counts: what was said")
        return
    wrong = counts - np.diag(counts.diagonal())
    most = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    rows = [
        [labels[i], labels[j], f"{wrong[i, j]:,}"]
        for i, j in zip(*np.unravel_index(most, wrong.shape))
        if wrong[i, j]
    ]
    yield table(["is", "said", "examples"], rows, "The most frequent mistakes")


def coefficients(content: Content) -> Iterator[Markup]:
    """Show the largest coefficients, with intervals where there are any."""
    weights, found = content.weights, content.estimates
    standard = weights.standardised()
    several = standard.shape[1] > 1
    size = np.abs(standard).max(axis=1)
    order = np.argsort(-size, kind="stable")[:FEATURES]
    order = order[size[order] > 0.0]
    many = f"The {len(order)} largest of {len(size)}. " if len(order) < len(size) else ""
    spread = weights.moments
    scaled = (
        "Sorted by what a change of one standard deviation of the feature does to the log-odds."
        if spread is not None
        else "Sorted by size; the spreads of the features are not known here."
    )
    yield tag("p", many + scaled)
    if found is None and content.no_estimates:
        yield tag("p", f"There are no intervals: {content.no_estimates}", class_="note")
    if several:
        yield from _of_classes(content, standard, order)
        return
    places = {} if found is None else {name: k for k, name in enumerate(found.names)}
    rows = []
    reach = _reach(content, order, places)
    for j in order.tolist():
        name, unit = str(weights.names[j]), 1.0 if spread is None else float(spread[1][j])
        value, low, high, p = float(weights.w[j, 0]), np.nan, np.nan, np.nan
        if name in places:
            k = places[name]
            low, high, p = float(found.lower[k]), float(found.upper[k]), float(found.p_values[k])
        bar = charts.interval(value * unit, low * unit, high * unit, reach)
        cells = [number(value * unit), number(value)]
        if found is not None:
            cells += [f"{number(low)} to {number(high)}" if low == low else "-", _odds(value)]
            cells += [] if found.penalised else [_p(p)]
        rows.append([cut(name), bar, *cells])
    heads = ["feature", "", "per deviation" if spread is not None else "as it is", "per unit"]
    if found is not None:
        heads += [f"{100 * found.level:g} % interval", "odds ratio"]
        heads += [] if found.penalised else ["p"]
    one = cut(content.labels[1], 60)
    yield table(heads, rows, f"Coefficients: above 0 speaks for {one}")
    yield tag("p", f"Above 0 (to the right) speaks for “{one}”.", class_="soft")
    yield from _notes(found)


def _reach(content: Content, order: Array, places: dict[str, int]) -> float:
    weights, found = content.weights, content.estimates
    ends = [float(np.abs(weights.standardised()).max(initial=0.0))]
    for j in order.tolist():
        k = places.get(str(weights.names[j]))
        unit = 1.0 if weights.moments is None else float(weights.moments[1][j])
        if k is not None:
            both = unit * np.abs([found.lower[k], found.upper[k]])
            ends += [float(e) for e in both if e < 4.0 * ends[0]]
    return max(ends) or 1.0


def _odds(value: float) -> str:
    with np.errstate(over="ignore"):
        return number(float(np.exp(value)), 5)


def _p(value: float) -> str:
    return "-" if value != value else "below 0.001" if value < 0.001 else f"{value:.3f}"


def _of_classes(content: Content, standard: Array, order: Array) -> Iterator[Markup]:
    labels = [cut(label, 40) for label in content.labels][:CLASSES]
    names = content.weights.names
    rows = [[cut(names[j]), *map(number, standard[j, : len(labels)].tolist())] for j in order]
    yield table(["feature", *labels], rows, "Coefficients of each class")
    found = content.estimates
    if found is None:
        return
    reference = cut(found.reference, 40)
    yield tag("h3", f"Against {reference}, with intervals")
    places = {name: k for k, name in enumerate(found.names)}
    rows = []
    for c, label in enumerate(found.classes[:CLASSES]):
        for j in order.tolist()[: max(5, FEATURES // max(1, len(found.classes)))]:
            k = places.get(str(names[j]))
            if k is None:
                continue
            ends = f"{number(float(found.lower[c, k]))} to {number(float(found.upper[c, k]))}"
            value = float(found.coefficients[c, k])
            cells = [cut(names[j]), number(value), ends, _odds(value)]
            cells += [] if found.penalised else [_p(float(found.p_values[c, k]))]
            rows.append([cut(label, 40), *cells])
    heads = ["class", "feature", "per unit", f"{100 * found.level:g} % interval", "odds ratio"]
    yield table(heads + ([] if found.penalised else ["p"]), rows, f"Classes against {reference}")
    yield from _notes(found)


def _notes(found: Any) -> Iterator[Markup]:
    if found is None:
        return
    errors = np.asarray(found.certified_errors, np.float64)
    known = errors[~np.isnan(errors)]
    worst = float(known.max(initial=0.0))
    if known.size and worst < 0.5:
        yield tag(
            "p",
            f"No coefficient is farther than {number(worst, 2)} of its standard errors from the "
            "optimum: this is proved.",
        )
    if found.notes:
        yield tag("ul", *(tag("li", note) for note in found.notes))


def mistakes(content: Content) -> Iterator[Markup]:
    """Show the examples that were most confidently wrong: as images, or as rows."""
    last = content.sets[-1]
    chosen = most_confidently_wrong(last.A, last.Y, MISTAKES)
    if not len(chosen):
        yield tag("p", f"No mistake among the {last.name} examples.")
        return
    labels = [cut(label, 40) for label in content.labels]
    A = np.asarray(last.A)[:, chosen]
    true = last.Y[0, chosen].astype(int)
    said = A.argmax(axis=0) if len(A) > 1 else 1 - true
    sure = A.max(axis=0) if len(A) > 1 else np.maximum(A[0], 1.0 - A[0])
    yield tag("p", f"The {len(chosen)} {last.name} examples of which it was most sure, and wrong.")
    if is_drawable(content.image_shape) and isinstance(content.X, np.ndarray):
        entries = []
        for i, t, s, a in zip(chosen.tolist(), true, said, sure):
            image = content.X[:, i].reshape(content.image_shape)
            words = f"example {i}: is {labels[t]}, said {labels[s]} with {percent(float(a))}"
            entries.append(tag("li", picture(image, words), tag("div", words)))
        yield tag("ul", *entries, class_="images")
        return
    rows, values = [], []
    for i, t, s, a in zip(chosen.tolist(), true, said, sure):
        row = Row(f"example {i}") if content.example is None else content.example(i)
        values.append(list(row.values)[:VALUES])
        why = _reasons(content, i, int(t), int(s))
        rows.append([row.place, labels[t], labels[s], percent(float(a)), _long(why)])
    heads = ["where", "is", "said", "how sure", "what spoke for it most"]
    heads += [cut(name, 40) for name, _ in values[0]]
    cells = [[*row, *(cut(value, 60) for _, value in more)] for row, more in zip(rows, values)]
    yield tag("div", table(heads, cells, "The worst mistakes"), class_="words")


def _reasons(content: Content, i: int, true: int, said: int) -> str:
    """Name the features that speak most for what was said, beside a mean example."""
    weights = content.weights
    if content.X is None or weights.moments is None:
        return "-"
    x: Any = content.X[:, [i]]
    x = np.asarray(x.toarray() if hasattr(x, "toarray") else x, np.float64)[:, 0]
    if content.scale is not None:
        x = content.scale * x + content.shift
    w = weights.w
    direction = w[:, said] - w[:, true] if w.shape[1] > 1 else w[:, 0] * (2 * said - 1)
    pull = direction * (x - weights.moments[0])
    most = [int(j) for j in np.argsort(-pull, kind="stable")[:REASONS] if pull[j] > 0.0]
    return ", ".join(f"{cut(weights.names[j], 40)} (+{pull[j]:.2g})" for j in most) or "-"


def training(content: Content) -> Iterator[Markup]:
    """Show how training ended, and how far it can be from the optimum."""
    run = content.run
    if run is None:
        yield tag("p", "How this model was trained is not known here.")
        return
    if np.isfinite(run.bound):
        yield tag(
            "p",
            f"The cost, {number(run.cost, 8)}, is at most {number(run.bound, 3)} above the lowest "
            "there is. This is proved, from the gradient at the end.",
        )
    else:
        yield tag(
            "p",
            f"The cost is {number(run.cost, 8)}. Nothing is proved of its distance to the optimum: "
            f"the largest component of the gradient is {number(run.gradient_norm, 3)}.",
        )
    facts = [
        *([("solver", run.solver)] if run.solver else []),
        ("ended because", STOP_REASONS.get(run.stop_reason, run.stop_reason)),
        ("iterations", f"{run.iterations:,}"),
        ("largest gradient component", number(run.gradient_norm, 3)),
    ]
    if run.seconds is not None:
        facts.append(("seconds", number(run.seconds, 3)))
    if run.compiled > 0.1:
        facts.append(("seconds of compiling, once", number(run.compiled, 2)))
    yield pairs(facts)


def reproduction(content: Content) -> Iterator[Markup]:
    """Show how to get the same again: the command or the code, options, versions, commit."""
    if content.command:
        code = tag("pre", tag("code", content.command), tabindex="0", aria_label="Command or code")
        yield tag("div", code, class_="scroll")
    facts = [*content.how, *origin.versions()]
    commit = origin.commit()
    if commit is not None:
        facts.append(("commit of the folder", commit))
    yield pairs(facts)
    yield tag("p", "On one machine the same command gives the same bits, on any number of threads.")
