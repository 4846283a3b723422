"""Tables in Markdown, and their place in a page between two markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fastlogreg.tools import bench


def markdown(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table in Markdown, padded to read well in a terminal too; numbers to the right."""
    cells = [[str(cell) for cell in line] for line in [headings, *rows]]
    widths = [max(3, *(len(line[k]) for line in cells)) for k in range(len(headings))]
    right = [
        all(_is_number(line[k]) for line in cells[1:]) and len(cells) > 1
        for k in range(len(headings))
    ]
    lines = [
        "| "
        + " | ".join(c.rjust(n) if r else c.ljust(n) for c, n, r in zip(line, widths, right))
        + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (n + 1) + (":" if r else "-") for n, r in zip(widths, right)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[~<>]?[-\d.,]+( [a-zA-Z%]+| to [\d.,]+)?|-|", text))


def targets_table(targets: Iterable[dict[str, Any]]) -> str:
    """Write the table of what must be shown, with what this run found."""
    lines = []
    for t in targets:
        bound = f"at least {t['least']:g}" if t["least"] is not None else f"at most {t['most']:g}"
        found = "not measured" if t["found"] is None else bench.digits(t["found"])
        lines.append((t["what"], bound, found, "yes" if t["met"] else "no"))
    return markdown(("what", "target", "found", "met"), lines)


def write_block(path: Path, name: str, text: str) -> None:
    """Put text between `<!-- benchmark: NAME -->` and `<!-- end benchmark -->` in a file, replacing
    what is there."""
    start, end = f"<!-- benchmark: {name} -->", "<!-- end benchmark -->"
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(start) + r".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(
            f"{path} must have the lines {start} and {end} once, to take the table between them"
        )
    path.write_text(
        pattern.sub(lambda _: f"{start}\n{text.strip()}\n{end}", page), encoding="utf-8"
    )
