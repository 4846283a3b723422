"""The whole page: its head, what is said in short, and the sections in order."""

from __future__ import annotations

import base64
import hashlib
import os

import numpy as np

from ..files.writing import atomic_open
from . import figures, origin, sections
from .content import Content
from .markup import Markup, cut, number, pairs, percent, tag
from .measures import Measured, measured
from .style import style


def page(content: Content) -> str:
    """Write the report as HTML. A policy in it forbids the browser to ask for anything else."""
    found = [measured(each, content.labels, content.threshold) for each in content.sets]
    several = len(content.labels) > 2
    name, last = content.sets[-1].name, found[-1]
    curves = [
        figures.roc_figure(last, several, name),
        figures.precision_figure(last, several, name),
        figures.calibration_figure(last, several, content.labels[-1]),
    ]
    convergence = None if content.run is None else figures.convergence_figure(content.run)
    parts = [
        ("data", "Data", list(sections.data(content))),
        ("metrics", "How good it is", list(sections.metrics(content, found))),
        ("curves", "Curves", [_figures(curves, name)]),
        ("coefficients", "Coefficients", list(sections.coefficients(content))),
        ("mistakes", "Worst mistakes", list(sections.mistakes(content))),
        ("training", "Training", [*sections.training(content), _figures([convergence], "")]),
        ("reproduce", "How to reproduce it", list(sections.reproduction(content))),
    ]
    links = [tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in parts]
    body = tag(
        "body",
        tag("a", "Skip to the report", href="#report", class_="skip"),
        tag(
            "header",
            tag("h1", cut(content.title)),
            tag(
                "p", f"Logistic regression: {cut(content.subtitle)}. {origin.now()}", class_="soft"
            ),
        ),
        tag("nav", tag("ul", *links), aria_label="Sections"),
        tag(
            "main",
            _in_short(content, last),
            *(
                tag(
                    "section",
                    tag("h2", title, id=f"{key}-title"),
                    *inside,
                    id=key,
                    aria_labelledby=f"{key}-title",
                )
                for key, title, inside in parts
            ),
            id="report",
            tabindex="-1",
        ),
        tag("footer", tag("p", "Written by fastlogreg. It needs no network.", class_="soft")),
    )
    sheet = style()
    hashed = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{hashed}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", cut(content.title)),
        tag("style", Markup(sheet)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def write(content: Content, path: str | os.PathLike[str]) -> None:
    """Write the page to a file, which appears whole or not at all."""
    with atomic_open(path) as file:
        file.write(page(content).encode("utf-8", "replace"))


def _in_short(content: Content, last: Measured) -> Markup:
    """Say the most important in a few lines."""
    scores, name = last.scores, content.sets[-1].name
    facts = [("accuracy", percent(scores.accuracy)), ("without a model", percent(scores.baseline))]
    if np.isfinite(scores.auc):
        facts.append(("AUC", number(scores.auc)))
    if np.isfinite(scores.calibration_slope):
        facts.append(("calibration slope", number(scores.calibration_slope)))
    notes = [tag("p", note, class_="note") for note in content.notes]
    if not content.held_out:
        notes.append(
            tag(
                "p",
                "These are the examples that it was trained on, so the numbers are better than on "
                "new ones. Hold some out to know how good it is.",
                class_="note",
            )
        )
    return tag(
        "section",
        tag("h2", "In short", id="short-title"),
        tag("p", f"On {int(scores.counts.sum()):,} {name} examples:"),
        tag("div", pairs(facts), class_="key"),
        *notes,
        aria_labelledby="short-title",
    )


def _figures(found: list[Markup | None], name: str) -> Markup:
    there = [each for each in found if each is not None]
    if there:
        return tag("div", *there, class_="figures")
    return tag("p", f"There is nothing to draw of the {name} examples." if name else "")
