"""The changelog names the places of modules that have moved, and they are there."""

from __future__ import annotations

import importlib.util
import re

import pytest

from tests.helpers.documents import DOCS, ROOT

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")


def moves(text: str) -> list[tuple[str, list[str]]]:
    """Read the table: where a module was, and where its parts are."""
    rows = re.findall(r"^\| `([\w.]+)` \| (`[^|]*`) \|", text, flags=re.MULTILINE)
    return [(before, re.findall(r"`([\w.]+)`", now)) for before, now in rows]


def missing(text: str) -> list[str]:
    """Name the modules of the table's second column that are not in the package."""
    names = [name for _, now in moves(text) for name in now]
    return [name for name in names if importlib.util.find_spec(f"fastlogreg.{name}") is None]


def test_every_module_that_has_moved_is_where_the_changelog_says():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len(moves(text)) > 40
    assert missing(text) == []


def test_a_module_that_is_not_there_is_noticed():
    text = "| `threads` | `machine.threads`, `machine.fibres` | |\n| `link` | `kernels.loss` | |\n"
    assert moves(text)[0] == ("threads", ["machine.threads", "machine.fibres"])
    assert missing(text) == ["machine.fibres"]
