"""What a reader needs of the built site: python -m tests.helpers.site FOLDER says what is missing.

Every public name is found by search and leads to its entry, every link within the site leads to a
page and a place on it, and every figure of a page is there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

IN_WORDS = {"__version__", "MatrixLike"}  # in the reference without an entry of their own
OUTSIDE = re.compile(r"\w+:|//")


def unfound(site: Path, names: Iterable[str], module: str = "fastlogreg") -> Iterator[str]:
    """Name what search does not find in a module, or finds on a page without its entry."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    pages = {entry[4]: index["docnames"][entry[0]] for entry in index["objects"].get(module, [])}
    for name in names:
        if name not in pages:
            yield f"search does not find {module}.{name}"
        elif f"{module}.{name}" not in places(site / f"{pages[name]}.html"):
            yield f"{pages[name]}.html has no entry {module}.{name}"


def places(page: Path) -> set[str]:
    """List the anchors of a page."""
    found = re.findall(r'<[^>]*?\s(?:id|name)="([^"]+)"', page.read_text(encoding="utf-8"))
    return {unescape(name) for name in found}


def dead(site: Path) -> Iterator[str]:
    """Name the links and pictures of all pages that lead nowhere within the site."""
    known: dict[Path, set[str]] = {}
    for page in sorted(site.rglob("*.html")):
        if "_static" in page.parts:  # of the theme, with gaps to fill
            continue
        text = page.read_text(encoding="utf-8")
        for target in sorted(set(re.findall(r'\s(?:href|src)="([^"]*)"', text))):
            if OUTSIDE.match(target) or target in ("", "#"):
                continue
            path, _, place = unquote(unescape(target)).partition("#")
            path = path.partition("?")[0]
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield f"{page.relative_to(site)}: {target}: no such file"
            elif place and file.suffix == ".html":
                if file not in known:
                    known[file] = places(file)
                if place not in known[file]:
                    yield f"{page.relative_to(site)}: {target}: no such place"


def main(site: Path) -> int:
    """Print what is missing; 1 where anything is."""
    import fastlogreg as flr

    missing = [*unfound(site, sorted({*dir(flr)} - IN_WORDS)), *dead(site)]
    print("\n".join(missing) or "every public name is found, and every link leads somewhere")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
