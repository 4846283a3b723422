"""What is in a page of HTML, for tests: elements in order, with their attributes and texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise


class Page(HTMLParser):
    """Read a page: `elements` are (name, attributes), `texts` what is shown, `open` is empty at
    the end where every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, *names):
        """The attributes of the elements of these names."""
        return [attributes for name, attributes in self.elements if name in names]

    @property
    def text(self):
        """All that is shown, blanks as one."""
        return re.sub(r"\s+", " ", " ".join(self.texts))


def faults(text):
    """What a careful reader of a page would not want, as lines; none is well."""
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    if page.open:
        yield f"not closed: {page.open}"
    if len(ids) != len(set(ids)):
        yield "an id is there twice"
    if levels.count(1) != 1 or levels[0] != 1:
        yield "there must be one h1, before other headings"
    if any(after - before > 1 for before, after in pairwise(levels)):
        yield f"headings skip a level: {levels}"
    for name in ("main", "header", "footer", "nav", "title"):
        if not page.all(name):
            yield f"no {name}"
    if page.all("html")[0].get("lang") is None:
        yield "no language"
    for name, attributes in page.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            for one in (attributes.get(key) or "").split():
                if one not in ids:
                    yield f"{name} refers to {one}"
        if name in ("script", "iframe", "object", "embed", "link", "base", "form"):
            yield f"a {name}"
        if any(key.startswith("on") for key in attributes):
            yield f"{name} has code: {attributes}"
        for key in ("href", "src", "srcset", "action", "data", "xlink:href"):
            value = attributes.get(key)
            if value is not None and not value.startswith(("#", "data:image/png;base64,")):
                yield f"{name} refers to {value}"
            if value is not None and value.startswith("#") and value[1:] not in ids:
                yield f"{name} refers to {value}"
        if name == "img" and not attributes.get("alt"):
            yield "an image without words"
        named = attributes.get("role") == "img" and attributes.get("aria-labelledby")
        if name == "svg" and attributes.get("aria-hidden") != "true" and not named:
            yield "a drawing without words"
        if name == "th" and attributes.get("scope") not in ("col", "row"):
            yield "a head of a table without scope"
    if len(page.all("table")) != len(page.all("caption")):
        yield "a table without a caption"
    style = "".join(re.findall("<style>(.*?)</style>", text, flags=re.DOTALL))
    if re.search("url\\(|@import|@font-face", style):
        yield "the style asks for a file"
