"""The story of a loss that swings: rate or noise, whether an optimiser spares the choice, and which signal tells."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eval.diagnosis.history import Curve
from eval.diagnosis.reading import read_history
from eval.diagnosis.words import figure, sentence
from eval.markup import escape, table
from eval.metrics import mean_with_interval
from eval.plots.diagnosis import draw_loss
from eval.plots.optimizer_signals import draw_optimizer_signals
from eval.plots.rates import draw_rates
from eval.plots.treatment import draw_arms, draw_before_after, draw_interaction
from eval.run_directory import RunDirectory, plain, read_journal
from eval.scenarios.story import Picture, Section, Story
from eval.scenarios.traces import RUN, STUDIES, Traces
from eval.treatment.causes import FLOOR
from eval.treatment.outcomes import outcomes, settled
from eval.treatment.sections import VERDICTS

OUTCOMES, SIGNALS, CURE = "outcomes.csv", "signals.csv", "cure.json"
MOMENTUM, OPTIMISERS = "momentum", "optimisers"
"""The further studies."""
KEPT = ("swing", "validation_level", "validation_loss", "training_loss", "accuracy", "diverged")
"""The outcomes that are kept of every run."""
OF_STATE = ("effective_step_low", "effective_step", "effective_step_high", "root_second_moment", "update_norm")
EVERY = 2
"""Every other recording of an optimiser's state is kept."""
GUESS = float(np.log(2))
"""The loss of who guesses between two classes."""
NEAR = 1.05
"""A loss up to so many times that of the best rate of its optimiser is low."""
CALM = 0.02
"""A swing below this share of the level of the loss is calm."""
CUT = 30.0
"""Losses and swings that are higher, or no number, are drawn here."""


def gather(folder: Path) -> dict[str, str]:
    """What the story needs beyond the common traces, {file name: text}: outcomes, states of optimisers, the cure."""
    rows, states = [], []
    for study in (MOMENTUM, OPTIMISERS):
        for run, path in _runs(folder / STUDIES / study):
            found = outcomes(read_history(path))
            rows.append({"study": study, **_of_run(run)} | {name: found[name] for name in KEPT})
            if study == OPTIMISERS and run["seed"] == 0:
                states += [_of_run(run) | state for state in _states(path)[::EVERY]]
    cure = [
        {
            "arm": run["remedy"],
            "seed": run["seed"],
            "validation": _thinned(read_history(path).validation),
            "moved": _moved(path),
        }
        for run, path in _runs(folder / RUN / "treatment" / "cure")
    ]
    return {
        OUTCOMES: pd.DataFrame(rows).to_csv(index=False, float_format="%.5g"),
        SIGNALS: pd.DataFrame([state for layers in states for state in _by_layer(layers)]).to_csv(
            index=False, float_format="%.4g"
        ),
        CURE: json.dumps(plain(cure)),
    }


def story(traces: Traces) -> Story:
    """The story that traces tell."""
    runs = traces.frame(OUTCOMES)
    return Story(
        title="Gradient descent that jumps over the minimum",
        lead=_lead(traces),
        sections=(
            _what_happens(traces),
            _cause(traces),
            _momentum(runs[runs["study"] == MOMENTUM]),
            _optimisers(traces, runs[runs["study"] == OPTIMISERS]),
            _today(traces),
            _next_week(traces, runs[runs["study"] == OPTIMISERS]),
            _confirm(traces),
        ),
    )


def _lead(traces: Traces) -> str:
    cause, cure = traces.treatment["cause"], traces.treatment["cure"]
    confirmed = f"An experiment confirms the cause: {escape(cause['words'])}"
    told = (
        "The training loss of a small network under plain gradient descent swings and gets nowhere. "
        f"{confirmed if cause['confirmed'] else 'No cause is confirmed'}"
    )
    if cure is None:
        return f"{told}. No remedy was found."
    return (
        f"{told}. On fresh seeds {escape(traces.treatment['words'][cure['remedy']])} comes out as: {cure['verdict']}."
    )


