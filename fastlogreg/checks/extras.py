"""Optional libraries, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def require(module: str, extra: str, purpose: str) -> Any:
    """Return the imported module, or a ModuleNotFoundError that says how to install it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ModuleNotFoundError(
            f'{purpose} needs {package}, which is not installed: pip install "fastlogreg[{extra}]"',
            name=package,
        ) from error
