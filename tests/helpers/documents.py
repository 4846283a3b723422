"""The pages of the documentation: their code blocks, and running them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .limits import HANG

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
INSTALL = "pip install"


def blocks(text: str) -> list[tuple[str, str]]:
    """List (language, code) of every fenced block that names its language, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run_blocks(page: Path) -> Counter[str]:
    """Run the Python blocks and the commands of a page, in order, in the present folder.

    The Python blocks share their names. A command must end well, but for `fastlogreg doctor`, which
    may find something. Installations are not run. Returns how many there were of each kind.
    """
    names: dict = {}
    ran: Counter[str] = Counter()
    for language, code in blocks(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(code, page.name, "exec"), names)
            ran["python"] += 1
            continue
        assert language == "bash", f"{page.name}: a block of unknown language {language}"
        for line in code.splitlines():
            if line.startswith(INSTALL):
                ran["install"] += 1
                continue
            assert line.startswith("fastlogreg "), f"{page.name}: {line}"
            command = [sys.executable, "-m", *shlex.split(line)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=HANG, check=False
            )
            assert done.returncode == 0 or line == "fastlogreg doctor", (
                f"{page.name}: {line}\n{done.stdout}{done.stderr}"
            )
            ran["bash"] += 1
    return ran
