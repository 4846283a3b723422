"""The page about the architecture shows the house that the tests of imports hold."""

from __future__ import annotations

import re

import pytest

from tests.helpers.documents import DOCS
from tests.package.test_import import FLOORS

PAGE = DOCS / "inside" / "architecture.md"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")


def table(text: str) -> list[tuple[int, list[str]]]:
    """Read the table of floors: number and rooms, from the ground up."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", text, flags=re.MULTILINE)
    return [(int(number), re.findall(r"`(\w+)`", rooms)) for number, rooms in rows]


def drawing(text: str) -> list[tuple[int, list[str]]]:
    """Read the drawing of the house: number and rooms, from the ground up."""
    (block,) = re.findall(r"^```\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)[:1]
    lines = [re.split(r"\s{2,}", line.strip()) for line in block.splitlines()]
    # The last part of a line says what the floor is.
    return [(int(number), rooms) for number, *rooms, _ in reversed(lines)]


def described(text: str) -> list[str]:
    """List the rooms that have a paragraph of their own, in order."""
    return re.findall(r"^\*\*`(\w+)`\*\* ", text, flags=re.MULTILINE)


def house() -> list[tuple[int, list[str]]]:
    return [(floor, list(rooms)) for floor, rooms in enumerate(FLOORS, start=1)]


def test_the_page_shows_every_room_in_order():
    text = PAGE.read_text(encoding="utf-8")
    assert table(text) == house()
    assert drawing(text) == house()
    assert described(text) == [room for rooms in FLOORS for room in rooms]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| 4 | `data`, `lectures`, `tables` |", "| 4 | `data` |"),
        ("| 5 | `backends` |\n| 6 | `objective` |", "| 5 | `objective` |\n| 6 | `backends` |"),
        ("| 1 | `_version`, `machine`", "| 1 | `machine`, `_version`"),
    ],
)
def test_a_missing_or_misplaced_room_is_noticed(old, new):
    text = PAGE.read_text(encoding="utf-8")
    assert old in text
    assert table(text.replace(old, new)) != house()


def test_a_drawing_and_a_paragraph_that_miss_a_room_are_noticed():
    text = PAGE.read_text(encoding="utf-8")
    assert drawing(text.replace("kernels  files ", "kernels        ")) != house()
    rooms = [room for rooms in FLOORS for room in rooms]
    assert described(text.replace("**`files`** ", "files ")) != rooms
