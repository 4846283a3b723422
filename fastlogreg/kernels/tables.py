"""How far ahead X is asked for, and into which cache: a table for each CPU that was measured.

A kernel asks for cache lines before it reads them. Which cache serves best, and how far ahead,
depends on the CPU and on where X comes from. No result depends on it: a table changes what is
asked for, never what is computed. What changes the order of additions is not here. It follows from
the shape alone (`layout`), and for bytes from the instructions that the CPU has (`uint8.choice`).

    "zen"     AMD with a small first-level cache: it loses what it still needs
    "zen5"    AMD with a roomy one
    "intel"   Intel with a roomy one
    measured  other CPUs: see `probing`

Needs no Numba. docs/performance: read-ahead, groups, tuner.
"""

from __future__ import annotations

from typing import NamedTuple

ROOMY_BYTES = 48 << 10  # a first-level cache that holds eight examples of 500 float64, w and dw
LONG_BYTES = 384 << 10  # of eight examples, from which they are long


class Asking(NamedTuple):
    """Ask for lines in the cache of this level, 1 or 2, between least and most bytes ahead.

    In between it is eight examples ahead.
    """

    level: int
    least: int
    most: int

    def bytes_ahead(self, eight: int) -> int:
        """Return the bytes between what is read and what is asked for; eight: of eight examples."""
        return min(max(eight, self.least), self.most)


class Table(NamedTuple):
    """What suits a CPU, by what X is.

    short: the level alone, for `dense.groups.sixteen_chunk` and `dense.strips`, which know how far.
    cached, memory: example-major, more features, of an X that fits the last-level cache, or does
    not. long: eight examples have `LONG_BYTES`.
    """

    short: int
    cached: Asking
    memory: Asking
    long: Asking

    def of_groups(self, eight: int, fits: bool) -> Asking:
        """Return what is asked for of more features. eight: bytes of eight examples. fits: whether
        X fits the last-level cache."""
        if eight > LONG_BYTES:
            return self.long
        return self.cached if fits else self.memory


_FAR, _NEXT = Asking(2, 256 << 10, LONG_BYTES), Asking(1, 16 << 10, LONG_BYTES)
TABLES = {
    "zen": Table(short=2, cached=_FAR, memory=_FAR, long=_FAR),
    "zen5": Table(short=1, cached=_NEXT, memory=_NEXT, long=_NEXT),
    "intel": Table(
        short=1,
        cached=Asking(1, 16 << 10, 32 << 10),
        memory=_FAR,
        long=Asking(1, 32 << 10, 32 << 10),
    ),
}
USUAL = "zen"  # where nothing is known, and nothing may be measured


def known_table(vendor: str, first_level: int) -> str | None:
    """Return the name of the table of a CPU; None where it was never measured.

    vendor: as `machine.cpu.vendor` has it. first_level: bytes of that cache.
    """
    roomy = first_level >= ROOMY_BYTES
    if vendor == "AuthenticAMD":
        return "zen5" if roomy else "zen"
    return "intel" if vendor == "GenuineIntel" and roomy else None
