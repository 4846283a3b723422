"""The check of the built site notices what a reader would miss; .ci/run builds the site and runs
it."""

from __future__ import annotations

import json

import pytest

from tests.helpers.site import dead, unfound


@pytest.fixture
def site(tmp_path):
    """A site of two pages, and its index of names."""
    index = {"docnames": ["a", "b"], "objects": {"fastlogreg": [[1, 0, 1, "", "train"]]}}
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index)})")
    (tmp_path / "a.html").write_text('<a href="b.html#fastlogreg.train">x</a> <a href="#">top</a>')
    (tmp_path / "b.html").write_text('<dt class="sig" id="fastlogreg.train"></dt>')
    return tmp_path


def test_a_whole_site_has_nothing_missing(site):
    assert list(unfound(site, ["train"])) == []
    assert list(dead(site)) == []


def test_a_name_that_search_does_not_find(site):
    assert list(unfound(site, ["train", "path"])) == ["search does not find fastlogreg.path"]
    (site / "b.html").write_text("nothing")
    assert list(unfound(site, ["train"])) == ["b.html has no entry fastlogreg.train"]


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ('<a href="c.html">', "a.html: c.html: no such file"),
        ('<a class="x" href="b.html#nowhere">', "a.html: b.html#nowhere: no such place"),
        ('<a href="#nowhere">', "a.html: #nowhere: no such place"),
        ('<img src="figures/a.svg?v=2">', "a.html: figures/a.svg?v=2: no such file"),
        ('<a href="https://example.org/c.html">', None),
        ('<a href="mailto:a@example.org">', None),
    ],
)
def test_a_link_that_leads_nowhere(site, link, what):
    (site / "a.html").write_text(link)
    assert list(dead(site)) == ([what] if what else [])
