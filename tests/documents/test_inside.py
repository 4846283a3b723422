"""The pages on the inside of the package: their examples run as they stand, and give what they
say."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

import fastlogreg as flr
from fastlogreg.solvers import registry, requests
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.training import checkpoint
from tests.documents.test_guide import blocks, run

INSIDE = Path(__file__).parents[2] / "docs" / "inside"
PAGES = {
    "add-a-backend.md": 6,
    "add-a-penalty.md": 4,
    "model-file.md": 1,
}  # and how many values each states
pytestmark = pytest.mark.skipif(not INSIDE.exists(), reason="the docs are not beside the tests")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs_and_gives_what_it_says(page):
    pytest.importorskip("scipy.sparse")
    text = (INSIDE / page).read_text(encoding="utf-8")
    names: dict = {}
    checked = sum(run(code, names, line) for line, code in blocks(text))
    assert checked == text.count("\n# -> ") == PAGES[page]


def python_blocks(name):
    """The code of a page, block after block."""
    text = (INSIDE / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_the_solver_of_the_page_is_one_of_the_package(tmp_path):
    """It trains to the optimum, is cut and resumed to the same bits, and its name is known."""
    names: dict = {}
    try:
        for code in python_blocks("add-a-solver.md"):
            exec(code, names)
        X, Y, options = names["X"], names["Y"], {"solver": "bb", "lambda_": 1.0, "tol": 1e-9}
        whole, path = names["result"], tmp_path / "run"
        assert whole.iterations > 5
        for cut in range(whole.iterations):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TrainingWarning)
                flr.train(X, Y, **options, iterations=cut, checkpoint=path)
            assert checkpoint.load(path).values["method"] == "bb"
            again = flr.train(X, Y, **options, checkpoint=path, resume=True)
            assert again.w.tobytes() == whole.w.tobytes()
            assert (again.b, again.passes) == (whole.b, whole.passes)
        assert registry.names()[-1] == "bb"
    finally:
        registry.REGISTRY.pop("bb", None)


def test_the_page_names_requests_that_there_are():
    text = (INSIDE / "add-a-solver.md").read_text(encoding="utf-8")
    for name in re.findall(r"^    ([A-Z]\w+)\(", text, flags=re.MULTILINE):
        assert hasattr(requests, name), name
