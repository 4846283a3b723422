"""Who called the package: the line that a warning should name."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parents[1])


def stack_level(*through: str) -> int:
    """Return the stacklevel, for `warnings.warn` in the function that asks, of the first caller
    outside the package; of the outermost one where there is none.

    through: folders of libraries that the package calls, and that call it back.
    """
    frame, level = sys._getframe(1), 1
    passed = (_PACKAGE, *through)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(passed):
        frame, level = frame.f_back, level + 1
    return level
