"""The pages on what is inside: their code runs, from top to bottom, and gives what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.test_guide import blocks, run

INSIDE = Path(__file__).parents[2] / "docs" / "inside"
PAGES = {"add-a-backend.md": 6, "add-a-penalty.md": 4}  # and how many values each states
pytestmark = pytest.mark.skipif(not INSIDE.exists(), reason="the docs are not beside the tests")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs_and_gives_what_it_says(page):
    pytest.importorskip("scipy.sparse")
    text = (INSIDE / page).read_text(encoding="utf-8")
    names: dict = {}
    checked = sum(run(code, names, line) for line, code in blocks(text))
    assert checked == text.count("\n# -> ") == PAGES[page]
