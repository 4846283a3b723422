"""Computation graph: scalars forward, derivatives backward (reverse-mode differentiation).

    a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    u = (b * c).named("u");  v = (a + u).named("v");  J = (3 * v).named("J")  # J = 3 (a + b c) = 33
    J.backward()  # {"dJ": 1, "dv": 3, "du": 3, "dc": 9, "db": 6, "da": 3}

Left to right, each operation stores its value and its partial derivatives by its operands. Right to
left, each node hands grad * partial to its operands: the chain rule, one node at a time, so that a
node used twice collects both. Both passes are loops, not recursion. Values are float64 and follow
NumPy: log of 0 is -inf, with NumPy's warning. Scalars only, and no second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..maths.logistic import sigmoid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Partials = Callable[[Any, Any, Any], tuple[Any, ...]]

# operation: (how it is written, its partials from the operands a, b and the result r)
OPERATIONS: dict[Callable[..., Any], tuple[str, Partials]] = {
    np.add: ("{} + {}", lambda a, b, r: (1, 1)),
    np.subtract: ("{} - {}", lambda a, b, r: (1, -1)),
    np.multiply: ("{} * {}", lambda a, b, r: (b, a)),
    np.divide: ("{} / {}", lambda a, b, r: (1 / b, -r / b)),
    np.power: (
        "{} ** {}",
        lambda a, b, r: (b * a ** (b - 1) if b else 0, r * np.log(a) if r else 0),
    ),
    np.maximum: (
        "max({}, {})",
        lambda a, b, r: (a > b, b >= a),
    ),  # at a tie the derivative goes to b
    np.negative: ("-{}", lambda a, b, r: (-1,)),
    np.exp: ("exp({})", lambda a, b, r: (r,)),
    np.log: ("log({})", lambda a, b, r: (1 / a,)),
    sigmoid: ("sigmoid({})", lambda a, b, r: (r * sigmoid(-a),)),
}


class Variable:
    """Be a scalar in a computation graph.

    Parameters
    ----------
    value : float
        Its value.
    name : str, default=""
        Its name, by which `backward` returns its derivative.

    Attributes
    ----------
    value : float
        Its value.
    name : str
        Its name.
    grad : float
        d output / d this, after `output.backward()`.

    References
    ----------
    Lectures "Computation graph" and "Derivatives with a computation graph".

    Examples
    --------
    >>> from fastlogreg import Variable
    >>> a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    >>> J = (3 * (a + (b * c).named("u")).named("v")).named("J")
    >>> J.value
    33.0
    >>> J.backward()
    {'dJ': 1.0, 'dv': 3.0, 'du': 3.0, 'dc': 9.0, 'db': 6.0, 'da': 3.0}
    """

    __slots__ = ("_partials", "grad", "name", "operands", "operation", "value")

    def __init__(self, value: float, name: str = "") -> None:
        self.value = _number(value)
        self.name, self.grad = name, 0.0
        self.operation: Callable[..., Any] | None = None
        self.operands: tuple[Variable | float, ...] = ()
        self._partials: tuple[float, ...] = ()

    def named(self, name: str) -> Variable:
        """Name this node and return it: `u = (b * c).named("u")`.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        Variable
            This node.
        """
        self.name = name
        return self

    def backward(self) -> dict[str, float]:
        """Set `grad` of every node to d self / d node.

        Returns
        -------
        dict
            The derivatives by the lectures' names: "dv" for the node named v.

        Raises
        ------
        ValueError
            Where two nodes have one name, or the graph has a cycle.
        """
        nodes = order(self)
        for node, grad in zip(nodes, derivatives(nodes)):
            node.grad = grad
        named = [node for node in reversed(nodes) if node.name]
        found = {f"d{node.name}": node.grad for node in named}
        if len(found) < len(named):
            names = [node.name for node in named]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"two nodes of the graph are named {twice!r}: give each node a name of its own, "
                "or none"
            )
        return found

    def show(self, path: str | Path | None = None, *, only_named: bool = False) -> None:
        """Print the graph as text, or draw it, with values and with derivatives of this node.

        The derivatives are computed for it; `backward` need not have been called.

        Parameters
        ----------
        path : path or None, default=None
            An SVG or PNG file to draw into (needs matplotlib); None to print.
        only_named : bool, default=False
            Leave out the steps that have no name and are used once: they are written out where
            they are used.
        """
        if path is None:
            print(text(self, only_named))
        else:
            draw(self, path, only_named)

    def sigmoid(self) -> Variable:
        """Return 1 / (1 + exp(-z)), which `fastlogreg.sigmoid` calls on Variables."""
        return apply(sigmoid, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Variable:
        if method != "__call__" or options or ufunc not in OPERATIONS:
            known, word = (
                ", ".join(f.__name__ for f in OPERATIONS),
                " ".join((ufunc.__name__, method, *options)),
            )
            word = word.replace(" __call__", "")
            raise TypeError(
                f"np.{word} is not an operation of the computation graph; it has {known}"
            )
        return apply(ufunc, *operands)

    # fmt: off
    def __add__(self, other: Any) -> Variable: return apply(np.add, self, other)
    def __radd__(self, other: Any) -> Variable: return apply(np.add, other, self)
    def __sub__(self, other: Any) -> Variable: return apply(np.subtract, self, other)
    def __rsub__(self, other: Any) -> Variable: return apply(np.subtract, other, self)
    def __mul__(self, other: Any) -> Variable: return apply(np.multiply, self, other)
    def __rmul__(self, other: Any) -> Variable: return apply(np.multiply, other, self)
    def __truediv__(self, other: Any) -> Variable: return apply(np.divide, self, other)
    def __rtruediv__(self, other: Any) -> Variable: return apply(np.divide, other, self)
    def __pow__(self, other: Any) -> Variable: return apply(np.power, self, other)
    def __rpow__(self, other: Any) -> Variable: return apply(np.power, other, self)
    def __neg__(self) -> Variable: return apply(np.negative, self)
    # fmt: on

    def __repr__(self) -> str:
        return f"Variable({self.value:.6g}, name={self.name!r}, grad={self.grad:.6g})"


def apply(operation: Callable[..., Any], *operands: Any) -> Variable:
    """Make one step forward: the value of an operation on Variables and numbers.

    Its partial derivatives there are kept in the node.
    """
    kept = tuple(x if isinstance(x, Variable) else _number(x) for x in operands)
    a, b = (*(np.float64(x.value if isinstance(x, Variable) else x) for x in kept), None)[:2]
    result = operation(a) if b is None else operation(a, b)
    node = Variable(float(result))
    with np.errstate(all="ignore"):
        node._partials = tuple(map(float, OPERATIONS[operation][1](a, b, np.float64(result))))
    node.operation, node.operands = operation, kept
    return node


def order(output: Variable) -> list[Variable]:
    """List every node the output depends on, each after its operands (topological order)."""
    done: dict[int, bool] = {}  # id: False while its operands are being visited, True after
    nodes, stack = [], [output]
    while stack:
        node = stack[-1]
        if not isinstance(node, Variable):
            raise TypeError(
                f"a node of the graph must be a Variable, and one is {node!r}: wrap it, "
                "Variable(x, name)"
            )
        if id(node) in done:
            stack.pop()
            if not done[id(node)]:
                done[id(node)] = True
                nodes.append(node)
            continue
        done[id(node)] = False
        for x in reversed(node.operands):
            if done.get(id(x), True) is False:
                raise ValueError(
                    f"the graph has a cycle through {node!r}: make a new Variable instead of "
                    "changing one"
                )
            if not isinstance(x, float) and id(x) not in done:
                stack.append(x)
    return nodes


def derivatives(nodes: list[Variable]) -> list[float]:
    """Compute d output / d node for each node, the output being the last; no node is changed."""
    place = {id(node): k for k, node in enumerate(nodes)}
    grads = [0.0] * (len(nodes) - 1) + [1.0]
    with np.errstate(all="ignore"):  # infinite partials were warned of on the way forward
        for node, grad in zip(reversed(nodes), (grads[k] for k in range(len(nodes) - 1, -1, -1))):
            for operand, partial in zip(node.operands, node._partials):
                if isinstance(operand, Variable):
                    grads[place[id(operand)]] += grad * partial
    return grads


def _number(x: Any) -> float:
    if isinstance(x, (Real, np.bool_)) or (
        isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind in "buif"
    ):
        return float(x)
    what = f"array of shape {x.shape}" if isinstance(x, np.ndarray) else f"{type(x).__name__} {x!r}"
    raise TypeError(
        f"the computation graph holds real scalars and Variables, not {what}: use one Variable "
        "per number"
    )


# The graph as text and as a figure.

# How tightly an operation binds; an operand that binds less gets brackets.
_BINDING: dict[Callable[..., Any], int] = {
    np.add: 1,
    np.subtract: 1,
    np.multiply: 2,
    np.divide: 2,
    np.negative: 2,
    np.power: 3,
}
_ATOM = 4  # names, numbers and functions
_NOT_ASSOCIATIVE = (np.subtract, np.divide)


def names_of(nodes: list[Variable]) -> dict[int, str]:
    """Name each node, by id: its own name, or t1, t2, ... from left to right.

    Names that are taken are passed over.
    """
    taken = {node.name for node in nodes}
    free = (name for k in range(1, 2 * len(nodes) + 2) if (name := f"t{k}") not in taken)
    return {id(node): node.name or next(free) for node in nodes}


def shown_of(nodes: list[Variable], only_named: bool) -> list[Variable]:
    """Return the nodes to show.

    only_named: the inputs, the output, what has a name, and what is used more than once.
    """
    if not only_named:
        return nodes
    uses = dict.fromkeys(map(id, nodes), 0)
    for node in nodes:
        for x in node.operands:
            if isinstance(x, Variable):
                uses[id(x)] += 1
    return [n for n in nodes if n.name or n.operation is None or uses[id(n)] != 1]


def expressions(nodes: list[Variable], names: dict[int, str]) -> dict[int, str]:
    """Write how each node was made, such as "b * c", by id; empty for an input.

    A node that has no name in `names` is written out where it is used.
    """
    written: dict[int, str] = {}
    for node in nodes:
        if node.operation is None:
            written[id(node)] = ""
            continue
        binding = _BINDING.get(node.operation, 0)
        words: list[str] = []
        for place, x in enumerate(node.operands):
            word, own = f"{x:.6g}" if isinstance(x, float) else names.get(id(x), ""), _ATOM
            if not word and isinstance(x, Variable) and x.operation is not None:
                word, own = written[id(x)], _BINDING.get(x.operation, _ATOM)
            equal = own == binding and (
                node.operation is np.power or (place and node.operation in _NOT_ASSOCIATIVE)
            )
            words.append(f"({word})" if own < binding or equal else word)
        written[id(node)] = OPERATIONS[node.operation][0].format(*words)
    return written


def text(output: Variable, only_named: bool = False) -> str:
    """Write the graph from left to right, a line for each node.

    A line is name = expression = value, and d output / d node.
    """
    nodes = order(output)
    shown = shown_of(nodes, only_named)
    names, J = names_of(shown), output.name or "output"
    made = expressions(nodes, names)
    grads = dict(zip(map(id, nodes), derivatives(nodes)))
    left = [" = ".join(filter(None, (names[id(n)], made[id(n)], f"{n.value:.6g}"))) for n in shown]
    width = max(map(len, left))
    return "\n".join(
        f"{line:<{width}}   d{J}/d{names[id(node)]} = {grads[id(node)]:.6g}"
        for line, node in zip(left, shown)
    )


def figure(output: Variable, only_named: bool = False) -> Figure:
    """Draw inputs left, output right.

    On each node stand its name, how it was made, its value and d output / d node. ValueError for
    more than 150 nodes.
    """
    from .graph_drawing import drawing

    nodes = order(output)
    shown = shown_of(nodes, only_named)
    names, J = names_of(shown), output.name or "output"
    made = expressions(nodes, names)
    grads = dict(zip(map(id, nodes), derivatives(nodes)))
    texts = []
    for node in shown:
        name, how = names[id(node)], made[id(node)]
        title = f"{name} = {how}" if how else name
        texts.append(f"{title}\nvalue {node.value:.4g}\nd{name} = {grads[id(node)]:.4g}")
    example = names[id(shown[0])]
    title = (
        "Values from left to right, derivatives from right to left.\n"
        f"d{example} stands for d{J}/d{example}; inputs are grey"
    )
    return drawing(texts, _operands(shown), [node.operation is None for node in shown], title)


def draw(output: Variable, path: str | Path, only_named: bool = False) -> None:
    """Write the figure of the graph to a PNG, SVG or PDF file."""
    from ..figures.base import save

    save(figure(output, only_named), path)


def _operands(shown: list[Variable]) -> list[list[int]]:
    """Return of each node that is shown the places of those that it is made of, each once."""
    place = {id(node): k for k, node in enumerate(shown)}
    found = []
    for node in shown:
        reached: dict[int, None] = {}
        stack = [x for x in reversed(node.operands) if isinstance(x, Variable)]
        while stack:
            x = stack.pop()
            if id(x) in place:
                reached[place[id(x)]] = None
            else:
                stack += [y for y in reversed(x.operands) if isinstance(y, Variable)]
        found.append(list(reached))
    return found