def _what_happens(traces: Traces) -> Section:
    history, finding = traces.history, traces.finding
    settings = history.settings
    train, late = history.train.finite.value, settled(history.train.finite).value
    found = outcomes(history)
    against = "under" if late.max() < GUESS else "over" if late.min() > GUESS else "on both sides of"
    text = f"""
A classifier of {figure(settings["max_steps"])} steps at the constant rate {figure(settings["learning_rate"])}, batches
of {settings["per_device_train_batch_size"]} rows, no momentum, no clipping. The training loss begins at
{train[0]:.3f}. In the last two thirds it lies between {late.min():.2f} and {late.max():.2f}, {against} the
{GUESS:.3f} of a guess, and ends at {train[-1]:.2f}.

The validation loss is the clearer witness: its rows are the same each time, so only the weights move it. It swings by
{found["swing"]:.3g} nats about a level of {found["validation_level"]:.3g}. Evaluations come every
{figure(settings["eval_steps"])} steps, an odd number, so that a swing of two steps is not missed. The verdict is
oscillation, from step {figure(finding.onset.step)} on, with a confidence of {finding.confidence:.2f}.
"""
    return Section(
        "What happens, and where",
        text,
        (
            Picture(
                "loss",
                "Both losses jump up and down to the end; the upright line is where the verdict begins.",
                lambda: draw_loss(history, traces.diagnosis.findings[:1]),
            ),
        ),
    )


def _cause(traces: Traces) -> Section:
    treatment = traces.treatment
    cause, arms, words = treatment["cause"], treatment["arms"], treatment["words"]
    rows = [["as it was", _of(arms["control"]["value"]), "", "", _count(arms["control"]["symptom"])]]
    rows += [
        [
            escape(words[arm["name"]]),
            _of(arm["value"]),
            _times(arm["effect"]),
            VERDICTS[arm["verdict"]],
            _count(arm["symptom"]),
        ]
        for arm in arms["arms"]
    ]
    others = "\n".join(f"- {escape(_named(one))}: {one['status']}; {escape(one['why'])}." for one in cause["others"])
    text = f"""
Two suspects look alike in a log. A rate beyond what the curvature bears jumps over the minimum. A batch that is too
small sends each step in another direction. One change tells them apart: larger batches calm noise, and do little
against a rate that is too high. So rate and batch size are changed alone and together, over
{arms["control"]["value"]["n"]} seeds, from the same start.

{table(["change", "swing, nats", "times the control", "it", "runs that swing"], rows)}

Means are geometric. A swing below {FLOOR:.0%} of the level of the calmest arm does not matter, and counts as that much.

**{escape(sentence(cause["words"]))}** {" ".join(escape(sentence(one), 600) for one in cause["why"])}
{f"{chr(10)}The other explanations:{chr(10)}{chr(10)}{others}" if others else ""}
"""
    pictures = [
        Picture(
            "arms",
            "What each change leaves of the swing, with its 95% interval; left of the band it matters.",
            lambda: draw_arms(arms, words),
        )
    ]
    if cause["effects"] and cause["effects"]["interactions"]:
        pictures.append(
            Picture(
                "interaction",
                "The logarithm of the swing for each rate and batch: the steeper way down is the cause.",
                lambda: draw_interaction(cause),
            )
        )
    return Section("Which cause, and why not the others", text, tuple(pictures))


