"""R, in a process of its own: glm and logistf.

R times itself, call after call, so that no conversion of ours is in its time. It gets X as raw
float64 by columns and answers with a line of seconds and lines of numbers.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .inference import Inference, Kind

NAMES: dict[Kind, str] = {
    "summary": "R glm",
    "profile": "R glm, confint",
    "firth": "R logistf",
    "firth summary": "R logistf",
    "firth profile": "R logistf",
}
MOST_SECONDS = 900.0
MISSING = "there is no package called"  # what R says of a package that is not there
SCRIPT = r"""
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]; kind <- given[2]; m <- as.integer(given[3]); n <- as.integer(given[4])
count <- as.integer(given[5])
X <- matrix(readBin(file.path(folder, "X"), "double", m * n), m, n)
y <- readBin(file.path(folder, "y"), "double", m)
table <- data.frame(y = y, X)
tight <- glm.control(epsilon = 1e-12, maxit = 100)
fits <- list(
  "summary" = function() summary(glm(y ~ ., binomial(), table, control = tight)),
  "profile" = function() {
    model <- glm(y ~ ., binomial(), table, control = tight)
    list(coefficients = summary(model)$coefficients, ends = confint(model))
  },
  "firth" = function() logistf::logistf(y ~ ., table, pl = FALSE),
  "firth summary" = function() logistf::logistf(y ~ ., table, pl = FALSE),
  "firth profile" = function() logistf::logistf(y ~ ., table, pl = TRUE)
)
fit <- fits[[kind]]
found <- fit()
seconds <- replicate(count, { start <- proc.time()[[3]]; fit(); proc.time()[[3]] - start })
show <- function(name, values) cat(name, sprintf("%.17g", values), "\n")
show("seconds", seconds)
if (inherits(found, "logistf")) {
  show("theta", found$coefficients)
  if (kind == "firth profile") {
    show("lower", found$ci.lower); show("upper", found$ci.upper); show("p_values", found$prob)
  }
} else {
  show("theta", found$coefficients[, 1]); show("errors", found$coefficients[, 2])
  if (kind == "profile") { show("lower", found$ends[, 1]); show("upper", found$ends[, 2]) }
}
"""


class Timed(NamedTuple):
    """Holds what R found, and the seconds of each call."""

    found: Inference
    seconds: list[float]

    @property
    def median(self) -> float:
        """Return the median of the seconds."""
        return statistics.median(self.seconds)


def infer(kind: Kind, X: Any, y: Any, count: int) -> Timed | str:
    """Run R on X (m, n_x) and y (m,), `count` times; a word why there is nothing to tell."""
    program = shutil.which("Rscript")
    if program is None:
        return "not installed"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "script.R").write_text(SCRIPT, encoding="utf-8")
        np.asfortranarray(X, np.float64).ravel(order="K").tofile(folder / "X")
        np.asarray(y, np.float64).tofile(folder / "y")
        asked = [folder / "script.R", folder, kind, *X.shape, count]
        try:
            done = subprocess.run(
                [program, *map(str, asked)],
                capture_output=True,
                text=True,
                check=False,
                timeout=MOST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {MOST_SECONDS:.0f} s"
    if done.returncode:
        return "not installed" if MISSING in done.stderr else f"failed: {done.stderr.strip()[-80:]}"
    lines = (line.split() for line in done.stdout.splitlines())
    numbers = {line[0]: np.array(line[1:], np.float64) for line in lines if line}
    seconds = numbers.pop("seconds").tolist()
    return Timed(Inference(**numbers), seconds)
