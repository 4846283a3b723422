"""A summary of several classes as text of at most 80 columns, and as HTML: a table for each."""

from __future__ import annotations

import html as escaping
import textwrap
from typing import TYPE_CHECKING, Any

from .summary_table import (
    HEADS,
    WIDTH,
    certified,
    closing,
    number,
    p_value,
    percent,
    short,
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
    lines = textwrap.wrap(title(summary), WIDTH)
    pairs = facts(summary)
    for left, right in zip(pairs[::2], pairs[1::2]):
        lines.append(f"{left[0]:<16}{left[1]:>20}    {right[0]:<18}{right[1]:>18}")
    names = [short(name) for name in summary.names]
    width = max(12, *map(len, names))
    for k, label in enumerate(summary.classes):
        lines += ["", *textwrap.wrap(head_of(summary, label), WIDTH)]
        lines.append(f"{'':{width}} {HEADS[0]:>11} {HEADS[1]:>10} {'z':>8} {'p':>6} "
                     f"{'lower':>10} {'upper':>10}")  # fmt: skip
        for name, (c, s, z, p, low, high, _) in zip(names, rows_of(summary, k)):
            lines.append(f"{name:{width}} {c:>11} {s:>10} {z:>8} {p:>6} {low:>10} {high:>10}")
    lines.append("")
    for line in below(summary):
        lines += textwrap.wrap(line, WIDTH)
    return "\n".join(line.rstrip() for line in lines)


def html(summary: ClassSummary) -> str:
    """Write the summary as HTML tables."""
    parts = [f"<p><b>{escaping.escape(title(summary))}</b></p>", "<table>"]
    pairs = facts(summary)
    for left, right in zip(pairs[::2], pairs[1::2]):
        cells = "".join(f"<td>{escaping.escape(cell)}</td>" for cell in (*left, *right))
        parts.append(f"<tr>{cells}</tr>")
    parts.append("</table>")
    heads = "".join(f"<th>{head}</th>" for head in ("", *HEADS, "certified error"))
    for k, label in enumerate(summary.classes):
        parts.append(f"<p>{escaping.escape(head_of(summary, label))}</p>")
        parts.append(f"<table><tr>{heads}</tr>")
        for name, row in zip(summary.names, rows_of(summary, k)):
            cells = "".join(f"<td>{escaping.escape(cell)}</td>" for cell in row)
            parts.append(f"<tr><th>{escaping.escape(name)}</th>{cells}</tr>")
        parts.append("</table>")
    notes = "<br>".join(escaping.escape(line) for line in below(summary))
    return "\n".join([*parts, f"<p>{notes}</p>"])
