"""Every public name has its place in the reference, once."""

from __future__ import annotations

import re
from collections import Counter

import pytest

import fastlogreg as flr
from tests.helpers.documents import DOCS, ROOT

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")
IN_WORDS = {"__version__", "MatrixLike"}  # a text and a type, which have no docstring


def listed(text: str, module: str) -> list[str]:
    """List the names that a page of the reference takes from a module."""
    blocks = re.findall(r"^```\{eval-rst\}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [
        name
        for block in blocks
        if f".. currentmodule:: {module}\n" in block
        for name in re.findall(r"^   (\w+)$", block, flags=re.MULTILINE)
    ]


def names(module: str) -> Counter[str]:
    pages = sorted((DOCS / "reference").glob("*.md"))
    return Counter(name for p in pages for name in listed(p.read_text(encoding="utf-8"), module))


def test_every_public_name_is_in_the_reference_once():
    public = {*dir(flr)} - IN_WORDS
    assert names("fastlogreg") == Counter(public)


def test_every_name_of_dask_is_in_the_reference_once():
    fd = pytest.importorskip("fastlogreg.dask")
    assert names("fastlogreg.dask") == Counter(fd.__all__)


def test_names_of_another_module_are_not_counted():
    page = (
        "```{eval-rst}\n.. currentmodule:: a.b\n\n.. autosummary::\n   :toctree: x\n\n   f\n```\n"
    )
    assert listed(page, "a.b") == ["f"]
    assert listed(page, "a") == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
