"""Computation graph: scalars forward, derivatives backward (reverse-mode differentiation).

    a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    u = (b * c).named("u");  v = (a + u).named("v");  J = (3 * v).named("J")      # J = 3 (a + b c) = 33
    J.backward()                                    # {"dJ": 1, "dv": 3, "du": 3, "dc": 9, "db": 6, "da": 3}

Left to right, each operation stores its value and its partial derivatives by its operands. Right to left, each node
hands grad * partial to its operands: the chain rule, one node at a time, so that a node used twice collects both. Both
passes are loops, not recursion. Values are float64 and follow NumPy: log of 0 is -inf, with NumPy's warning. Scalars
only, and no second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from ..reference import sigmoid

Partials = Callable[[Any, Any, Any], tuple[Any, ...]]

# operation: (how it is written, its partials from the operands a, b and the result r)
OPERATIONS: dict[Callable[..., Any], tuple[str, Partials]] = {
    np.add: ("{} + {}", lambda a, b, r: (1, 1)),
    np.subtract: ("{} - {}", lambda a, b, r: (1, -1)),
    np.multiply: ("{} * {}", lambda a, b, r: (b, a)),
    np.divide: ("{} / {}", lambda a, b, r: (1 / b, -r / b)),
    np.power: ("{} ** {}", lambda a, b, r: (b * a ** (b - 1) if b else 0, r * np.log(a) if r else 0)),
    np.maximum: ("max({}, {})", lambda a, b, r: (a > b, b >= a)),  # at a tie the derivative goes to b
    np.negative: ("-{}", lambda a, b, r: (-1,)),
    np.exp: ("exp({})", lambda a, b, r: (r,)),
    np.log: ("log({})", lambda a, b, r: (1 / a,)),
    sigmoid: ("sigmoid({})", lambda a, b, r: (r * sigmoid(-a),)),
}


class Variable:
    """A scalar in a computation graph: `value`, `name`, and after `output.backward()` `grad` = d output / d this."""

    __slots__ = ("_partials", "grad", "name", "operands", "operation", "value")

    def __init__(self, value: float, name: str = "") -> None:
        self.value = _number(value)
        self.name, self.grad = name, 0.0
        self.operation: Callable[..., Any] | None = None
        self.operands: tuple[Variable | float, ...] = ()
        self._partials: tuple[float, ...] = ()

    def named(self, name: str) -> Variable:
        """This node, under a name: `u = (b * c).named("u")`."""
        self.name = name
        return self

    def backward(self) -> dict[str, float]:
        """Set `grad` of every node to d self / d node; returned by the lectures' names: "dv" for the node named v."""
        nodes = order(self)
        for node in nodes:
            node.grad = 0.0
        self.grad = 1.0
        with np.errstate(all="ignore"):  # infinite partials were warned of on the way forward
            for node in reversed(nodes):
                for operand, partial in zip(node.operands, node._partials):
                    if isinstance(operand, Variable):
                        operand.grad += node.grad * partial
        named = [node for node in reversed(nodes) if node.name]
        found = {f"d{node.name}": node.grad for node in named}
        if len(found) < len(named):
            names = [node.name for node in named]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two nodes of the graph are named {twice!r}: give each node a name of its own, or none")
        return found

    def show(self, path: str | Path | None = None) -> None:
        """Print the graph as text, or draw it into an SVG or PNG file with values and derivatives on the nodes."""
        from . import graph_drawing

        if path is None:
            print(graph_drawing.text(self))
        else:
            graph_drawing.draw(self, path)

    def sigmoid(self) -> Variable:
        """1 / (1 + exp(-z)), which `fastlogreg.sigmoid` calls on Variables."""
        return apply(sigmoid, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Variable:
        if method != "__call__" or options or ufunc not in OPERATIONS:
            known, word = ", ".join(f.__name__ for f in OPERATIONS), " ".join((ufunc.__name__, method, *options))
            word = word.replace(" __call__", "")
            raise TypeError(f"np.{word} is not an operation of the computation graph; it has {known}")
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
    """One step forward: the value of an operation on Variables and numbers, and its partial derivatives there."""
    kept = tuple(x if isinstance(x, Variable) else _number(x) for x in operands)
    a, b = (*(np.float64(x.value if isinstance(x, Variable) else x) for x in kept), None)[:2]
    result = operation(a) if b is None else operation(a, b)
    node = Variable(float(result))
    with np.errstate(all="ignore"):
        node._partials = tuple(map(float, OPERATIONS[operation][1](a, b, np.float64(result))))
    node.operation, node.operands = operation, kept
    return node


def order(output: Variable) -> list[Variable]:
    """Every node the output depends on, each after its operands (topological order, by a loop)."""
    done: dict[int, bool] = {}  # id: False while its operands are being visited, True after
    nodes, stack = [], [output]
    while stack:
        node = stack[-1]
        if not isinstance(node, Variable):
            raise TypeError(f"a node of the graph must be a Variable, and one is {node!r}: wrap it, Variable(x, name)")
        if id(node) in done:
            stack.pop()
            if not done[id(node)]:
                done[id(node)] = True
                nodes.append(node)
            continue
        done[id(node)] = False
        for x in reversed(node.operands):
            if done.get(id(x), True) is False:
                raise ValueError(f"the graph has a cycle through {node!r}: make a new Variable instead of changing one")
            if not isinstance(x, float) and id(x) not in done:
                stack.append(x)
    return nodes


def _number(x: Any) -> float:
    if isinstance(x, (Real, np.bool_)) or (isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind in "buif"):
        return float(x)
    what = f"array of shape {x.shape}" if isinstance(x, np.ndarray) else f"{type(x).__name__} {x!r}"
    raise TypeError(f"the computation graph holds real scalars and Variables, not {what}: use one Variable per number")
