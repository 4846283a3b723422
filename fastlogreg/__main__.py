"""The console command `fastlogreg`, also `python -m fastlogreg`; the commands themselves are in
`fastlogreg.cli`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on sys.argv and return its exit status; 2, and one line, where the extra
    is missing."""
    try:
        from .cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "click"):
            raise
        print(
            f"error: the command line needs {error.name}, which is not installed: pip install "
            '"fastlogreg[cli]"',
            file=sys.stderr,
        )
        return 2
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