def _momentum(runs: pd.DataFrame) -> Section:
    cells = _cells(runs, "momentum")
    rates, momenta = sorted({rate for _, rate in cells}), sorted({one for one, _ in cells}, key=float)
    rows = [
        [f"β = {one}", *(f"{_seen(cells[one, rate]['swing'])} ({_level(cells[one, rate])})" for rate in rates)]
        for one in momenta
    ]
    calm = {one: [rate for rate in rates if _is_calm(cells[one, rate])] for one in momenta}
    by_rate = [_spread([_median(cells[one, rate]["swing"]) for rate in rates]) for one in momenta]
    by_momentum = [_spread([_median(cells[one, rate]["swing"]) for one in momenta]) for rate in rates]
    highest = {one: max(calm[one], default=None) for one in momenta}
    told = "; ".join(
        f"with β = {one} {'up to ' + figure(highest[one]) if highest[one] is not None else 'at none'}"
        for one in momenta
    )
    both = min(max(by_rate), max(by_momentum)) > 2
    text = f"""
Momentum adds up past gradients: a gradient that stays the same moves the weights by rate / (1 - β) in the end, so β =
0.9 is a tenfold rate for it. {len(rates)} rates by {len(momenta)} momenta, {cells[momenta[0], rates[0]]["n"]} seeds
each. In a cell: the swing in nats, in brackets the level of the validation loss; medians.

{table(["", *(f"rate {figure(rate)}" for rate in rates)], rows)}

Calm, with a swing under {CALM:.0%} of the level in most seeds and a loss no worse than a guess, it is {told}. With one
β the rate changes the swing by up to {_factor(max(by_rate))}; at one rate β changes it by up to
{_factor(max(by_momentum))}. {
        "Momentum has to be chosen with the rate: it is sensitive to both."
        if both
        else "In these figures only one of the two matters much."
    }
"""
    series = {
        f"β = {one}": [(row["learning_rate"], row["swing"]) for row in _rows(runs[_text(runs["momentum"]) == one])]
        for one in momenta
    }
    return Section(
        "Momentum does not spare the choice" if both else "Momentum",
        text,
        (
            Picture(
                "momentum",
                "The swing against the rate: each β has its own edge.",
                lambda: draw_rates(series, "Swing of the validation loss", most=CUT),
            ),
        ),
    )


def _optimisers(traces: Traces, runs: pd.DataFrame) -> Section:
    cells = _cells(runs, "optimiser")
    names = list(dict.fromkeys(runs["optimiser"]))
    rates = sorted({rate for _, rate in cells})
    best = {name: min(rates, key=lambda rate: _worst(_median(cells[name, rate]["loss"]))) for name in names}
    lowest = {name: _worst(_median(cells[name, best[name]]["loss"])) for name in names}
    low = {
        name: [rate for rate in rates if _worst(_median(cells[name, rate]["loss"])) <= NEAR * lowest[name]]
        for name in names
    }
    rows = [
        [
            name,
            figure(best[name]),
            f"{_median(cells[name, best[name]]['loss']):.3f}",
            f"{_median(cells[name, best[name]]['swing']):.3f}",
            f"{figure(min(low[name]))} to {figure(max(low[name]))}" if low[name] else "none",
            f"{len(low[name])} of {len(rates)}",
        ]
        for name in names
    ]
    widest = max(len(one) for one in low.values())
    tolerant = [name for name in names if len(low[name]) == widest]
    states = traces.frame(SIGNALS)
    curves = {name: _state(states, name, best[name]) for name in names}
    ends = {name: {layer: one["effective_step"].value[-1] for layer, one in curves[name].items()} for name in names}
    steps = [[name, *(figure(float(f"{value:.3g}")) for value in ends[name].values())] for name in names]
    adaptive = [name for name in names if any("root_second_moment" in one for one in curves[name].values())]
    text = f"""
The same network, four optimisers, the same {len(rates)} rates from {figure(rates[0])} to {figure(rates[-1])},
{cells[names[0], rates[0]]["n"]} seeds each. Low is a validation loss at the end of at most {NEAR:g} times that at the
optimiser's own best rate.

{table(["optimiser", "best rate", "loss there", "swing there", "low from", "rates that are low"], rows)}

{_tolerance(tolerant, names, widest)}

Why their rates cannot be compared stands in their state, logged every few steps. The effective step is what a steady
gradient is multiplied by, the median over the weights of a layer; here at the end, each optimiser at its best rate:

{table(["optimiser", *next(iter(ends.values()))], steps)}

{_mechanism(ends, curves, adaptive)}
"""
    layers = {
        name: {
            layer: [one[key] for key in ("effective_step", "effective_step_low", "effective_step_high")]
            for layer, one in curves[name].items()
        }
        for name in names
    }
    moments = {
        name: {layer: [one["root_second_moment"]] for layer, one in curves[name].items() if "root_second_moment" in one}
        for name in adaptive
    }
    series = {
        name: [(row["learning_rate"], row["validation_loss"]) for row in _rows(runs[runs["optimiser"] == name])]
        for name in names
    }
    pictures = [
        Picture(
            "optimisers",
            f"The validation loss at the end against the rate; dotted: a guess, {GUESS:.3f}.",
            lambda: draw_rates(series, "Validation loss at the end", GUESS, most=CUT),
        ),
        Picture(
            "effective_steps",
            "The effective step by layer over time, with its quartiles: flat and equal where nothing adapts.",
            lambda: draw_optimizer_signals(layers, "Effective step"),
        ),
    ]
    if moments:
        pictures.append(
            Picture(
                "second_moments",
                "The root of the second moment, which the rate is divided by: each layer has its own size.",
                lambda: draw_optimizer_signals(moments, "Root of the second moment"),
            )
        )
    return Section("Which optimiser forgives the rate, and why", text, tuple(pictures))


