"""`python -m benchmarks scaling`: what a pass over many blocks costs with Dask's real scheduler,
and a model of larger ones.

    seconds = bytes of X / (workers x bandwidth) + base + tasks x per task + levels x (per level + 8
    partials / network)

The constants are measured here, with blocks that do nothing (only Dask is then at work) on threads
and on two worker processes, and fitted to the smaller sizes; the larger ones, up to 10,000 blocks,
check the fit. Predictions for clusters that are not here follow from them; what is assumed is said
beside them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastlogreg.dask.blocks import HEAD, Block, Place, cost_sums
from fastlogreg.dask.engine import (
    BRANCHES,
    Engine,
    neighbours_in_a_task,
    tasks_of_a_pass,
    tree_depth,
)
from fastlogreg.tools import bench

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table

SIZES = (8, 64, 128, 256, 512, 1024, 4096, 10000)
FITTED = 1024  # blocks up to which the constants are fitted
N_X = 100
WORKERS, TERABYTES = (10, 100, 1000), (1, 10, 100)
NETWORK, THREADS, BLOCK_BYTES = (
    1.25e9,
    2,
    1 << 30,
)  # assumed of a cluster: 10 Gbit/s, threads a worker, bytes a block
Say = Callable[[str], None]


def nothing(block: Any) -> Any:
    """Answer what a no-op block does: a partial of the usual size."""
    return np.zeros(HEAD + N_X)


def passes(engine: Engine, n_blocks: int, size: int, rounds: int) -> list[float]:
    """Time some passes over blocks that do nothing, `size` of them in a task."""
    groups = [(min(size, n_blocks - first),) for first in range(0, n_blocks, size)]
    handles = engine.hold(_group, groups)
    if engine.client is not None:
        from distributed import wait

        wait(handles)  # or the first pass would be timed with the making of the blocks
    seconds = []
    for _ in range(
        rounds + (n_blocks <= FITTED)
    ):  # the large ones are warm by the small ones before them
        start = time.perf_counter()
        engine.sum(nothing, handles)
        seconds.append(time.perf_counter() - start)
    return seconds[-rounds:]


def _group(size: int) -> list[int]:
    return list(range(size))


def fit(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Find base, per_task and per_level, none of them negative, from measured passes.

    Least squares of relative errors, over every subset of the three that can be had.
    """
    seconds = np.array([row["seconds"] for row in rows])
    shape = np.array([(1.0, row["tasks"], row["levels"]) for row in rows]) / seconds[:, None]
    best, least = np.zeros(3), np.inf
    for chosen in ([0, 1, 2], [0, 1], [1, 2], [1]):
        found = np.zeros(3)
        found[chosen] = np.linalg.lstsq(shape[:, chosen], np.ones(len(seconds)), rcond=None)[0]
        error = float(np.sum((shape @ found - 1.0) ** 2))
        if (found >= 0.0).all() and error < least:
            best, least = found, error
    return dict(zip(("base", "per_task", "per_level"), best.tolist()))


def of_scheduler(constants: dict[str, float], tasks: int, levels: int) -> float:
    """Compute the seconds that Dask takes for a pass of so many tasks in so many levels of sums.

    The sums are among the tasks.
    """
    return constants["base"] + constants["per_task"] * tasks + constants["per_level"] * levels


