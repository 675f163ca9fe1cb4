"""The story of thirty sigmoid layers: where the gradient is lost, that this was foretold, and what brings it back."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eval.chain_rule import gains_of, predicted
from eval.diagnosis.history import Curve, History
from eval.diagnosis.reading import read_history
from eval.diagnosis.words import figure, sentence
from eval.markup import escape, estimate, table
from eval.metrics import Estimate, mean_with_interval
from eval.plots.diagnosis import draw_loss
from eval.plots.gradients import draw_heat_map, layer_by_step
from eval.plots.groups import draw_groups
from eval.plots.layer_profiles import draw_profiles
from eval.plots.treatment import draw_arms, draw_before_after, draw_interaction
from eval.run_directory import RunDirectory, plain, read_journal
from eval.scenarios.story import Picture, Section, Story
from eval.scenarios.traces import PHASES, RUN, STUDIES, Traces
from eval.treatment.arms import ArmsVerdict, judge_arms
from eval.treatment.outcomes import outcomes
from eval.treatment.sections import VERDICTS, in_words
from eval.verdicts import HELPS

OUTCOMES, CURE = "outcomes.csv", "cure.json"
CONTROL = "control"
"""The level of the run as it was, in a study of remedies."""
KEPT = ("capped_training_loss", "gradient_ratio")
"""The outcomes that are kept of every run."""
GUESS = float(np.log(2))
"""The loss of who guesses between two classes."""
LOSS = f"training loss at the end (dotted: a guess, {GUESS:.3f})"
DEPTH, OPTIMISER, INITIALISATION = "depth", "optimiser", "initialisation"
"""The further studies."""


def gather(folder: Path) -> dict[str, str]:
    """What the story needs beyond the common traces, {file name: text}: gains of every run, curves of the cure."""
    treatment = folder / RUN / "treatment"
    studies = {name: treatment / name for name in PHASES}
    studies |= {path.name: path for path in sorted((folder / STUDIES).glob("*")) if path.is_dir()}
    rows, cured = [], {}
    for study, path in studies.items():
        if not (path / "runs.csv").exists():
            continue
        for run in pd.read_csv(path / "runs.csv").to_dict("records"):
            if run["status"] != "complete":
                continue
            history = read_history(path / run["run"])
            # The name of a cell is that of a folder; an arm may be called otherwise.
            cell = run.get("remedy", run["cell"])
            rows.append(
                {"study": study, "cell": cell, "seed": run["seed"]} | _figures(RunDirectory(path / run["run"]), history)
            )
            if study == "cure":
                cured.setdefault(cell, []).append(_kept(history) | {"seed": run["seed"]})
    return {
        OUTCOMES: pd.DataFrame(rows).to_csv(index=False, float_format="%.5g"),
        CURE: json.dumps(plain(cured)),
    }


def story(traces: Traces) -> Story:
    """The story that traces tell."""
    runs = traces.frame(OUTCOMES)
    return Story(
        title="Thirty sigmoid layers: a gradient that never arrives",
        lead=_lead(traces),
        sections=(
            _what_happens(traces),
            _chain_rule(traces),
            _cause(traces, runs),
            _optimiser(traces, runs),
            _depth_stays(traces, runs),
            _today(traces, runs),
            _next_week(traces, runs),
            _confirm(traces, runs),
        ),
    )


def _lead(traces: Traces) -> str:
    finding, cause, cure = traces.finding, traces.treatment["cause"], traces.treatment["cure"]
    told = (
        f"A classifier of {finding.evidence['hidden_layers']:.0f} sigmoid layers learns nothing from real reviews: its "
        f"first layer gets {_power(finding.evidence['first_to_last_layer'])} of the gradient of its last one."
    )
    if cure is None:
        return f"{told} No remedy was found by the experiment."
    remedy = traces.treatment["words"][cure["remedy"]]
    confirmed = "An experiment confirms the cause" if cause["confirmed"] else "No single cause is confirmed"
    return f"{told} {confirmed}; on fresh seeds the remedy, {escape(remedy)}, comes out as: {cure['verdict']}."


def _what_happens(traces: Traces) -> Section:
    history, finding = traces.history, traces.finding
    gradients = history.gradients
    blocks = _blocks(gradients.layers)
    first, last = blocks[0], blocks[-1]
    moved = gradients.figures["update_norm"] / gradients.figures["weight_norm"]
    losses = history.train.value
    factor = [finding.evidence[f"factor_per_layer{end}"] for end in ("", "_low", "_high")]
    text = f"""
