"""Settings of the documentation site: python -m sphinx -W -b html docs build/site.

Needs the `docs` extra. Nothing is fetched from the network. Pages are Markdown, the reference is
made from the docstrings, and docs/examples/plot_*.py run while the site is built.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst
from sphinx_gallery.sorting import FileNameSortKey

import fastlogreg

matplotlib.use("agg")

project = "fastlogreg"
author = "The fastlogreg developers"
copyright = author
release = version = fastlogreg.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["examples/**", "gallery/**.ipynb", "gallery/**.md5", "_templates/**"]
suppress_warnings = ["config.cache"]  # the scraper below is a function, which is not pickled
highlight_language = "none"  # indented blocks are formulas; blocks of code name their language

myst_heading_anchors = 4  # the anchors that GitHub gives headings

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it, with shapes
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False  # the template of a class lists its methods
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "fastlogreg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options: dict[str, Any] = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

# Examples run in one process and draw with the package's own figures, unknown to pyplot.
_shown: list[Figure] = []  # kept, so that no later figure has the id of one


def figures_of_examples(
    block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]
) -> str:
    """Write every new `Figure` among an example's names as SVG, and show it."""
    paths = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and not any(value is figure for figure in _shown):
            _shown.append(value)
            path = next(block_vars["image_path_iterator"]).replace(".png", ".svg")
            value.savefig(path, metadata={"Date": None})
            paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])


sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": FileNameSortKey,
    "image_scrapers": (figures_of_examples,),
    "reset_modules": (),
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib\.",
    "copyfile_regex": r"",
}


def leave_out(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the methods that scikit-learn makes for its metadata routing."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def plain_names(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Let lambda_ be a name and |a| a size: reStructuredText takes them for links."""
    for k, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            line = line if "`" in line else line.replace("|", "\\|")
            lines[k] = re.sub(r"(?<![\w`*\\.])(\w*[A-Za-z0-9])_(?![\w`*])", r"\1\\_", line)


def vector_figures(app: Sphinx, page: str, source: list[str]) -> None:
    """Show a figure as SVG where there is one; GitHub shows the PNG that the page names."""
    folder = Path(app.srcdir) / "figures"
    source[0] = re.sub(
        r"\.\./figures/(\w+)\.png\)",
        lambda m: f"../figures/{m[1]}.svg)" if (folder / f"{m[1]}.svg").exists() else m[0],
        source[0],
    )


def setup(app: Sphinx) -> None:
    """Register what makes the package's docstrings fit."""
    app.connect("source-read", vector_figures)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("autodoc-process-docstring", plain_names, priority=900)  # after numpydoc