def predict(
    constants: dict[str, float], bandwidth: float, n_bytes: float, workers: int, n_x: int = N_X
) -> dict[str, float]:
    """Predict the seconds of a pass by their parts; bandwidth: bytes a second of one worker."""
    blocks = max(1, round(n_bytes / BLOCK_BYTES))
    leaves = -(-blocks // neighbours_in_a_task(blocks, workers * THREADS))
    tasks, levels = tasks_of_a_pass(leaves), tree_depth(leaves)
    partial = (HEAD + n_x) * 8
    parts = {
        "read": n_bytes / (workers * bandwidth),
        "scheduler": of_scheduler(constants, tasks, levels),
        "network": levels * BRANCHES * partial / NETWORK,
    }
    return {
        **parts,
        "total": sum(parts.values()),
        "blocks": blocks,
        "tasks": tasks,
        "levels": levels,
    }


def bandwidth_of_a_task(n_bytes: int) -> float:
    """Measure the bytes of X a second that one serial pass over a block of float64 reads."""
    m = max(8, n_bytes // (8 * N_X))
    x = np.random.default_rng(0).standard_normal((m, N_X))
    block, place = (
        Block(x, (np.arange(m) % 2).astype(np.uint8), np.empty(0)),
        Place(np.zeros(N_X), 0.0),
    )
    return (
        x.nbytes
        / bench.interleaved({"pass": lambda: cost_sums(block, place, False)}, rounds=9)[
            "pass"
        ].median
    )


def loopback(client: Any, n_bytes: int = 1 << 25) -> float:
    """Measure the bytes a second from one worker to another on this machine."""
    here, there = list(client.scheduler_info(n_workers=-1)["workers"])[:2]
    seconds = []
    for _ in range(5):
        block = client.submit(np.zeros, n_bytes // 8, workers=[here], pure=False)
        client.submit(len, block, workers=[here], pure=False).result()
        start = time.perf_counter()
        client.submit(len, block, workers=[there], pure=False).result()
        seconds.append(time.perf_counter() - start)
    return n_bytes / float(np.median(seconds))


def measure(where: str, sizes: Sequence[int], say: Say) -> list[dict[str, Any]]:
    """Measure each number of blocks, one task each, on the scheduler in charge.

    Sixty-four blocks are measured as they are put together, too.
    """
    rows, engine = [], Engine()
    threads = engine.threads()
    for n_blocks, size in [(n, 1) for n in sizes] + [(64, neighbours_in_a_task(64, threads))]:
        times = passes(
            engine, n_blocks, size, 9 if n_blocks <= 256 else 3 if n_blocks <= 1024 else 1
        )
        leaves = -(-n_blocks // size)
        rows.append(
            {
                "case": f"{n_blocks} blocks",
                "order": "",
                "contender": where if size == 1 else f"{where}, {size} in a task",
                "where": where,
                "blocks": n_blocks,
                "size": size,
                "tasks": tasks_of_a_pass(leaves),
                "levels": tree_depth(leaves),
                "seconds": float(np.median(times)),
                "low": min(times),
                "high": max(times),
                "rounds": len(times),
                "first_call": None,
            }
        )
        say(f"{where}, {n_blocks} blocks, {size} in a task: {1e3 * rows[-1]['seconds']:.1f} ms")
    return rows


def run(quick: bool = False, say: Say = print, keep: Keep = keep_nothing) -> dict[str, Any]:
    """Measure on threads and on two worker processes; needs dask and distributed."""
    import dask
    from distributed import Client, LocalCluster

    sizes = tuple(n for n in SIZES if n <= (128 if quick else SIZES[-1]))
    say("bandwidth of a serial pass")
    constants: dict[str, Any] = {"bandwidth": bandwidth_of_a_task(1 << (24 if quick else 28))}
    with dask.config.set(scheduler="threads"):
        rows = measure("threads", sizes, say)
    keep(rows)
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port: another cluster may have 8787
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        rows += measure("cluster", sizes, say)
        keep(rows)
        constants["loopback"] = loopback(client)
    for where in ("threads", "cluster"):
        one_each = [row for row in rows if row["where"] == where and row["size"] == 1]
        constants[where] = fit([row for row in one_each if row["blocks"] <= FITTED])
        for row in one_each:
            row["predicted"] = of_scheduler(constants[where], row["tasks"], row["levels"])
    largest = [row for row in rows if row["blocks"] == sizes[-1] and row["size"] == 1]
    wrong = [
        max(row["predicted"] / row["seconds"], row["seconds"] / row["predicted"]) for row in largest
    ]
    targets = [
        target(
            f"model against {row['where']} at {sizes[-1]:,} blocks: larger / smaller",
            ratio,
            most=1.5,
        )
        for row, ratio in zip(largest, wrong)
    ]
    found = outcome("scaling", quick, 2, rows, targets, constants=constants)
    for package in ("dask", "distributed"):
        found["environment"]["versions"][package] = __import__(package).__version__
    return found


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the tables for docs/benchmarks/dask.md."""
    constants = result["constants"]
    return {
        "scaling-constants": _constants(result),
        "scaling-simulation": _simulation(result["rows"]),
        "scaling-predictions": _predictions(constants),
        "scaling-wide": _wide(constants),
        "scaling-targets": targets_table(result["targets"]),
    }


def _constants(result: dict[str, Any]) -> str:
    constants = result["constants"]
    lines = [
        ("X that one thread reads, float64, n_x = 100", f"{constants['bandwidth'] / 1e9:.1f} GB/s"),
        ("from one worker process to another, 32 MiB", f"{constants['loopback'] / 1e9:.2f} GB/s"),
        ("a partial of n_x features", "8 n_x + 40 bytes"),
    ]
    for where in ("threads", "cluster"):
        found = constants[where]
        lines += [
            (f"{where}: base of a pass", f"{1e3 * found['base']:.2f} ms"),
            (
                f"{where}: a task",
                f"{1e3 * found['per_task']:.3f} ms, {1 / found['per_task']:,.0f} tasks/s",
            ),
            (f"{where}: a level of sums, beside its tasks", f"{1e3 * found['per_level']:.2f} ms"),
        ]
    for row in result["rows"]:
        if row["blocks"] == 64:
            grouped = (
                "one in a task"
                if row["size"] == 1
                else f"{row['size']} in a task, as they are held here"
            )
            lines.append(
                (
                    f"{row['where']}: overhead of a pass over 64 blocks, {grouped}",
                    f"{1e3 * row['seconds']:.1f} ms",
                )
            )
    return markdown(("what", "measured"), lines) + "\n\n" + describe(result["environment"])


def _simulation(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        (
            row["where"],
            f"{row['blocks']:,}",
            f"{row['tasks']:,}",
            row["levels"],
            f"{1e3 * row['seconds']:,.1f}",
            f"{1e3 * row['predicted']:,.1f}",
            f"{row['predicted'] / row['seconds']:.2f}",
            "yes" if row["blocks"] <= FITTED else "no",
        )
        for row in rows
        if "predicted" in row
    ]
    head = (
        "scheduler",
        "blocks",
        "tasks",
        "levels",
        "measured, ms",
        "model, ms",
        "model / measured",
        "fitted to it",
    )
    return markdown(head, lines)


def _predictions(constants: dict[str, Any]) -> str:
    lines = []
    for terabytes in TERABYTES:
        for workers in WORKERS:
            found = predict(
                constants["cluster"], THREADS * constants["bandwidth"], terabytes * 1e12, workers
            )
            parts = ("read", "scheduler", "network")
            lines.append(
                (
                    f"{terabytes}",
                    f"{workers:,}",
                    f"{terabytes * 1e3 / workers:,.0f}",
                    f"{found['blocks']:,.0f}",
                    f"{found['tasks']:,.0f}",
                    *(f"{found[part]:,.4f}" for part in (*parts, "total")),
                    max(parts, key=lambda part: found[part]),
                )
            )
    head = (
        "TB of X",
        "workers",
        "GB a worker",
        "blocks",
        "tasks",
        "read, s",
        "scheduler, s",
        "network, s",
        "pass, s",
    )
    return markdown((*head, "most of it"), lines)


def _wide(constants: dict[str, Any]) -> str:
    lines = []
    for n_x in (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000):
        found = predict(constants["cluster"], THREADS * constants["bandwidth"], 10e12, 100, n_x)
        lines.append(
            (
                f"{n_x:,}",
                f"{(HEAD + n_x) * 8 / 1e6:,.3f}",
                f"{found['network']:,.4f}",
                f"{found['total']:,.3f}",
                f"{8 * (n_x + 1.0) ** 2 / 1e9:,.4f}",
            )
        )
    return markdown(
        ("n_x", "partial, MB", "network, s", "pass, s", "a Hessian's partial, GB"), lines
    )
