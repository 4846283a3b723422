"""A summary as text of at most 80 columns, as HTML, as LaTeX, and as a data frame."""

from __future__ import annotations

import html as escaping
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .class_summary import ClassSummary
    from .summary import Summary

WIDTH, NAME_WIDTH = 80, 19
HEADS = ("coefficient", "std. error", "z", "p", "lower", "upper")
ODDS_HEADS = ("odds ratio", "lower", "upper", "certified error")


def number(value: float, digits: int = 4) -> str:
    """Write a number in at most ten characters; - where it is NaN."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if value == 0.0 or 1e-3 <= size < 1e5:
        return f"{value:.{digits}f}" if size < 1e4 else f"{value:.1f}"
    return f"{value:.2e}"


def p_value(value: float) -> str:
    """Write a p-value with three digits."""
    return "-" if math.isnan(value) else ("<.001" if value < 0.001 else f"{value:.3f}")


def certified(value: float) -> str:
    """Write a certified error, or that nothing is proved."""
    if math.isnan(value):
        return "-"
    return "not proved" if math.isinf(value) else f"{value:.1e}"


def facts(summary: Summary) -> list[tuple[str, str]]:
    """Return what is above the table: names and values."""
    found = [
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
        ("Tjur R2", number(summary.tjur)),
        ("Nagelkerke R2", number(summary.nagelkerke)),
    ]
    return found


def closing(summary: Summary | ClassSummary) -> Iterator[str]:
    """Write the test of the model, the convention, and the notes."""
    if not math.isnan(summary.statistic):
        yield (
            f"likelihood-ratio test of the model: chi-square {summary.statistic:.4f}, "
            f"df {summary.statistic_df}, p {summary.p_value:.4g}"
        )
    yield f"covariance {summary.covariance_kind}: {summary.convention}"
    yield from summary.notes


def rows_of(summary: Summary) -> list[tuple[str, ...]]:
    """Return the cells of the first table."""
    return [
        (number(c), number(s), number(z, 3), p_value(p), number(low), number(high))
        for c, s, z, p, low, high in zip(
            summary.coefficients.tolist(),
            summary.standard_errors.tolist(),
            summary.z.tolist(),
            summary.p_values.tolist(),
            summary.lower.tolist(),
            summary.upper.tolist(),
        )
    ]


def odds_of(summary: Summary) -> list[tuple[str, ...]]:
    """Return the cells of the second table."""
    return [
        (number(r), number(low), number(high), certified(e))
        for r, low, high, e in zip(
            summary.odds_ratios.tolist(),
            summary.odds_lower.tolist(),
            summary.odds_upper.tolist(),
            summary.certified_errors.tolist(),
        )
    ]


def title(summary: Summary) -> str:
    """Return what the table is of."""
    return f"Logistic regression of {summary.target}"


def percent(summary: Summary | ClassSummary) -> str:
    """Return the intervals in words."""
    kind = "profile-likelihood" if summary.interval == "profile" else "Wald"
    return f"{100 * summary.level:g} % {kind} intervals"


def short(name: str, width: int = NAME_WIDTH) -> str:
    """Return a name that is no longer than the width."""
    return name if len(name) <= width else name[: width - 3] + "..."


def lines_of(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Write names and values, two pairs to a line."""
    for left, right in zip(pairs[::2], pairs[1::2]):
        yield f"{left[0]:<16}{left[1]:>20}    {right[0]:<18}{right[1]:>18}"


def lines_of_rows(names: list[str], width: int, rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Write a head and a line for each parameter, from its first six cells."""
    for name, row in zip(["", *names], [HEADS, *rows]):
        c, s, z, p, low, high = row[:6]
        yield f"{name:{width}} {c:>11} {s:>10} {z:>8} {p:>6} {low:>10} {high:>10}"


def table_of(pairs: list[tuple[str, str]]) -> str:
    """Write names and values as an HTML table, two pairs to a row."""
    rows = [row_of((*left, *right)) for left, right in zip(pairs[::2], pairs[1::2])]
    return "\n".join(["<table>", *rows, "</table>"])


def row_of(cells: tuple[str, ...], head: str = "") -> str:
    """Write a row of an HTML table, with the cell of its name where there is one."""
    first = f"<th>{escaping.escape(head)}</th>" if head else ""
    return f"<tr>{first}{''.join(f'<td>{escaping.escape(cell)}</td>' for cell in cells)}</tr>"


def text(summary: Summary) -> str:
    """Write the summary as lines of at most 80 columns."""
    lines = [*textwrap.wrap(title(summary), WIDTH), *lines_of(facts(summary))]
    names = [short(name) for name in summary.names]
    width = max(12, *map(len, names))
    lines += ["", *lines_of_rows(names, width, rows_of(summary))]
    lines += ["", f"{'':{width}} {'odds ratio':>11} {'lower':>10} {'upper':>10} "
                  f"{'certified error':>16}"]  # fmt: skip
    for name, (r, low, high, e) in zip(names, odds_of(summary)):
        lines.append(f"{name:{width}} {r:>11} {low:>10} {high:>10} {e:>16}")
    lines.append("")
    for line in (
        f"{percent(summary)}. Certified error: how far the optimum can be, in standard errors",
        *closing(summary),
    ):
        lines += textwrap.wrap(line, WIDTH)
    return "\n".join(line.rstrip() for line in lines)


def html(summary: Summary) -> str:
    """Write the summary as HTML tables."""
    parts = [f"<p><b>{escaping.escape(title(summary))}</b></p>", table_of(facts(summary))]
    heads = "".join(f"<th>{head}</th>" for head in ("", *HEADS, *ODDS_HEADS))
    parts.append(f"<table><tr>{heads}</tr>")
    for name, row, odds in zip(summary.names, rows_of(summary), odds_of(summary)):
        parts.append(row_of((*row, *odds), name))
    parts.append("</table>")
    notes = "<br>".join(escaping.escape(line) for line in (percent(summary), *closing(summary)))
    return "\n".join([*parts, f"<p>{notes}</p>"])


def frame(columns: dict[str, list[Any]], index: str | list[str]) -> Any:
    """Return columns as a data frame of pandas with an index, or of polars without."""
    try:
        import pandas
    except ModuleNotFoundError:
        try:
            import polars
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "to_frame needs pandas or polars: pip install pandas. columns() gives the same "
                "as a dict of lists"
            ) from None
        return polars.DataFrame(columns)
    return pandas.DataFrame(columns).set_index(index)


def latex(summary: Summary) -> str:
    """Write the coefficients as LaTeX."""
    rows = [latex_row((name, *row)) for name, row in zip(summary.names, rows_of(summary))]
    return tabular(HEADS, rows, [percent(summary), *closing(summary)])


def tabular(heads: Sequence[str], rows: Sequence[str], notes: Sequence[str]) -> str:
    """Write a LaTeX tabular: a column for names, one for each head, and notes as comments."""
    columns = "l" + "r" * len(heads)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", latex_row(("", *heads)), r"\hline"]
    lines += [*rows, r"\hline", r"\end{tabular}"]
    return "\n".join([*lines, *(f"% {line}" for line in notes)])


def latex_row(cells: Sequence[str]) -> str:
    """Write a row of a LaTeX tabular."""
    return " & ".join(map(_latex, cells)) + r" \\"


_SPECIAL = {character: "\\" + character for character in "&%$#_{}"}
_SPECIAL |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
_SPECIAL |= {"<": "$<$", ">": "$>$"}


def _latex(cell: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in cell)
