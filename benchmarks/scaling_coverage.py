"""How often a 95% interval of a scaling law holds the true value, on simulated tables whose law is known.

python benchmarks/scaling_coverage.py                200 tables in each of three worlds; 6 minutes on two cores
python benchmarks/scaling_coverage.py --sets 10      a quick look
python benchmarks/scaling_coverage.py --keep FILE    writes every interval as CSV too

surface: 6 sizes at 5 token counts, the constants of Hoffmann et al. 2022, 1% of noise. line: 12 runs with D = 20 N, a
power law with a floor, 0.5% of noise. four: 4 runs with D = 100 N, 0.3% of noise, the same law by Student's t. The law
is given; what is asked for lies ten times beyond the largest run (four: 3.3 times). A share is marked where 95%
coverage would give one so low in less than one case of 1,000.
"""

import argparse
import csv
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

NOISE = {"surface": 0.01, "line": 0.005, "four": 0.003}
CONSTANTS = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
LINE = {"E": 1.5, "k": 60.0, "a": 0.2}
COLUMNS = ("world", "set", "quantity", "truth", "value", "low", "high")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--sets", type=int, default=200, help="simulated tables in each world")
    parser.add_argument("--resamples", type=int, default=400, help="bootstrap resamples of a table")
    parser.add_argument("--processes", type=int, default=2, help="tables at a time")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="a CSV of every interval")
    args = parser.parse_args(argv)
    if args.sets < 1 or args.processes < 1:
        parser.error("it takes 1 set and 1 process or more")
    return args


def simulate(world: str, seed: int):
    """A table of the world, the law that made it, its constants, and the run that is asked for."""
    import numpy as np

    from eval.scaling_laws.laws import HOFFMANN, power_law_with_floor
    from eval.scaling_laws.table import make_table

    draw = np.random.default_rng(seed)
    if world == "surface":
        n, d = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 5)))
        loss = CONSTANTS["E"] + CONSTANTS["A"] / n ** CONSTANTS["alpha"] + CONSTANTS["B"] / d ** CONSTANTS["beta"]
        law, truth, asked = HOFFMANN, CONSTANTS, [1e11, 1e13]
    else:
        n = np.geomspace(1e8, 3e9, 4) if world == "four" else np.geomspace(1e7, 1e10, 12)
        d = (100 if world == "four" else 20) * n
        loss = LINE["E"] + LINE["k"] * n ** -LINE["a"]
        law, truth, asked = power_law_with_floor("parameters"), LINE, [1e10 if world == "four" else 1e11]
    noisy = loss * np.exp(NOISE[world] * draw.standard_normal(n.size))
    return make_table(noisy, n, d), law, truth, np.array(asked)


def intervals(world: str, seed: int, *, resamples: int) -> list[tuple]:
    """The rows of COLUMNS for one simulated table."""
    from eval.scaling_laws.answers import best_split, optimum, predict
    from eval.scaling_laws.fitting import fit
    from eval.scaling_laws.resampling import resample

    table, law, truth, asked = simulate(world, seed)
    fitted = fit(law, table)
    known = resample(fitted, table, resamples=resamples, seed=seed)
    figures = {
        name: (value, known.interval(lambda theta, name=name: fitted.constants_of(theta)[name]))
        for name, value in truth.items()
    }
    if world == "surface":
        at = truth["E"] + truth["A"] / asked[0] ** truth["alpha"] + truth["B"] / asked[1] ** truth["beta"]
        best, _ = best_split(truth["A"], truth["B"], truth["alpha"], truth["beta"], 1e24)
        figures["best N at 1e24 FLOP"] = (float(best), optimum(known, 1e24).parameters)
    else:
        at = truth["E"] + truth["k"] * asked[0] ** -truth["a"]
    figures["loss beyond"] = (float(at), predict(known, asked))
    return [
        (world, seed, name, true, figure.value, figure.low, figure.high) for name, (true, figure) in figures.items()
    ]


def covered(rows: list[tuple]) -> dict[tuple[str, str], list[bool]]:
    """For each world and quantity, whether the interval of each table holds the true value; no interval is a miss."""
    held: dict[tuple[str, str], list[bool]] = {}
    for world, _, name, truth, _, low, high in rows:
        held.setdefault((world, name), []).append(low is not None and low <= truth <= high)
    return held


def main(args: argparse.Namespace) -> None:
    from statsmodels.stats.proportion import proportion_confint

    from benchmarks.coverage import too_few
    from cli.table import table

    rows = []
    with ProcessPoolExecutor(args.processes) as pool:
        for world in NOISE:
            of_seed = partial(intervals, world, resamples=args.resamples)
            rows += [row for some in pool.map(of_seed, range(args.sets)) for row in some]
    if args.keep:
        with args.keep.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    told = []
    for (world, name), held in covered(rows).items():
        low, high = proportion_confint(sum(held), len(held), method="wilson")
        share = f"{sum(held) / len(held):.3f} [{low:.3f}, {high:.3f}]"
        told.append([world, name, share, "too few" if too_few(held) else ""])
    print(f"95% intervals that hold the true value: {args.sets} tables a world, {args.resamples} resamples")
    print(table(["world", "figure", "share, 95% Wilson", ""], told))


if __name__ == "__main__":
    main(parse_args())
