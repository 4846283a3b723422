"""The page about a model in a real browser: narrow and wide, by day and by night, by keyboard."""

from __future__ import annotations

import pytest

from fastlogreg.cli import app
from fastlogreg.reports import style
from tests.helpers import browser as driver
from tests.reports.test_report import hostile_table, two_classes

WIDTHS = (360, 1280)


@pytest.fixture(scope="module")
def browser():
    path = driver.find()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in FASTLOGREG_BROWSER")
    try:
        found = driver.Browser(path)
    except OSError as error:
        pytest.skip(f"{path} is here and does not start: {error}")
    with found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages by their names: of a table, of three classes with images."""
    import numpy as np

    import fastlogreg as flr

    folder = tmp_path_factory.mktemp("pages")
    hostile_table(folder / "t.csv", 300)
    how = ("--backend", "numpy", "--test-split", "0.3", "--report", str(folder / "table.html"))
    assert app.run(["train", str(folder / "t.csv"), "--target", "kind", *how, "--quiet"]) == 0
    X, _ = two_classes(240)
    y = np.random.default_rng(0).integers(0, 3, size=240)
    model = flr.LogisticRegression().fit(X, y)
    model.report(X, y, folder / "classes.html", image_shape=(1, 3))
    return {path.stem: path for path in folder.glob("*.html")}


@pytest.mark.parametrize("name", ["table", "classes"])
@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_error_no_request_no_scrolling_sideways(name, width, dark, browser, pages):
    browser.open(pages[name], width, dark=dark)
    assert browser.errors() == []
    assert browser.requests() == []
    for _ in range(2):  # as it opens, and with every table unfolded
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.body.scrollWidth") <= width
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
    assert browser.run("document.querySelectorAll('script').length") == 0
    assert browser.run("window.innerWidth") == width


@pytest.mark.parametrize(("dark", "colours"), [(False, style.DAY), (True, style.NIGHT)])
def test_colours_follow_day_and_night(dark, colours, browser, pages):
    browser.open(pages["table"], dark=dark)

    def shown(selector, what):
        found = browser.run(f"getComputedStyle(document.querySelector('{selector}')).{what}")
        return "#" + "".join(f"{int(part):02x}" for part in found[4:-1].split(","))

    assert shown("html", "backgroundColor") == colours["ground"]
    assert shown("h1", "color") == colours["text"]
    assert shown("nav a", "color") == colours["s0"]
    assert shown("figcaption", "color") == colours["soft"]
    assert shown("figure svg .line.s0", "stroke") == colours["s0"]
    assert shown("figure svg text", "fill") == colours["text"]


def test_keys_reach_everything_in_order(browser, pages):
    browser.open(pages["table"], 360)
    expected = browser.run(
        "document.querySelectorAll('a, summary, [tabindex=\"0\"]').length"
        " - document.querySelectorAll('details [tabindex=\"0\"]').length"
    )
    places, names = [], []
    for _ in range(expected):
        browser.press("Tab")
        names.append(browser.run("document.activeElement.tagName"))
        places.append(
            browser.run("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
        outline = browser.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", names
    assert places == sorted(set(places))  # each once, in the order of the page
    assert names[0] == "A"
    browser.open(pages["table"], 360)
    browser.press("Tab")
    left = browser.run("document.activeElement.getBoundingClientRect().left")
    assert left >= 0  # the way to skip is seen once it has the focus
    browser.press("Enter")
    assert browser.run("location.hash") == "#report"
    assert browser.run("document.activeElement.tagName") == "MAIN"


def test_a_screen_reader_finds_names(browser, pages):
    browser.open(pages["classes"])
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        if not node.get("ignored"):
            name = node.get("name", {}).get("value", "")
            roles.setdefault(node.get("role", {}).get("value"), []).append(name)
    assert len(roles["main"]) == len(roles["navigation"]) == 1
    assert len(roles["banner"]) == len(roles["contentinfo"]) == 1
    assert "ROC curve" in roles["heading"]
    for role in ("image", "region", "table", "link"):
        assert all(roles[role]), role
    assert any("How many of those" in name for name in roles["image"])


def test_tables_scroll_in_their_own_box(browser, pages):
    browser.open(pages["table"], 360)
    boxes = "[...document.querySelectorAll('.scroll')]"
    assert browser.run(f"{boxes}.some(e => e.scrollWidth > e.clientWidth)")
    assert browser.run(f"{boxes}.every(e => e.clientWidth <= 360)")


def test_a_page_that_asks_or_fails_is_noticed(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<title>x</title><img src='https://example.invalid/a.png' alt=''>"
        "<div style='width:2000px'>wide</div><script>console.error('oh')</script>"
    )
    browser.open(page, 360)
    assert browser.requests() == ["https://example.invalid/a.png"]
    assert any("oh" in error for error in browser.errors())
    assert browser.run("document.documentElement.scrollWidth") > 360