def _tolerance(tolerant: list[str], names: list[str], widest: int) -> str:
    if len(tolerant) == len(names):
        return f"Each is low at {widest} of the rates: none forgives more than another; they want different rates."
    told = " and ".join(tolerant)
    return f"Most rates are low with {told}: {widest}. No optimiser makes the choice of a rate unnecessary."


def _mechanism(ends: Mapping, curves: Mapping, adaptive: list[str]) -> str:
    told = []
    for name, layers in ends.items():
        spread = _spread(list(layers.values()))
        if spread <= 1.001:
            told.append(
                f"{name} multiplies the gradient of every layer by the same {figure(next(iter(layers.values())))}."
            )
        else:
            most, least = max(layers, key=layers.get), min(layers, key=layers.get)
            told.append(f"{name} goes {_factor(spread)} as far for the same gradient in {most} as in {least}.")
    for name in adaptive:
        ratios = {
            layer: one["effective_step"].value[-1] / one["effective_step"].value[0]
            for layer, one in curves[name].items()
        }
        told.append(
            f"From the first recording to the last the effective step of {name} changes by "
            + ", ".join(f"× {ratio:.3g} ({layer})" for layer, ratio in ratios.items())
            + "."
        )
    return " ".join(told)


def _today(traces: Traces) -> Section:
    treatment, cure = traces.treatment, traces.treatment["cure"]
    if cure is None:
        actions = "\n".join(f"- {escape(one.action)}: `{one.flags}`" for one in traces.finding.today if one.flags)
        return Section("What to do today", f"No arm helped in this experiment. What is left to try:\n\n{actions}")
    before, after = _cured(traces, cure["remedy"])
    words = escape(treatment["words"][cure["remedy"]])
    text = f"""
{words[:1].upper()}{words[1:]}:

    python train/run.py --config train/configs/scenarios/2-oscillation.yaml --output_dir runs/mended {
        treatment["flags"][cure["remedy"]]
    }

On {cure["effect"]["n"]} seeds that chose nothing the swing goes from {_of(cure["before"])} to {_of(cure["after"])}
nats, × {_times(cure["effect"])}: **{cure["verdict"]}**. {_count(cure["symptom_before"])} runs swing before,
{_count(cure["symptom_after"])} after. The last validation loss goes from {_ends(before)} to {_ends(after)}; a guess
costs {GUESS:.3f}.
"""
    return Section(
        "What to do today",
        text,
        (
            Picture(
                "before_after",
                "The validation loss of every fresh seed, before and after.",
                lambda: draw_before_after(
                    [_curve(run["validation"]) for run in before],
                    [_curve(run["validation"]) for run in after],
                    treatment["words"][cure["remedy"]],
                ),
            ),
        ),
    )


