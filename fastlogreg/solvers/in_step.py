"""Solvers that run side by side at their own pace, and wait for each other where they read X.

`answers.drive` has a request of each in a round. That is enough where all do the same: iterations
of one kind, at one penalty. Solvers that follow a path fall out of step: one proves a bound where
the next takes a step. Here each goes on until it asks for what can share a read. Then those are
answered that ask for the kind most ask for, and the others wait, to be more of their kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .answers import Answering, Gathering
from .requests import Asking, Request


class _Waiting(NamedTuple):
    answers: Answering
    steps: Asking[None]
    request: Request
    gathering: Gathering


def drive_in_step(*running: tuple[Answering, Asking[None]]) -> None:
    """Run solvers until each has ended; one read of X for all that are answered together."""
    waiting = _until_they_wait((answers, steps, None) for answers, steps in running)
    while waiting:
        kinds: dict[Gathering, list[_Waiting]] = {}
        for one in waiting:
            kinds.setdefault(one.gathering, []).append(one)
        gathering = max(kinds, key=lambda kind: len(kinds[kind]))
        chosen = kinds.pop(gathering)
        found = gathering([(one.answers, one.request) for one in chosen])
        still = [one for those in kinds.values() for one in those]
        waiting = still + _until_they_wait(
            (one.answers, one.steps, answer) for one, answer in zip(chosen, found)
        )


def _until_they_wait(going: Iterable[tuple[Answering, Asking[None], Any]]) -> list[_Waiting]:
    """Let each go on until it asks for what can share a read; one that ends is left out."""
    waiting = []
    for answers, steps, answer in going:
        while True:
            try:
                request = steps.send(answer)
            except StopIteration:
                break
            gathering = answers.gathering(request)
            if gathering is not None:
                waiting.append(_Waiting(answers, steps, request, gathering))
                break
            answer = answers.answer(request)
    return waiting
