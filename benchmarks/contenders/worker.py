"""One package in a process of its own: `python -m benchmarks.contenders.worker FOLDER PACKAGE`.

It reads X.npy or X.npz (m, n_x), y.npy (m,) and lambda.npy from FOLDER. First of all it says what
contenders it has. Then it answers each line {"contender", "tol"} with a line {"seconds"}, having
left [w, b] in FOLDER/PACKAGE.npy, (n_x + 1,) or (K, n_x + 1), or with {"error"}.
`benchmarks.contenders.process` starts it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .packages import fits


def timed(fit: Callable[[Any], Any], tol: Any) -> tuple[float, Any]:
    """Time a fit, and return what it found too.

    A short one is timed seven times: the first wakes everything, the others give the median.
    """
    seconds: list[float] = []
    while not seconds or (seconds[0] < 0.05 and len(seconds) < 7):
        start = time.perf_counter()
        found = fit(tol)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:] or seconds), found


def serve(folder: Path, package: str) -> None:
    """Answer what stdin asks; see the top."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints must not get between the answers
    warnings.simplefilter("ignore")

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    y = np.load(folder / "y.npy")
    if (folder / "X.npz").is_file():
        from scipy.sparse import load_npz

        X = load_npz(folder / "X.npz")
    else:
        X = np.load(folder / "X.npy")
    try:
        contenders = fits(package, X, y, float(np.load(folder / "lambda.npy")))
    except Exception as error:
        # An installed package that cannot be imported is one contender less, no more.
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(contenders={name: [c.tols, c.penalised] for name, c in contenders.items()})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            seconds, (w, b) = timed(contenders[asked["contender"]].fit, asked["tol"])
        except Exception as error:
            answer(error=f"{type(error).__name__}: {error}")
            continue
        w, b = np.asarray(w, np.float64), np.asarray(b, np.float64)[..., None]
        np.save(folder / f"{package}.npy", np.append(w, b, axis=-1))
        answer(seconds=seconds)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