def _next_week(traces: Traces, runs: pd.DataFrame) -> Section:
    cells = _cells(runs, "optimiser")
    losses = {cell: _worst(_median(found["loss"])) for cell, found in cells.items()}
    name, rate = min(losses, key=losses.get)
    own = min((loss for (one, _), loss in losses.items() if one == "sgd"), default=np.nan)
    told = (
        f"The lowest validation loss of the optimisers' study is {losses[name, rate]:.3f}, with {name} at "
        f"{figure(rate)}; plain gradient descent comes to {own:.3f} at its best rate."
    )
    text = f"""
- {told} With so few seeds a cell that is a hint: search the rates around {figure(rate)} with a design of `search`,
  and confirm on fresh seeds.
- Let the rate fall (`--lr_scheduler_type cosine`) after a warm-up (`--warmup_steps 0.1`): what swings at the end is
  the rate of the end.
- Clip (`--max_grad_norm 1.0`): it bounds a single jump, and hides how large it would have been; keep the norms in
  the log.
"""
    return Section("What to look at next week", text)


def _confirm(traces: Traces) -> Section:
    cure = traces.treatment["cure"]
    if cure is None:
        return Section("What would confirm it", "A run that does not swing: there is none yet.")
    before, after = _cured(traces, cure["remedy"])
    rows, parted = [], []
    signals = {
        "swing of the validation loss": lambda run: run["swing"],
        "last validation loss": lambda run: run["validation"]["value"][-1],
        "median length of a step": lambda run: run["moved"]["update"],
        "median gradient norm": lambda run: run["moved"]["gradient"],
    }
    for name, read in signals.items():
        sides = [np.array([read(run) for run in runs], dtype=float) for runs in (before, after)]
        sides = [side[np.isfinite(side)] for side in sides]
        if not all(len(side) for side in sides):
            continue
        apart = bool(sides[1].max() < sides[0].min())
        parted += [name] if apart else []
        told = [_of(_estimate(side)) for side in sides]
        rows.append([name, *told, f"{sides[1].max():.3g} < {sides[0].min():.3g}" if apart else "they overlap"])
    text = f"""
The fix is confirmed where a logged signal of the mended runs lies outside of all that the sick ones show. Over the
{len(before)} and {
        len(after)
    } runs of the cure, after the first third (means; the swing given above is a geometric mean):

{table(["signal", "as it was", "mended", "highest mended, lowest sick"], rows)}

{
        f"Told apart in every run: {', '.join(parted)}. Look at the first of them, at evaluations an odd number of "
        "steps apart, before the loss itself: a lower loss may be luck, a calm one is the fix."
        if parted
        else "No signal tells every mended run from every sick one: more seeds are needed."
    } In a run of your own: `--optimizer_signal_steps 15` logs the length of each layer's step. The fix is
refuted if the swing comes back in a longer run.
"""
    return Section("What would confirm it", text)


