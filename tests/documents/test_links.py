"""Every link leads somewhere: between pages, to a heading, from code to a page, and from code to an
entry of the performance log."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.helpers.documents import DOCS, ROOT

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")
FOLDERS = ("fastlogreg", "benchmarks", "tests", "docs")  # where code that names pages lies
LOG = DOCS / "performance"
# Pages that are linked and still being written; a name goes out with the page that comes.
TO_COME: set[str] = set()


def pages(root: Path) -> list[Path]:
    """List every page: those at the top, and all of docs."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def without_code(text: str) -> str:
    """Take fenced and indented blocks and code in a line out of a page."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^    .*$", "", text, flags=re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """List the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


def dead_links(page: Path, to_come: Collection[str] = ()) -> Iterator[str]:
    """Name the links of a page that lead nowhere; those to the web are not followed.

    A link to a page that is to come is none of them.
    """
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if file.name in to_come and not file.exists():
            continue
        if not file.exists():
            yield f"{page.name}: {target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{page.name}: {target}: no such heading"


def entries(log: Path) -> dict[str, str]:
    """Find the entries of the performance log, and the date of each."""
    found: dict[str, str] = {}
    for page in sorted(log.glob("2*.md")):
        for name in re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert name not in found, f"{page.name}: {name} is an entry of {found[name]}, too"
            found[name] = page.stem
    return found


def dead_references(text: str, root: Path) -> Iterator[str]:
    """Name the pages and the entries of the log that code mentions and that are not there."""
    # A reference may be cut by the end of a line.
    text = re.sub(r"\n[ \t#]*", " ", text)
    for path in re.findall(r"\bdocs/[\w./-]+\.md\b", text):
        if not (root / path).exists():
            yield path
    known = entries(root / "docs" / "performance")
    for name in re.findall(r"\bdocs/performance, ([a-z0-9]+(?:-[a-z0-9]+)*)", text):
        if name not in known:
            yield f"docs/performance, {name}"


def code(root: Path) -> Iterator[Path]:
    """List the files of code that may name a page."""
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def test_every_link_of_every_page_leads_somewhere():
    assert [dead for page in pages(ROOT) for dead in dead_links(page, TO_COME)] == []


def test_every_page_that_code_names_is_there():
    for path in code(ROOT):
        if path != Path(__file__).resolve():
            text = path.read_text(encoding="utf-8")
            assert list(dead_references(text, ROOT)) == [], path.relative_to(ROOT)


def in_contents(page: Path) -> Iterator[Path]:
    """List the pages in a page's tables of contents, by which the site leads to them."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", text, flags=re.M | re.S):
        for entry in block.split():
            if not entry.startswith(":"):
                yield from page.parent.glob(f"{entry}.md")


def test_every_page_can_be_reached_from_the_index():
    reached, open_pages = set(), [DOCS / "index.md"]
    while open_pages:
        page = open_pages.pop().resolve()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        text = without_code(page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+\.md)", text):
            open_pages.append(page.parent / target)
        open_pages += in_contents(page)
    assert {page.resolve() for page in DOCS.rglob("*.md")} <= reached


def test_the_index_of_the_log_has_every_entry():
    listed = re.findall(
        r"^\| \[([\w-]+)\]\((\S+)\.md#([\w-]+)\) \| (\S+) \| \S",
        (LOG / "index.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert all(name == anchor and page == date for name, page, anchor, date in listed)
    assert {name: date for name, _, _, date in listed} == entries(LOG)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in entries(LOG))


@pytest.fixture
def small(tmp_path):
    """Two pages and a log of one entry."""
    (tmp_path / "docs" / "performance").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("# A page: its `name`\n\n## Two words\n")
    (tmp_path / "docs" / "performance" / "2026-01-01.md").write_text("# A date\n\n## one-entry\n")
    return tmp_path


@pytest.mark.parametrize(
    ("link", "dead"),
    [
        ("[a](docs/a.md)", ""),
        ("[a](docs/a.md#two-words)", ""),
        ("[a](docs/a.md#a-page-its-name)", ""),
        ("[web](https://example.org/missing.md)", ""),
        ("`[code](missing.md)`", ""),
        ("```\n[code](missing.md)\n```\n", ""),
        ("[a](docs/b.md)", "no such file"),
        ("![a](docs/b.png)", "no such file"),
        ("[a](docs/a.md#three-words)", "no such heading"),
        ("[here](#nowhere)", "no such heading"),
    ],
)
def test_a_dead_link_is_found(small, link, dead):
    (small / "README.md").write_text(f"# Title\n\n{link}\n")
    found = [text for page in pages(small) for text in dead_links(page)]
    assert [text.split(": ")[-1] for text in found] == ([dead] if dead else [])


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("# see docs/a.md", ""),
        ("# see docs/b.md.", "docs/b.md"),
        ("# docs/performance, one-entry", ""),
        ("    # (docs/performance,\n    # one-entry): so", ""),
        ("# docs/performance, no-entry", "docs/performance, no-entry"),
    ],
)
def test_a_dead_reference_is_found(small, text, dead):
    assert list(dead_references(text, small)) == ([dead] if dead else [])


def test_contents_name_pages_one_by_one_and_by_a_pattern(small):
    (small / "index.md").write_text(
        "```{toctree}\n:hidden:\n\ndocs/a\ndocs/performance/2*\nno\n```\n"
    )
    found = [page.name for page in in_contents(small / "index.md")]
    assert found == ["a.md", "2026-01-01.md"]


def test_an_entry_that_comes_twice_is_found(small):
    (small / "docs" / "performance" / "2026-01-02.md").write_text("# A date\n\n## one-entry\n")
    with pytest.raises(AssertionError, match="an entry of 2026-01-01, too"):
        entries(small / "docs" / "performance")