The training loss goes from {losses[0]:.3f} to {losses[-1]:.3f} in {history.last_step:.0f} steps; a guess costs
{GUESS:.3f}. It says that something is wrong, not where.

The gradient says where. Towards the input each layer has {factor[0]:.3f} [{factor[1]:.3f}, {factor[2]:.3f}] of the
gradient of the layer above it, since step {figure(finding.onset.step)}. Over {len(blocks)} layers that makes
{_power(finding.evidence["first_to_last_layer"])}. In the last recorded step the optimiser moved the weights of the
last hidden layer by {_power(moved[-1, last])} of their size, those of the first by {_power(moved[-1, first])}.
"""
    data = layer_by_step(gradients)
    span = float(np.ceil(-np.log10(finding.evidence["first_to_last_layer"]))) + 1
    return Section(
        "What happens, and where",
        text,
        (
            Picture(
                "loss",
                f"Training and evaluation loss of the sick run; a guess costs {GUESS:.3f}.",
                lambda: draw_loss(history, traces.diagnosis.findings[:1]),
            ),
            Picture(
                "gradients",
                "Gradient by layer and step: the colours count decades, each row from bottom to top is one layer up.",
                lambda: draw_heat_map(data, most=span),
            ),
        ),
    )


def _chain_rule(traces: Traces) -> Section:
    """The prediction of the first and the last step that has one, beside what was measured."""
    gradients = traces.history.gradients
    blocks = _blocks(gradients.layers)
    gains = gains_of(read_journal(RunDirectory(traces.path).journal))
    norms = {int(step): row[blocks] for step, row in zip(gradients.step, gradients.norm, strict=True)}
    early, late = min(gains), max(gains)
    measured = {f"step {step}": norms[step] for step in (early, late)}
    told = {f"step {step}": predicted(gains[step], norms[step][-1]) for step in (early, late)}
    off = {label: np.exp(np.abs(np.log(told[label] / measured[label])).max()) for label in told}
    begin = _means(gains[early])
    spreads = [layer["spread"] for layer in gains[early].values()]
    lost = next((number for number, spread in enumerate(spreads, 1) if spread < 1e-6), None)
    decades = np.log10(measured[f"step {early}"][-1] / measured[f"step {early}"][0])
    text = f"""
