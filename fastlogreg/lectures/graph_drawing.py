"""A computation graph drawn as text, and as a figure with the value and the derivative on each node."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .graph import OPERATIONS, Variable, order

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LARGEST_DRAWING = 150  # nodes; beyond that boxes are too small to read


def names_of(nodes: list[Variable]) -> dict[int, str]:
    """A name for each node, by id: its own, or t1, t2, ... from left to right (passing over names that are taken)."""
    taken = {node.name for node in nodes}
    free = (name for k in range(1, 2 * len(nodes) + 2) if (name := f"t{k}") not in taken)
    return {id(node): node.name or next(free) for node in nodes}


def expression(node: Variable, names: dict[int, str]) -> str:
    """How a node was made, such as "b * c"; empty for an input."""
    if node.operation is None:
        return ""
    words = (names[id(x)] if isinstance(x, Variable) else f"{x:.6g}" for x in node.operands)
    return OPERATIONS[node.operation][0].format(*words)


def text(output: Variable) -> str:
    """The graph from left to right, a line for each node: name = expression = value, and d output / d node."""
    nodes = order(output)
    names, J = names_of(nodes), output.name or "output"
    left = [" = ".join(filter(None, (names[id(n)], expression(n, names), f"{n.value:.6g}"))) for n in nodes]
    width = max(map(len, left))
    return "\n".join(f"{line:<{width}}   d{J}/d{names[id(n)]} = {n.grad:.6g}" for line, n in zip(left, nodes))


def figure(output: Variable) -> Figure:
    """Inputs left, output right; on each node its name, how it was made, its value and d output / d node.

    ValueError for more than 150 nodes.
    """
    from .figures import new_figure

    nodes = order(output)
    if len(nodes) > _LARGEST_DRAWING:
        raise ValueError(
            f"a drawing has room for {_LARGEST_DRAWING} nodes and this graph has {len(nodes)}: print it with show(), "
            "or draw the graph of one example"
        )
    names, J = names_of(nodes), output.name or "output"
    place = _places(nodes)
    columns, rows = (max(place.values())[0] + 1, max(y for _, y in place.values()) + 1)
    fig, axes = new_figure(width=max(1.85 * columns + 0.2, 5.6), height=max(1.15 * rows, 1.6) + 0.5)
    boxes: dict[Any, Any] = {}
    for node in nodes:
        made = expression(node, names)
        title = f"{names[id(node)]} = {made}" if made else names[id(node)]
        boxes[id(node)] = axes.text(
            *place[id(node)], f"{title}\nvalue {node.value:.4g}\nd{J}/d{names[id(node)]} = {node.grad:.4g}",
            ha="center", va="center", fontsize=9, linespacing=1.4, zorder=3,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white" if made else "0.88", "edgecolor": "black"},
        ).get_bbox_patch()  # fmt: skip
    for start, end in _arrows(nodes, place):
        head = "-|>" if end in boxes else "-"
        ends = {"patchA": boxes.get(start), "patchB": boxes.get(end), "shrinkA": 0, "shrinkB": 0}
        # Above the boxes, so that it is drawn after them: they have their final size only then.
        style = {"arrowstyle": head, "color": "0.35", **ends}
        axes.annotate("", xy=place[end], xytext=place[start], arrowprops=style, zorder=4)
    axes.set(xlim=(-0.55, columns - 0.45), ylim=(-0.6, rows - 0.4))
    axes.axis("off")
    axes.set_title(f"Values from left to right, derivatives of {J} from right to left; inputs are grey", fontsize=9)
    return fig


def draw(output: Variable, path: str | Path) -> None:
    """Write the figure of the graph to a PNG, SVG or PDF file."""
    from .figures import save

    save(figure(output), path)


def _places(nodes: list[Variable]) -> dict[Any, tuple[float, float]]:
    """(column, row) of each node by id, just left of its first use, and of the corners of the arrows that pass columns.

    A corner has the key (id of operand, id of node, column) and a row of its own, so that no arrow crosses a box.
    """
    number = {id(node): k for k, node in enumerate(nodes)}
    back = dict.fromkeys(number, 0)  # columns left of the output
    for node in reversed(nodes):
        for x in _variables(node):
            back[id(x)] = max(back[id(x)], back[id(node)] + 1)
    columns: list[list[tuple[int, Any]]] = [[] for _ in range(max(back.values()) + 1)]
    for node in nodes:
        columns[back[id(node)]].append((number[id(node)], id(node)))
        for x in _variables(node):
            for k in range(back[id(node)] + 1, back[id(x)]):
                columns[k].append((number[id(node)], (id(x), id(node), k)))
    tallest = max(map(len, columns))
    return {
        key: (float(len(columns) - 1 - k), (tallest - len(keys)) / 2 + (len(keys) - 1 - row))
        for k, keys in enumerate(columns)
        for row, (_, key) in enumerate(sorted(keys, key=lambda entry: entry[0]))
    }


def _arrows(nodes: list[Variable], place: dict[Any, tuple[float, float]]) -> list[tuple[Any, Any]]:
    """Pairs of keys of places: from each operand, by way of its corners, to the node."""
    pairs: list[tuple[Any, Any]] = []
    for node in nodes:
        for x in _variables(node):
            corners = sorted((key for key in place if isinstance(key, tuple) and key[:2] == (id(x), id(node))),
                             key=lambda key: -key[2])  # fmt: skip
            way = [id(x), *corners, id(node)]
            pairs += pairwise(way)
    return pairs


def _variables(node: Variable) -> list[Variable]:
    """The operands that are nodes, each once."""
    return list({id(x): x for x in node.operands if isinstance(x, Variable)}.values())
