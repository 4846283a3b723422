"""Every code block of the README: the Python blocks and the commands run here, in order, in one
empty folder; the two installation commands are run by .ci/run, from a clean clone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.limits import HANG

README = Path(__file__).parents[2] / "README.md"
INSTALL = "pip install"


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fenced block, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_every_block_of_the_readme_runs(tmp_path, monkeypatch):
    pytest.importorskip("typer", reason="the command line needs the cli extra")
    pytest.importorskip("dask.array", reason="the README's Dask section needs the dask extra")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    ran = {"python": 0, "bash": 0, "install": 0}
    for language, code in blocks(README.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(code, "README.md", "exec"), names)
            ran["python"] += 1
            continue
        assert language == "bash", f"a block of unknown language {language}"
        for line in code.splitlines():
            if line.startswith(INSTALL):
                ran["install"] += 1
                continue
            assert line.startswith("fastlogreg "), line
            command = [sys.executable, "-m", *line.split()]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=HANG, check=False
            )
            assert done.returncode == 0 or line == "fastlogreg doctor", (
                f"{line}\n{done.stdout}{done.stderr}"
            )
            ran["bash"] += 1
    assert ran["install"] == 2
    assert ran["python"] >= 3
    assert ran["bash"] >= 5