def _runs(study: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The runs of a study that left a log, each with its row of runs.csv."""
    if not (study / "runs.csv").exists():
        return
    for run in pd.read_csv(study / "runs.csv", dtype={"momentum": str}).to_dict("records"):
        path = study / str(run["run"])
        if RunDirectory(path).journal.exists():
            yield run, path


def _of_run(run: Mapping) -> dict[str, Any]:
    return {name: run[name] for name in ("optimiser", "momentum", "learning_rate", "seed") if name in run}


def _states(path: Path) -> list[dict]:
    return [
        {"step": line["step"], "layers": line["layers"]}
        for line in read_journal(RunDirectory(path).journal)
        if line["kind"] == "optimizer_signals"
    ]


def _by_layer(state: Mapping) -> Iterator[dict]:
    shared = {name: value for name, value in state.items() if name != "layers"}
    for layer, figures in state["layers"].items():
        yield shared | {"layer": layer} | {name: figures.get(name) for name in OF_STATE}


def _moved(path: Path) -> dict[str, float | None]:
    """Medians of the length of a step and of the gradient, after the first third of the recordings."""
    lines = [line for line in read_journal(RunDirectory(path).journal) if line["kind"] == "grad_norms"]
    late = lines[len(lines) // 3 :]
    if not late:
        return {"update": None, "gradient": None}
    updates = [np.sqrt(sum(layer["update_norm"] ** 2 for layer in line["layers"].values())) for line in late]
    return {"update": float(np.median(updates)), "gradient": float(np.median([line["total"] for line in late]))}


def _thinned(curve: Curve) -> dict[str, list]:
    return {"step": curve.step.tolist(), "value": [float(f"{value:.5g}") for value in curve.value]}


def _curve(kept: Mapping) -> Curve:
    return Curve(np.array(kept["step"], dtype=float), np.array(kept["value"], dtype=float))


def _cured(traces: Traces, remedy: str) -> tuple[list[dict], list[dict]]:
    """The runs of the cure without the remedy and with it, each with its swing."""
    swings = traces.cells[traces.cells["phase"] == "cure"].set_index(["cell", "seed"])["swing"]
    sides: tuple[list[dict], list[dict]] = ([], [])
    for run in traces.json(CURE):
        changed = run["arm"] == remedy
        cell = remedy if changed else traces.treatment["arms"]["control"]["name"]
        sides[changed].append(run | {"swing": float(swings[cell, run["seed"]])})
    return sides


def _cells(runs: pd.DataFrame, factor: str) -> dict[tuple[str, float], dict[str, Any]]:
    """{(level, rate): figures of its seeds}."""
    groups = runs.assign(level=_text(runs[factor])).groupby(["level", "learning_rate"])
    return {
        cell: {
            "n": len(group),
            "swing": group["swing"].to_numpy(float),
            "level": group["validation_level"].to_numpy(float),
            "loss": group["validation_loss"].to_numpy(float),
        }
        for cell, group in groups
    }


def _text(levels: pd.Series) -> pd.Series:
    return levels.map(lambda level: level if isinstance(level, str) else f"{level:g}")


def _rows(runs: pd.DataFrame) -> list[dict]:
    return runs.to_dict("records")


def _state(states: pd.DataFrame, name: str, rate: float) -> dict[str, dict[str, Curve]]:
    """{layer: {figure: curve}} of an optimiser at a rate; a figure that it has not is left out."""
    own = states[(states["optimiser"] == name) & np.isclose(states["learning_rate"], rate)]
    return {
        layer: {
            key: Curve(rows["step"].to_numpy(float), rows[key].to_numpy(float))
            for key in OF_STATE
            if rows[key].notna().any()
        }
        for layer, rows in own.groupby("layer", sort=False)
    }


def _median(values: np.ndarray) -> float:
    """The median, a run that broke off counting as infinite."""
    return float(np.median(np.where(np.isfinite(values), values, np.inf)))


def _worst(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _is_calm(cell: Mapping) -> bool:
    with np.errstate(invalid="ignore"):
        calm = (cell["swing"] < CALM * cell["level"]) & (cell["loss"] <= GUESS)
    return calm.mean() > 0.5


def _spread(values: list[float]) -> float:
    return max(values) / min(values) if min(values) > 0 else float("inf")


def _factor(ratio: float) -> str:
    return (
        f"{figure(float(f'{ratio:.3g}'))} times"
        if np.isfinite(ratio)
        else "more than can be told (some runs broke off)"
    )


def _seen(values: np.ndarray) -> str:
    middle = _median(values)
    return f"{middle:.3f}" if np.isfinite(middle) else "broke off"


def _level(cell: Mapping) -> str:
    middle = _median(cell["level"])
    return f"{middle:.3g}" if np.isfinite(middle) else "no number"


def _ends(runs: list[dict]) -> str:
    return _of(_estimate(np.array([run["validation"]["value"][-1] for run in runs], dtype=float)))


def _estimate(values: np.ndarray) -> dict[str, float | None]:
    found = mean_with_interval(values)
    return {"value": found.value, "low": found.low, "high": found.high}


def _of(found: Mapping) -> str:
    """An estimate in three digits with its interval."""
    if found["value"] is None:
        return "no number"
    ends = "" if found["low"] is None else f" [{found['low']:.3g}, {found['high']:.3g}]"
    return f"{found['value']:.3g}{ends}"


def _times(effect: Mapping) -> str:
    return _of(effect)


def _count(share: Mapping | None) -> str:
    return f"{round(share['value'] * share['n'])} of {share['n']}" if share and share["n"] else "–"


def _named(other: Mapping) -> str:
    return other["cause"].replace("_", " ")
