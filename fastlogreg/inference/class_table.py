"""A summary of several classes as text of at most 80 columns, as HTML and as LaTeX."""

from __future__ import annotations

import html as escaping
import textwrap
from typing import TYPE_CHECKING, Any

from .summary_table import (
    HEADS,
    WIDTH,
    certified,
    closing,
    latex_row,
    lines_of,
    lines_of_rows,
    number,
    p_value,
    percent,
    row_of,
    short,
    table_of,
    tabular,
)

if TYPE_CHECKING:
    from .class_summary import ClassSummary


def facts(summary: ClassSummary) -> list[tuple[str, str]]:
    """Return what is above the tables: names and values."""
    return [
        ("examples", str(summary.examples)),
        ("log-likelihood", f"{summary.log_likelihood:.4f}"),
        ("sum of weights", f"{summary.total:.6g}"),
        ("log-lik. of null", f"{summary.null_log_likelihood:.4f}"),
        ("df", f"{summary.degrees_of_freedom:.6g}"),
        ("deviance", f"{summary.deviance:.4f}"),
        ("AIC", f"{summary.aic:.4f}"),
        ("null deviance", f"{summary.null_deviance:.4f}"),
        ("BIC", f"{summary.bic:.4f}"),
        ("McFadden R2", number(summary.mcfadden)),
    ]


def title(summary: ClassSummary) -> str:
    """Return what the tables are of."""
    return (
        f"Logistic regression of {len(summary.classes) + 1} classes; the reference is "
        f"{summary.reference}"
    )


def head_of(summary: ClassSummary, label: Any) -> str:
    """Return what the table of a class is of."""
    return f"log(P({label}) / P({summary.reference}))"


def rows_of(summary: ClassSummary, k: int) -> list[tuple[str, ...]]:
    """Return the cells of the table of a class; the last is the certified error."""
    columns = (
        summary.coefficients,
        summary.standard_errors,
        summary.z,
        summary.p_values,
        summary.lower,
        summary.upper,
        summary.certified_errors,
    )
    return [
        (number(c), number(s), number(z, 3), p_value(p), number(low), number(high), certified(e))
        for c, s, z, p, low, high, e in zip(*(column[k].tolist() for column in columns))
    ]


def below(summary: ClassSummary) -> list[str]:
    """Return the lines below the tables."""
    errors = summary.certified_errors
    told = errors[errors == errors]
    largest = f" of any coefficient: {certified(float(told.max()))}" if told.size else ": -"
    return [f"{percent(summary)}. Largest certified error{largest}", *closing(summary)]


def text(summary: ClassSummary) -> str:
    """Write the summary as lines of at most 80 columns."""
    lines = [*textwrap.wrap(title(summary), WIDTH), *lines_of(facts(summary))]
    names = [short(name) for name in summary.names]
    width = max(12, *map(len, names))
    for k, label in enumerate(summary.classes):
        lines += ["", *textwrap.wrap(head_of(summary, label), WIDTH)]
        lines += lines_of_rows(names, width, rows_of(summary, k))
    lines.append("")
    for line in below(summary):
        lines += textwrap.wrap(line, WIDTH)
    return "\n".join(line.rstrip() for line in lines)


def html(summary: ClassSummary) -> str:
    """Write the summary as HTML tables."""
    parts = [f"<p><b>{escaping.escape(title(summary))}</b></p>", table_of(facts(summary))]
    heads = "".join(f"<th>{head}</th>" for head in ("", *HEADS, "certified error"))
    for k, label in enumerate(summary.classes):
        parts.append(f"<p>{escaping.escape(head_of(summary, label))}</p>")
        parts.append(f"<table><tr>{heads}</tr>")
        for name, row in zip(summary.names, rows_of(summary, k)):
            parts.append(row_of(row, name))
        parts.append("</table>")
    notes = "<br>".join(escaping.escape(line) for line in below(summary))
    return "\n".join([*parts, f"<p>{notes}</p>"])


def latex(summary: ClassSummary) -> str:
    """Write the coefficients as LaTeX, class by class."""
    rows: list[str] = []
    for k, label in enumerate(summary.classes):
        rows += [r"\hline"] * (k > 0) + [latex_row((head_of(summary, label), *[""] * len(HEADS)))]
        cells = zip(summary.names, rows_of(summary, k))
        rows += [latex_row((name, *row[: len(HEADS)])) for name, row in cells]
    return tabular(HEADS, rows, below(summary))
