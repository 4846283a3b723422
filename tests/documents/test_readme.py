"""Every code block of the README and of the pages runs, in order, each page in an empty folder.

Installations are run by .ci/run, from a clean clone.
"""

from __future__ import annotations

import pytest

from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.documents import DOCS, ROOT, run_blocks

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")
compiled = pytest.mark.skipif(WITHOUT_JIT, reason="readers have the compiled kernels")
PAGES = sorted([DOCS / "install.md", *(DOCS / "how-to").glob("*.md")])


@compiled
def test_every_block_of_the_readme_runs(tmp_path, monkeypatch):
    pytest.importorskip("typer", reason="the command line needs the cli extra")
    pytest.importorskip("dask.array", reason="the README's Dask section needs the dask extra")
    monkeypatch.chdir(tmp_path)
    ran = run_blocks(ROOT / "README.md")
    assert ran["install"] == 2
    assert ran["python"] >= 3
    assert ran["bash"] >= 5


@compiled
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch):
    pytest.importorskip("typer", reason="the command line needs the cli extra")
    pytest.importorskip("scipy", reason="a page about sparse X needs SciPy")
    pytest.importorskip("sklearn", reason="the estimator needs the sklearn extra")
    if page.stem in ("formulas", "inference", "from-statsmodels"):
        pytest.importorskip("formulaic", reason="formulas need the formula extra")
    if page.stem in ("influence", "inference"):
        pytest.importorskip("matplotlib", reason="figures need the plots extra")
    if page.stem == "serving":
        pytest.importorskip("onnxruntime", reason="it comes with the test extra")
        pytest.importorskip("onnx", reason="the graph needs the onnx extra")
    if page.stem == "gpu":
        pytest.importorskip("cupy", reason="the page of a GPU needs one, and CuPy")
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nassert 1 == 2\n```\n", AssertionError),
        ("```python\nundefined\n```\n", NameError),
        ("```text\nsome words\n```\n", AssertionError),
        ("```bash\nrm -r somewhere\n```\n", AssertionError),
        ("```bash\nfastlogreg train missing.csv\n```\n", AssertionError),
    ],
)
def test_a_block_that_fails_is_noticed(text, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(error):
        run_blocks(page)
