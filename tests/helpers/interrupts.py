"""Ctrl-C at a read of X of one's choice."""

from __future__ import annotations

import signal
from itertools import count

from fastlogreg.objective.columns import SharedColumns
from fastlogreg.objective.objective import Objective
from fastlogreg.objective.shared_models import SharedModels
from fastlogreg.solvers import compiled_classes, compiled_penalised


def press_at(monkeypatch, *reads):
    """Press Ctrl-C at the reads of these numbers, the first of which is 1.

    Fits that are compiled whole tell of no reads: see `no_whole_fits`.
    """
    number = count(1)
    for kind in (SharedColumns, Objective, SharedModels):

        def begin(self, honest=kind.begin_pass):
            if next(number) in reads:
                signal.raise_signal(signal.SIGINT)
            honest(self)

        monkeypatch.setattr(kind, "begin_pass", begin)


def no_whole_fits(monkeypatch):
    """Let no small X be fitted in one compiled call, in which no read is told."""
    monkeypatch.setattr(compiled_classes, "MOST_NUMBERS", 0)
    monkeypatch.setattr(compiled_penalised, "is_small", lambda *_: False)