Backpropagation is a product: what reaches a layer is what left the output times the gain of every layer between. The
gain of a layer is the slope of its activation times the size of its weights, and both can be read off a forward pass,
without any gradient. At step {early} the slope is {begin["slope"]:.3f} (a sigmoid's is a quarter at most) and the
weights have {begin["weights"]:.2f}, so the gain is {begin["gain"]:.3f} a layer.

Their product, begun at the last hidden layer, foretells the profile. At step {early} the measured gradient spans
{decades:.0f} decades, and the prediction is off by a factor of {off[f"step {early}"]:.1f} at most; at step {late} by
{off[f"step {late}"]:.1f}. {_verdict_on_prediction(off[f"step {early}"], off[f"step {late}"])}
"""
    if lost is not None:
        text += f"""
The same gain works forwards. What one review differs from the others by shrinks with each layer too: at the input of
layer 1 the rows differ by {spreads[0]:.0%} of their size, at that of layer {lost} by {_power(spreads[lost - 1])},
near the 1e-07 at which 32-bit numbers end. The upper layers see the same vector whatever the review says.
"""
    return Section(
        "What the chain rule foretells",
        text,
        (
            Picture(
                "chain_rule",
                "Points are the measured gradient, lines the product of gains from the forward pass alone.",
                lambda: draw_profiles(measured, told),
            ),
        ),
    )


def _verdict_on_prediction(early: float, late: float) -> str:
    if early > 10:
        return "That is more than a sketch may be off: the gains do not explain this profile."
    if late > 3 * early:
        return "It is best before training has tied weights and gradients together, which the theory leaves out."
    return "No training is needed to know it: it can be reckoned before the first step."


def _cause(traces: Traces, runs: pd.DataFrame) -> Section:
    treatment = traces.treatment
    cause, arms, words = treatment["cause"], treatment["arms"], treatment["words"]
    effects = cause["effects"]
    changes = _changes(traces.cells, effects)
    single = [arm for arm in arms["arms"] if changes.get(arm["name"], 1) == 1]
    able = [arm for arm in single if _matters(arm, arms)]
    best = arms["arms"][0]
    gains = runs[runs["study"].isin(["experiment", "alone"])].groupby("cell")[["gain", "slope", "weights"]].mean()
    rows = [["as it was", _nats(arms["control"]["value"]), "–", "–", *_gain(gains, "baseline", CONTROL)]]
    for arm in single:
        rows.append(
            [escape(words[arm["name"]]), _nats(arm["value"]), _signed(arm["effect"]), VERDICTS[arm["verdict"]]]
            + _gain(gains, arm["name"])
        )
    head = escape(cause["words"])
    why = " ".join(escape(sentence(in_words(text, words)), 600) for text in cause["why"])
    told = f"Confirmed: {head}. {why}" if cause["confirmed"] else f"By the rule of the experiment {head}: {why}"
    text = f"""
{told}

The arms of the experiment are judged by the training loss at their end, over {arms["control"]["value"]["n"]} seeds
each. A guess costs {GUESS:.3f}; what is worse counts as that. Changed one at a time:

{table(["change", "training loss", "against the control", "verdict", "gain at step 1", "slope", "weights"], rows)}

{_helping(able, words)} The best arm of all is {escape(words[best["name"]])} with a loss of {_nats(best["value"])}.

{_interactions(effects)}
"""
    pictures = [
        Picture(
            "arms",
            "Every arm against the run as it was, with its own 95% interval; the verdicts are corrected for the "
            "number of arms. To the left is better.",
            lambda: draw_arms(arms, words),
        )
    ]
    if effects and effects["interactions"]:
        pictures.append(
            Picture(
                "interaction",
                "Where the lines are not parallel, what a remedy does hangs on the other one.",
                lambda: draw_interaction(cause),
            )
        )
    return Section("Which cause, and why not the others", text, tuple(pictures))


def _helping(able: Sequence[Mapping], words: Mapping[str, str]) -> str:
    if not able:
        return "No single change is told from nothing."
    names = " and ".join(f"{escape(words[arm['name']])} ({_signed(arm['effect'])})" for arm in able)
    return f"{names[:1].upper()}{names[1:]} {'helps' if len(able) == 1 else 'each help'} alone, by enough to matter."


def _interactions(effects: Mapping | None) -> str:
    """The interactions that are told from chance, the largest first."""
    if not effects:
        return ""
    told = [row for row in effects["interactions"] if row["p_adjusted"] is not None and row["p_adjusted"] < 0.05]
    if not told:
        return _unsure_interactions(effects["interactions"])
    told = sorted(told, key=lambda row: -abs(row["estimate"]["value"]))[:3]
    return f"Which remedies hang on each other, beyond chance: {'; '.join(_interaction(row) for row in told)}."


def _unsure_interactions(interactions: Sequence[Mapping]) -> str:
    """No interaction is told after Holm: the largest of those whose own interval leaves out 0."""
    told = f"Corrected for {len(interactions)} pairs, no interaction of two remedies is told from chance."
    rows = [row for row in interactions if _is_apart(row["estimate"])]
    if not rows:
        return told
    rows = sorted(rows, key=lambda row: -abs(row["estimate"]["value"]))[:2]
    few = f"With {rows[0]['estimate']['n']} seeds that does not rule them out"
    return f"{told} {few}; the intervals of these, taken alone, exclude 0: {'; '.join(map(_interaction, rows))}."


def _is_apart(estimate: Mapping) -> bool:
    return estimate["low"] is not None and (estimate["low"] > 0 or estimate["high"] < 0)


def _interaction(row: Mapping) -> str:
    more = "more" if row["estimate"]["value"] < 0 else "less"
    return f"{' and '.join(row['factors'])} ({_signed(row['estimate'])}: together {more} than the sum of the two)"


def _optimiser(traces: Traces, runs: pd.DataFrame) -> Section:
    cells = _joined(traces, runs, OPTIMISER)
    cells["arm"] = cells["optimiser"] + " " + cells["network"]
    sick, mended = (cells[cells["network"] == name] for name in ("as_it_was", "residual_and_norm"))
    names = {
        "sgd": "SGD",
        "adamw": "AdamW",
        "adamw_small_epsilon": "AdamW, epsilon 1e-20",
    }
    against = _compared(sick, "optimiser", "sgd")
    learns = [arm for arm in against.arms if arm.verdict == HELPS and arm.effect.value <= -against.margin]
    if learns:
        head = f"The figures say that an optimiser helps: {', '.join(names[arm.name] for arm in learns)}."
        why = "The step is what a small gradient lacked, and an optimiser can give it that."
    else:
        head = "Adam alone does not cure it, nor does an epsilon of 1e-20."
        why = (
            "Its epsilon of 1e-8 is in the way, beside which a gradient of 1e-19 is nothing. But without it nothing is "
            "learned either: where all reviews look alike there is no direction to go in, however large the step."
        )
    falls = "; ".join(
        f"{names[name]} {_loss(sick, 'optimiser', name)} as it was and {_loss(mended, 'optimiser', name)} mended"
        for name in names
    )
    text = f"""
{head} Adam divides each gradient by its own size, so a small one should do it no harm. {why}

The training loss after {_steps(traces)} steps, with and without residual connections and norms: {falls}.
"""
    groups = {
        names[name]: {
            "as it was": sick.loc[sick["optimiser"] == name, "capped_training_loss"].tolist(),
            "residual connections and norms": mended.loc[mended["optimiser"] == name, "capped_training_loss"].tolist(),
        }
        for name in names
    }
    return Section(
        "Is it the optimiser?",
        text,
        (
            Picture(
                "optimisers",
                "The same three optimisers on the network as it was and on the mended one.",
                lambda: draw_groups(groups, LOSS, GUESS),
            ),
        ),
    )


def _depth_stays(traces: Traces, runs: pd.DataFrame) -> Section:
    depths = _joined(traces, runs, DEPTH).assign(layers=lambda frame: frame["layers"].astype(str))
    pairs = _joined(traces, runs, INITIALISATION)
    levels = sorted(depths["layers"].unique(), key=int)
    deepest = levels[-1]
    against = _compared(depths, "layers", deepest)
    learning = [arm.name for arm in against.arms if arm.verdict == HELPS and arm.effect.value <= -against.margin]
    by_depth = "; ".join(f"{level} layers {_loss(depths, 'layers', level)}" for level in levels)
    pairs["pair"] = pairs["activation"] + " with " + pairs["init"]
    compared = _compared(pairs, "pair", "sigmoid with xavier")
    good = [arm for arm in compared.arms if arm.verdict == HELPS and arm.effect.value <= -compared.margin]
    gains = pairs.groupby("pair")[["gain", "spread"]].mean()
    rows = [
        [name, _loss(pairs, "pair", name), f"{gains.loc[name, 'gain']:.3f}", f"{gains.loc[name, 'spread']:.1g}"]
        for name in dict.fromkeys(pairs["pair"])
    ]
    depth = (
        f"Of the same sigmoid stack those of {' and '.join(sorted(learning, key=int))} layers learn beyond chance"
        if learning
        else f"In this study no depth is told from {deepest} layers beyond chance"
    )
    if good:
        names = ", ".join(f"{arm.name} ({_signed(_as_dict(arm.effect))})" for arm in good)
        kept = f"Against the sigmoid, {names} {'helps' if len(good) == 1 else 'help'} beyond chance."
    else:
        first = compared.arms[0]
        ahead = f"{first.name} comes first ({_signed(_as_dict(first.effect))})"
        kept = f"No pair is told from the sigmoid beyond chance; {ahead}."
    text = f"""
**Less depth.** {depth}: {by_depth}.{_shallow(traces) if not learning else ""}

**All {deepest} layers, no residual connections, no norms.** Then slope times weights must be 1 in every layer, so the
initial weights must fit the activation: 1 for tanh (xavier), the square root of 2 for rectifiers (he). A sigmoid's
slope of a quarter asks for weights of 4, which drive it into saturation. {kept}

{table(["activation with initialisation", "training loss", "gain at step 1", "rows differ at the last layer by"], rows)}

A gain of 1 lets the gradient through; it does not by itself let the reviews through. Where the last column is small,
the last layer hardly tells one review from another, and learning is slow however even the gradient.
"""
    groups = {
        level: {"runs": depths.loc[depths["layers"] == level, "capped_training_loss"].tolist()} for level in levels
    }
    initialised = {
        activation: {
            f"{init} initialisation": frame.loc[frame["init"] == init, "capped_training_loss"].tolist()
            for init in dict.fromkeys(pairs["init"])
        }
        for activation, frame in pairs.groupby("activation", sort=False)
    }
    return Section(
        "Less depth, or weights that fit",
        text,
        (
            Picture(
                "depth",
                "What the same sigmoid stack learns in the same steps, by its depth.",
                lambda: draw_groups({f"{level} layers": group for level, group in groups.items()}, LOSS, GUESS),
            ),
            Picture(
                "initialisation",
                f"{deepest} plain layers: what each activation learns with each initialisation.",
                lambda: draw_groups(initialised, LOSS, GUESS),
            ),
        ),
    )


def _shallow(traces: Traces) -> str:
    """What the experiment says of fewer layers, where it tells them from the run as it was."""
    arms = traces.treatment["arms"]
    arm = next((one for one in arms["arms"] if one["name"] == "fewer_layers" and _matters(one, arms)), None)
    if arm is None:
        return ""
    words = escape(traces.treatment["words"][arm["name"]])
    return f" The experiment above, on other seeds, does tell it: {words}, {_signed(arm['effect'])}."


def _today(traces: Traces, runs: pd.DataFrame) -> Section:
    treatment, cure = traces.treatment, traces.treatment["cure"]
    if cure is None:
        actions = "\n".join(f"- {escape(one.action)}: `{one.flags}`" for one in traces.finding.today if one.flags)
        return Section("What to do today", f"No arm helped in this experiment. What is left to try:\n\n{actions}")
    remedy, kept = cure["remedy"], traces.json(CURE)
    before, after = kept[CONTROL], kept[remedy]
    words, flags = escape(treatment["words"][remedy]), treatment["flags"][remedy]
    symptom = (
        f" The symptom is found in {_count(cure['symptom_before'])} runs before, {_count(cure['symptom_after'])} after."
        if cure["symptom_before"] and cure["symptom_before"]["n"]
        else ""
    )
    text = f"""
{words[:1].upper()}{words[1:]}:

    python train/run.py --config train/configs/scenarios/3-vanishing-gradients.yaml --output_dir runs/mended {flags}

On {cure["effect"]["n"]} seeds that chose nothing the training loss at the end goes from {_nats(cure["before"])} to
{_nats(cure["after"])}, a difference of {_signed(cure["effect"])}: **{cure["verdict"]}**.{symptom}
"""
    profiles = {
        "as it was": np.median([run["profile"] for run in before], axis=0),
        treatment["words"][remedy]: np.median([run["profile"] for run in after], axis=0),
    }
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
                    treatment["words"][remedy],
                ),
            ),
            Picture(
                "profile_before_after",
                "The gradient by layer at the end of these runs, median over the seeds.",
                lambda: draw_profiles(profiles),
            ),
        ),
    )


def _next_week(traces: Traces, runs: pd.DataFrame) -> Section:
    arms, words = traces.treatment["arms"], traces.treatment["words"]
    best, cure = arms["arms"][0], traces.treatment["cure"]
    lines = []
    if cure and best["name"] != cure["remedy"]:
        lines.append(
            f"{escape(words[best['name']])} learned most in the experiment, {_nats(best['value'])}: worth a longer "
            f"run with more seeds, `{traces.treatment['flags'][best['name']]}`"
        )
    unsure = [
        arm for arm in arms["arms"] if arm["verdict"] == "not_resolvable" and arm["effect"]["value"] < -arms["margin"]
    ]
    if unsure:
        names = ", ".join(escape(words[arm["name"]]) for arm in unsure[:3])
        lines.append(f"more seeds for what looks better but is not told from chance: {names}")
    lines += [
        "whether a mended network of this depth beats a shallow one at all on these texts: depth is a cost here",
        "a rate for each remedy of its own: all arms had that of the sick run",
    ]
    return Section("What to look at next week", "\n".join(f"- {line[:1].upper()}{line[1:]}." for line in lines))


def _confirm(traces: Traces, runs: pd.DataFrame) -> Section:
    finding, cure = traces.finding, traces.treatment["cure"]
    lines = [
        "before training: `--layer_gain_steps 1 --max_steps 1` writes each layer's gain; their product is the profile",
        *(escape(one) for one in finding.confirm_by),
    ]
    if cure:
        ratio = runs[runs["study"] == "cure"].groupby("cell")["gradient_ratio"].median()
        before, after = (
            _power(10 ** next(value for cell, value in ratio.items() if (cell != CONTROL) == changed))
            for changed in (False, True)
        )
        lines.append(
            f"after the remedy, the first layer over the last one in gradient: {before} became {after} on fresh seeds"
        )
    return Section("What would confirm it", "\n".join(f"- {line[:1].upper()}{line[1:]}." for line in lines))


def _blocks(layers: Sequence[str]) -> list[int]:
    """The columns of the hidden layers."""
    return [index for index, name in enumerate(layers) if name.startswith("block.")]


def _means(layers: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The geometric mean over the layers, whose product is what counts."""
    found = list(layers.values())
    return {name: float(np.exp(np.mean(np.log([one[name] for one in found])))) for name in ("gain", "slope", "weights")}


def _figures(run: RunDirectory, history: History) -> dict[str, float]:
    """Outcomes of a run, and what its layers multiply the gradient by at the first step."""
    found = outcomes(history)
    figures = {name: found[name] for name in KEPT}
    recorded = gains_of(read_journal(run.journal))
    if recorded:
        layers = recorded[min(recorded)]
        figures |= _means(layers) | {"spread": list(layers.values())[-1]["spread"]}
    return figures


def _kept(history: History) -> dict[str, Any]:
    """The validation loss of a run of the cure, and its last profile."""
    profile = history.gradients.norm[-1, _blocks(history.gradients.layers)]
    curve = history.validation
    return {
        "validation": {"step": curve.step.tolist(), "value": [float(f"{value:.5g}") for value in curve.value]},
        "profile": [float(f"{norm:.4g}") for norm in profile],
    }


def _curve(kept: Mapping[str, list]) -> Curve:
    return Curve(np.array(kept["step"], dtype=float), np.array(kept["value"], dtype=float))


def _changes(cells: pd.DataFrame, effects: Mapping | None) -> dict[str, int]:
    """How many settings each arm of the factorial changes."""
    if not effects:
        return {}
    factors = list(dict.fromkeys(row["factor"] for row in effects["effects"]))
    factorial = cells[cells["phase"] == "experiment"].drop_duplicates("cell")
    changed = (factorial[factors].astype(str) != "as_it_was").sum(axis=1)
    return dict(zip(factorial["cell"], changed, strict=True))


def _matters(arm: Mapping, arms: Mapping) -> bool:
    return arm["verdict"] == HELPS and arm["effect"]["value"] <= -arms["margin"]


def _joined(traces: Traces, runs: pd.DataFrame, study: str) -> pd.DataFrame:
    """The runs of a further study with their factors and outcomes."""
    return traces.study(study).merge(runs[runs["study"] == study], on=["cell", "seed"])


def _compared(cells: pd.DataFrame, column: str, control: str) -> ArmsVerdict:
    """The levels of a column against one of them, by the training loss at the end."""
    return judge_arms(cells.assign(cell=cells[column].astype(str)), "capped_training_loss", control=control)


def _loss(cells: pd.DataFrame, column: str, level: str) -> str:
    values = cells.loc[cells[column] == level, "capped_training_loss"].to_numpy()
    return _nats(_as_dict(mean_with_interval(values)))


def _as_dict(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _nats(figure: Mapping) -> str:
    """`0.583 [0.561, 0.605]`."""
    return estimate(figure)


def _signed(figure: Mapping) -> str:
    """A difference, `-0.110 [-0.132, -0.088]`."""
    if figure["value"] is None:
        return "no run to compare"
    ends = "" if figure["low"] is None else f" [{figure['low']:+.3f}, {figure['high']:+.3f}]"
    return f"{figure['value']:+.3f}{ends}"


def _gain(gains: pd.DataFrame, *cells: str) -> list[str]:
    """Gain, slope and weights of the first of these cells that there is."""
    found = next((gains.loc[cell] for cell in cells if cell in gains.index), None)
    return ["–"] * 3 if found is None else [f"{found[name]:.3g}" for name in ("gain", "slope", "weights")]


def _count(share: Mapping) -> str:
    return f"{round(share['value'] * share['n'])} of {share['n']}"


def _steps(traces: Traces) -> int:
    return int(traces.study(OPTIMISER)["steps"].max())


def _power(value: float) -> str:
    """A number over many decades: 0.24, 4.5e-19."""
    return f"{value:.2g}"
