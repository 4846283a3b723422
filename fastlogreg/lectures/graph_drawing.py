"""The drawing of a graph: boxes in columns, each left of its first use, and arrows between them.

A node is known here by its place in a list that has each node after its operands.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 150  # nodes; beyond that boxes are too small to read
PER_LETTER, AROUND = 0.07, 0.75  # of a box and the arrow beside it, in inches
ROW, ABOVE, LEAST = 1.0, 0.6, 5.6  # heights, and the width of the title, in inches


def drawing(
    texts: list[str], operands: list[list[int]], is_input: list[bool], title: str
) -> Figure:
    """Draw a box with its text for each node. ValueError for more than 150 nodes."""
    from ..figures.base import new_figure

    if len(texts) > LARGEST:
        raise ValueError(
            f"a drawing has room for {LARGEST} nodes and this graph has {len(texts)}: "
            "print it with show(), or draw the graph of one example"
        )
    place = places(operands)
    widths = [0.0] * (1 + max(column for column, _ in place.values()))
    for k, words in enumerate(texts):
        longest = max(map(len, words.splitlines()))
        widths[place[k][0]] = max(widths[place[k][0]], PER_LETTER * longest + AROUND)
    height = ROW * (1 + max(row for _, row in place.values()))
    wide = max(sum(widths), LEAST)
    ends = [(wide - sum(widths)) / 2.0]
    for width in widths:
        ends.append(ends[-1] + width)
    spot = {
        key: (0.5 * (ends[column] + ends[column + 1]), ROW * (row + 0.5))
        for key, (column, row) in place.items()
    }
    fig, axes = new_figure(wide, height + ABOVE)
    boxes: dict[Any, Any] = {}
    for k, words in enumerate(texts):
        boxes[k] = axes.text(
            *spot[k],
            words,
            ha="center",
            va="center",
            fontsize=9,
            linespacing=1.4,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "0.88" if is_input[k] else "white",
                "edgecolor": "black",
            },
        ).get_bbox_patch()
    for start, end in arrows(operands, place):
        head = "-|>" if end in boxes else "-"
        both = {"patchA": boxes.get(start), "patchB": boxes.get(end), "shrinkA": 0, "shrinkB": 0}
        # Above the boxes, so that it is drawn after them: they have their final size only then.
        style = {"arrowstyle": head, "color": "0.35", **both}
        axes.annotate("", xy=spot[end], xytext=spot[start], arrowprops=style, zorder=4)
    axes.set(xlim=(0.0, wide), ylim=(0.0, height))
    axes.axis("off")
    axes.set_title(title, fontsize=9)
    return fig


def places(operands: list[list[int]]) -> dict[Any, tuple[int, float]]:
    """Place each node at (column, row), just left of its first use.

    The corners of the arrows that pass columns have places too. A corner has the key (operand,
    node, column) and a row of its own, so that no arrow crosses a box.
    """
    back = [0] * len(operands)  # columns left of the output
    for node in reversed(range(len(operands))):
        for x in operands[node]:
            back[x] = max(back[x], back[node] + 1)
    columns: list[list[tuple[int, Any]]] = [[] for _ in range(max(back) + 1)]
    for node, used in enumerate(operands):
        columns[back[node]].append((node, node))
        for x in used:
            for k in range(back[node] + 1, back[x]):
                columns[k].append((node, (x, node, k)))
    tallest = max(map(len, columns))
    return {
        key: (len(columns) - 1 - k, (tallest - len(keys)) / 2 + (len(keys) - 1 - row))
        for k, keys in enumerate(columns)
        for row, (_, key) in enumerate(sorted(keys, key=lambda entry: entry[0]))
    }


def arrows(operands: list[list[int]], place: dict[Any, tuple[int, float]]) -> list[tuple[Any, Any]]:
    """Pairs of keys of places: from each operand, by way of its corners, to the node."""
    pairs: list[tuple[Any, Any]] = []
    for node, used in enumerate(operands):
        for x in used:
            corners = sorted(
                (key for key in place if isinstance(key, tuple) and key[:2] == (x, node)),
                key=lambda key: -key[2],
            )
            pairs += pairwise([x, *corners, node])
    return pairs
