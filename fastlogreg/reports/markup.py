"""HTML and SVG as text: what is not `Markup` is escaped, so that no name can become markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST = 200  # characters of a text that comes from data
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_VOID = ("meta",)


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def escaped(text: Any) -> Markup:
    """Write a text so that a browser shows it as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(text))))


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """Write an element. class_ is class, other underscores are hyphens; None is left out."""
    parts = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        parts.append(f" {word}" if value is True else f' {word}="{escaped(str(value))}"')
    head = f"<{name}{''.join(parts)}>"
    if name in _VOID:
        return Markup(head)
    return Markup(f"{head}{joined(children)}</{name}>")


def joined(children: Iterable[Any]) -> Markup:
    """Put parts after each other, texts escaped; None is left out."""
    return Markup("".join(escaped(child) for child in children if child is not None))


def cut(text: Any, most: int = LONGEST) -> str:
    """Cut a text that is too long to be shown."""
    found = str(text)
    return found if len(found) <= most else f"{found[: most - 3]}..."


def number(value: float | None, digits: int = 4) -> str:
    """Write a number of so many digits; a dash where there is none."""
    if value is None or value != value:
        return "-"
    if value in (float("inf"), float("-inf")):
        return "infinite" if value > 0 else "-infinite"
    if 1e4 <= abs(value) < 1e15 and float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """Write a share from 0 to 1."""
    return "-" if value is None or value != value else f"{100.0 * value:.4g} %"


def table(heads: Sequence[Any], rows: Iterable[Sequence[Any]], label: str) -> Markup:
    """Write a table with a head for each column and each row, in a box of its own that scrolls.

    The first cell of a row names it. A cell that is a number is a text by then.
    """
    top = [tag("th", head, scope="col") for head in heads]
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    ]
    inside = tag(
        "table",
        tag("caption", label, class_="hidden"),
        tag("thead", tag("tr", *top)),
        tag("tbody", *body),
    )
    return box(inside, label)


def box(inside: Markup, label: str) -> Markup:
    """Put what may be wide into a box that scrolls, by keys too."""
    return tag("div", inside, class_="scroll", role="region", aria_label=label, tabindex="0")


def pairs(rows: Iterable[tuple[str, Any]]) -> Markup:
    """Write names and values as a list of definitions."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows))
