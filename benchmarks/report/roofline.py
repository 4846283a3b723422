"""The figure of the kernel benchmark: GB/s of X of every contender, under the roofs that memory
sets.

One read of X is one roof, the read bandwidth; whoever reads X twice (w.T X, then X dZ.T) stays
under half of it. Both are drawn as probed beside each case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = {  # marker, face; in the order of the legend
    "fused": ("o", "black"),
    "numpy": ("s", "0.65"),
    "loops": ("^", "white"),
    "torch": ("P", "0.8"),
    "scikit-learn": ("D", "white"),
}


def figure(result: dict[str, Any]) -> Figure:
    """Draw one line for each case and memory order, with the fastest variant of each contender."""
    from matplotlib.figure import Figure

    lines = _lines(result["rows"])
    if not lines:
        raise ValueError(
            "the result must have rows with a rate to be drawn; run `python -m benchmarks "
            "kernels` whole"
        )
    drawn = Figure(figsize=(9.0, 1.7 + 0.42 * len(lines)), layout="constrained")
    axes = drawn.subplots()
    for k, (_, rates, bandwidth) in enumerate(lines):
        _roofs(axes, k, bandwidth / 1e9)
        for name, (marker, face) in _STYLES.items():
            if name in rates:
                label = name if not any(name in before[1] for before in lines[:k]) else None
                axes.plot(
                    rates[name] / 1e9,
                    k,
                    marker,
                    color="black",
                    markerfacecolor=face,
                    markersize=7,
                    label=label,
                    zorder=4 if name == "fused" else 3,
                    linestyle="",
                )
    axes.set_yticks(range(len(lines)), [name for name, _, _ in lines], fontsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    ticks = [tick for tick in ticks if low < tick < high]
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(low, high)
    axes.set_xlabel("GB/s of X (logarithmic)")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        "One pass of cost and gradient. Solid: read bandwidth, X read once; dotted: half of it, "
        "X read twice",
        fontsize=9,
    )
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: list(_STYLES).index(labels[i]))
    drawn.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside lower center",
        ncols=len(order),
        frameon=False,
        fontsize=8,
    )
    return drawn


def _roofs(axes: Axes, k: int, bandwidth: float) -> None:
    axes.vlines(bandwidth, k - 0.4, k + 0.4, color="black", linewidth=2)
    axes.vlines(bandwidth / 2, k - 0.4, k + 0.4, color="black", linestyle=":", linewidth=2)


def _lines(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, float], float]]:
    """Find (label, fastest rate by contender, bandwidth) of each case and order."""
    bandwidths = {row["case"]: row["rate"] for row in rows if row["contender"] == "read probe"}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if "rate" in row and row["contender"] != "read probe":
            rates = found.setdefault((row["case"], row["order"]), {})
            name = row["contender"].split(",")[0]
            rates[name] = max(rates.get(name, 0.0), row["rate"])
    return [(f"{case}\n{order}", rates, bandwidths[case]) for (case, order), rates in found.items()]
