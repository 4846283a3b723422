"""Readers against truncated, mutated and hostile files: each must give a result or one documented
error.

    python -m tests.fuzzing [--reader NAME] [--count 10000] [--seed 0] [--save FOLDER] [--json
    FILE]

The files of a reader are its hand-made hostile ones, then mutations of its valid ones; file k
depends on the seed and k alone. What a reader may do is in worker.py; exit status 1, and the
offending files in FOLDER, where it does more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from .mutations import mutate
from .readers import READERS, Reader
from .worker import BUDGET, FINE, SECONDS, Answer, Watcher

TABLE = "tests.fuzzing.readers"
MOST_SAVED = 20  # of one reader
MOST_BYTES = 16 << 20  # the hand-made files with holes are larger, and can be made again


class Offence(NamedTuple):
    """A file that made a reader misbehave, as it was saved."""

    path: Path
    answer: Answer


class Found(NamedTuple):
    """Of one reader: how often each outcome came, the files whose outcome is not in FINE, the most
    processor time and the largest growth of the resident memory, in bytes, that one file took."""

    outcomes: Counter[str]
    offences: list[Offence]
    seconds: float
    memory: int


def cases(
    reader: Reader, valid: Sequence[Path], folder: Path, count: int, seed: int
) -> Iterator[Path]:
    """The hostile files, then mutations of the valid ones, each written when it is asked for and
    gone after."""
    hostile = reader.hostile(folder)
    yield from hostile[:count]
    contents: dict[str, list[bytes]] = {}
    for path in valid:
        contents.setdefault(path.suffix, []).append(path.read_bytes())
    for k in range(len(hostile), count):
        rng = Random(f"{seed} {k}")
        suffix = rng.choice(sorted(contents))
        path = folder / f"mutation-{seed}-{k}{suffix}"
        path.write_bytes(mutate(rng, contents[suffix]))
        yield path
        path.unlink()


def fuzz(
    name: str,
    count: int,
    seed: int = 0,
    save: Path | None = None,
    *,
    table: str = TABLE,
    budget: int = BUDGET,
    seconds: float = SECONDS,
) -> Found:
    """Read `count` files; the first of the offences are kept in `save`."""
    reader: Reader = sys.modules[table].READERS[name]
    outcomes: Counter[str] = Counter()
    offences: list[Offence] = []
    seconds_taken, memory = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as at:
        folders = [Path(at) / part for part in ("valid", "cases")]
        for folder in folders:
            folder.mkdir()
        valid = reader.seeds(folders[0])
        with Watcher(table, name, valid, budget=budget, seconds=seconds) as watcher:
            for path in cases(reader, valid, folders[1], count, seed):
                answer = watcher.answer(path)
                outcomes[answer.outcome] += 1
                seconds_taken, memory = (
                    max(seconds_taken, answer.seconds),
                    max(memory, answer.memory),
                )
                if answer.outcome not in FINE:
                    kept = path
                    if (
                        save is not None
                        and len(offences) < MOST_SAVED
                        and path.stat().st_size <= MOST_BYTES
                    ):
                        save.mkdir(parents=True, exist_ok=True)
                        kept = save / f"{name}-{path.name}"
                        shutil.copyfile(path, kept)
                    offences.append(Offence(kept, answer))
    return Found(outcomes, offences, seconds_taken, memory)


def report(name: str, found: Found, say: Callable[[str], None] = print) -> None:
    """One line for the reader, and one for each of its first offences."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in found.outcomes.most_common())
    say(f"{name:10} {counts}; at most {found.seconds:.2f} s and {found.memory / 2**20:.0f} MiB")
    for offence in found.offences[:MOST_SAVED]:
        say(f"    {offence.answer.outcome}: {offence.path}: {offence.answer.text[:300]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0, or 1 where a reader did what it may not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--reader", choices=sorted(READERS), help="default: each in turn")
    parser.add_argument(
        "--count", type=int, default=10_000, help="files for each reader (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--save", type=Path, default=Path("fuzz-offences"), help="default: %(default)s"
    )
    parser.add_argument("--json", type=Path, help="write the counts")
    options = parser.parse_args(arguments)
    counts: dict[str, Counter[str]] = {}
    bad = 0
    for name in [options.reader] if options.reader else READERS:
        found = fuzz(name, options.count, options.seed, options.save)
        report(name, found)
        counts[name] = found.outcomes
        bad += len(found.offences)
    if options.json is not None:
        options.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
