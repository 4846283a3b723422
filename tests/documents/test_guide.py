"""The guide: its code runs, from top to bottom, and gives what it says; its figures are there,
small, and all drawn."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from fastlogreg.lectures import loops

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "guide" / "guide.md"
SEVERAL = DOCS / "guide" / "several.md"
pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="the docs are not beside the tests")


def blocks(text: str) -> list[tuple[int, str]]:
    """(line number, code) of every Python block."""
    found = re.finditer(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text[: match.start()].count("\n") + 2, match.group(1)) for match in found]


def run(code: str, names: dict, first_line: int = 1) -> int:
    """Run a block; each `# -> value` is compared with the expression before it. Returns how many
    there were."""
    lines, checked = code.splitlines(), 0
    for node in ast.parse(code).body:
        after = lines[node.end_lineno] if node.end_lineno < len(lines) else ""
        where = f"guide.md, line {first_line + node.lineno - 1}"
        if after.startswith("# -> "):
            assert isinstance(node, ast.Expr), f"{where}: only an expression has a value"
            value = eval(compile(ast.Expression(node.value), where, "eval"), names)
            assert_same(value, ast.literal_eval(after[5:]), where)
            checked += 1
        else:
            exec(compile(ast.Module([node], []), where, "exec"), names)
    return checked


def assert_same(value, expected, where):
    assert type(value) is type(expected), f"{where}: {value!r} is not {expected!r}"
    if isinstance(value, (tuple, list)):
        assert len(value) == len(expected), f"{where}: {value!r} is not {expected!r}"
        for one, other in zip(value, expected):
            assert_same(one, other, where)
    elif isinstance(value, float):
        assert value == pytest.approx(expected, rel=1e-12), (
            f"{where}: {value!r} is not {expected!r}"
        )
    else:
        assert value == expected, f"{where}: {value!r} is not {expected!r}"


def test_the_guide_runs_and_gives_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    text = GUIDE.read_text(encoding="utf-8")
    checked = sum(run(code, names, line) for line, code in blocks(text))
    assert checked == text.count("\n# -> ") > 20
    assert list(tmp_path.iterdir()) == []  # a reader's folder stays as it was
    assert "J = 3 * v = 33" in capsys.readouterr().out


def test_the_loops_of_the_guide_are_the_packages_own():
    """They are shown from their source: a page that was retyped, or is behind it, fails here."""
    text = GUIDE.read_text(encoding="utf-8")
    shown = re.findall(r"^<!-- source: loops\.(\w+) -->\n```python\n(.*?)^```$", text, re.M | re.S)
    assert len(shown) == text.count("<!-- source:") >= 8
    for name, code in shown:
        assert code == inspect.getsource(getattr(loops, name)), name


def test_the_page_on_several_classes_runs_and_gives_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    text = SEVERAL.read_text(encoding="utf-8")
    checked = sum(run(code, names, line) for line, code in blocks(text))
    assert checked == text.count("\n# -> ") > 15
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1 + 1\n# -> 3\n", "line 1: 2 is not 3"),
        ("x = 1.0\n(x, 2.0)\n# -> (1.0, 2.5)\n", "line 2: 2.0 is not 2.5"),
        ("[1]\n# -> [1, 2]\n", "not"),
        ("1\n# -> True\n", "1 is not True"),
        ("x = 1\n# -> 1\n", "only an expression"),
    ],
)
def test_a_wrong_guide_is_noticed(code, text):
    with pytest.raises(AssertionError, match=re.escape(text)):
        run(code, {})


def figures_script():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("make_figures", DOCS / "make_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_figure_is_linked_in_order_present_and_small():
    linked = re.findall(
        r"!\[[^\]]+\]\(\.\./figures/(\w+)\.png\)", GUIDE.read_text(encoding="utf-8")
    )
    assert sorted(linked) == sorted(figures_script().FIGURES)
    for name in linked:
        size = (DOCS / "figures" / f"{name}.png").stat().st_size
        assert 0 < size < 100_000, f"{name}.png has {size} bytes"


@pytest.mark.parametrize("page", [GUIDE, SEVERAL], ids=lambda page: page.stem)
def test_every_section_has_a_formula_and_code(page):
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [int(section.split(".")[0]) for section in sections] == list(range(1, len(sections) + 1))
    for section in sections:
        assert re.search(r"^    \S", section, flags=re.MULTILINE), section.splitlines()[0]
        assert "```python" in section, section.splitlines()[0]


def test_every_figure_is_vector_graphics_in_the_site():
    """The site takes the SVG beside each PNG that a page names."""
    for page in DOCS.rglob("*.md"):
        for name in re.findall(r"figures/(\w+)\.png\)", page.read_text(encoding="utf-8")):
            svg = (DOCS / "figures" / f"{name}.svg").read_text(encoding="utf-8")
            assert svg.startswith("<?xml"), name


def test_every_figure_is_drawn(tmp_path):
    from PIL import Image

    script = figures_script()
    for name in [*script.FIGURES, *script.OF_PAGES]:
        path = script.write(name, tmp_path)
        assert (tmp_path / f"{name}.svg").read_text().startswith("<?xml")
        assert path.stat().st_size < 100_000
        with Image.open(path) as drawn, Image.open(DOCS / "figures" / f"{name}.png") as kept:
            assert drawn.size == kept.size
            low, high = drawn.convert("L").getextrema()
            assert (low < 100, high) == (True, 255), name
