"""Softmax models on one X, each with weights of its own: what they want, from shared reads of X.

A fold is such a model, and the full fit is another. Each is an objective by itself and stays one:
to the same bits it finds what it would find alone. Z of all is in one array, in rooms for (K, m)
numbers, so that a pass puts each where its model keeps it, and no more memory is taken than that.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends import several_models
from ..backends.base import ClassSums, Models
from ..maths.arrays import Vector
from .point import Evaluation, Point
from .softmax import SoftmaxObjective
from .wanted import BiasProduct, EvaluationAt, Rows, Squares, Value, Wanted, Wanting

ROOMS_OF_MODEL = 3  # start, trial and the best place between them, of a line search


class Model:
    """Hold one of the models: its objective, and the row of weights that the objective has too.

    sample: of its examples, as it was taken last, and how many were asked for.
    """

    def __init__(self, objective: SoftmaxObjective, row: int) -> None:
        self.objective, self.row = objective, row
        self.sample: tuple[int, SoftmaxObjective] | None = None


class RoomsForZ:
    """Hand out rooms for z, (K, m) views of one array, and take them back.

    A room is free again when nothing refers to its view any more: points come and go with the
    solvers that hold them.
    """

    def __init__(self, rooms: int, K: int, m: int) -> None:
        self.whole = np.empty((rooms, K, m))
        self._free = list(range(rooms))[::-1]

    def __len__(self) -> int:
        return len(self._free)

    def take(self) -> Vector:
        """Return a room."""
        number = self._free.pop()
        z = self.whole[number]
        weakref.finalize(z, self._free.append, number).atexit = False
        return z

    def number(self, z: Any) -> int | None:
        """Return which room z is, None where it is none."""
        if getattr(z, "base", None) is not self.whole or z.shape != self.whole.shape[1:]:
            return None
        start = z.ctypes.data - self.whole.ctypes.data
        return int(start // self.whole.strides[0])


class SharedModels:
    """Answer what models want of one X, a read for all that want alike.

    weights (rows, m): of the examples, a row for each model. passes: shared reads so far; those
    that a model makes alone are its objective's. watch: as in `Objective`. in_blocks: whether X
    comes in blocks, so that a look at some rows is a read as well.
    """

    watch: Callable[[], object] | None = None

    def __init__(self, lead: SoftmaxObjective, weights: Vector) -> None:
        self.labels, self.backend, self.weights = lead.labels, lead.backend, weights
        self.rooms = RoomsForZ(ROOMS_OF_MODEL * len(weights), lead.classes, lead.m)
        self.in_blocks = lead.design.dense is None and lead.design.sparse is None
        self.passes = 0

    def begin_pass(self) -> None:
        """Count a read of X; to be called before each."""
        if self.watch is not None:
            self.watch()
        self.passes += 1

    def points(self, models: Sequence[Model], thetas: Sequence[Vector]) -> list[Point]:
        """Return J, its gradient and z at theta for each model: one read of X.

        Where no room is left, a model reads X alone.
        """
        some = len(self.rooms)
        zs = [self.rooms.take() for _ in models[:some]]
        numbers = [self.rooms.number(z) for z in zs]
        found = [
            Point(theta, evaluation, z)
            for theta, evaluation, z in zip(
                thetas, self._evaluations(models[:some], thetas[:some], np.array(numbers)), zs
            )
        ]
        alone = zip(models[some:], thetas[some:])
        return found + [model.objective.point(theta) for model, theta in alone]

    def _evaluations(
        self, models: Sequence[Model], thetas: Sequence[Vector], rooms: NDArray[np.int64] | None
    ) -> list[Evaluation]:
        """Evaluate in one read; rooms: for z, or none."""
        if not models:
            return []
        W, b = zip(*(model.objective.split(theta) for model, theta in zip(models, thetas)))
        sums = self._sums(models, W, b, rooms)
        return [model.objective.evaluation_of(w, one) for model, w, one in zip(models, W, sums)]

    def _sums(
        self,
        models: Sequence[Model],
        W: Sequence[Vector],
        b: Sequence[Vector],
        rooms: NDArray[np.int64] | None,
        products: bool = False,
    ) -> list[ClassSums]:
        self.begin_pass()
        together = Models(
            [model.objective.design for model in models],
            np.array(W),
            np.array(b),
            self.weights,
            np.array([model.row for model in models], np.int32),
        )
        zs, numbers = self.rooms.whole, rooms
        if numbers is None:
            zs, numbers = zs[:0], np.zeros(len(models), np.int64)
        return several_models.model_sums(self.backend, together, self.labels, zs, numbers, products)

    def together(self, running: Sequence[tuple[Model, Wanting[Value]]]) -> list[Value]:
        """Make computations side by side: what they want in one round is from one read of X."""
        found: dict[int, Value] = {}
        answers: dict[int, Any] = dict.fromkeys(range(len(running)))
        while answers:
            asked: dict[int, Wanted] = {}
            for k, answer in answers.items():
                try:
                    asked[k] = running[k][1].send(answer)
                except StopIteration as ended:
                    found[k] = ended.value
            answers = self._answered({k: (running[k][0], wanted) for k, wanted in asked.items()})
        return [found[k] for k in range(len(running))]

    def _answered(self, asked: dict[int, tuple[Model, Wanted]]) -> dict[int, Any]:
        """Answer all: those of one kind together, if that kind can be."""
        found: dict[int, Any] = {}
        for kind, answer in (
            (EvaluationAt, self._evaluated),
            (BiasProduct, self._multiplied),
            (Rows, self._rows),
            (Squares, self._squares),
        ):
            places = [k for k, (model, wanted) in asked.items() if isinstance(wanted, kind)]
            alone = [k for k in places if not self._can_share(asked[k][1])]
            shared = [k for k in places if k not in alone]
            for k in alone:
                model, wanted = asked[k]
                found[k] = wanted.alone(model.objective)
            if shared:
                models, all_wanted = zip(*(asked[k] for k in shared))
                found.update(zip(shared, answer(models, all_wanted)))
        return found

    def _can_share(self, wanted: Wanted) -> bool:
        if isinstance(wanted, BiasProduct):
            return self.rooms.number(wanted.z) is not None
        return isinstance(wanted, EvaluationAt) or self.in_blocks

    def _evaluated(self, models: Sequence[Model], wanted: Sequence[Any]) -> list[Evaluation]:
        return self._evaluations(models, [one.theta for one in wanted], None)

    def _multiplied(self, models: Sequence[Model], wanted: Sequence[Any]) -> list[Vector]:
        nothing = [
            np.zeros((len(one.u), model.objective.n_x)) for model, one in zip(models, wanted)
        ]
        rooms = np.array([self.rooms.number(one.z) for one in wanted], np.int64)
        sums = self._sums(models, nothing, [one.u for one in wanted], rooms, products=True)
        return [
            model.objective.joined(one.dw, one.db) / model.objective.total
            for model, one in zip(models, sums)
        ]

    def _rows(self, models: Sequence[Model], wanted: Sequence[Any]) -> list[Any]:
        designs = [model.objective.design for model in models]
        return several_models.rows(designs, [one.chosen for one in wanted])

    def _squares(self, models: Sequence[Model], wanted: Sequence[Any]) -> list[Vector]:
        self.begin_pass()
        designs = [model.objective.design for model in models]
        return several_models.squares(self.backend, designs, [one.mass for one in wanted])
