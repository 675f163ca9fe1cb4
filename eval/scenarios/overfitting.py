"""The story of a classifier that learns its rows by heart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from eval.calibration import expected_calibration_error
from eval.comparison import paired_differences
from eval.curves import precision_recall_curve
from eval.diagnosis.history import Curve
from eval.diagnosis.words import named, sentence
from eval.markup import escape, estimate, table
from eval.metrics import Estimate, mean_with_interval, metrics_with_intervals
from eval.paired import paired_t
from eval.plots.diagnosis import draw_loss
from eval.plots.figures_by_epoch import draw_figures_by_epoch
from eval.plots.learning_curve import draw_learning_curve
from eval.plots.precision_recall_epochs import draw_precision_recall_epochs
from eval.plots.search import draw_factors
from eval.plots.seed_pairs import draw_seed_pairs
from eval.plots.treatment import draw_arms
from eval.run_directory import RunDirectory, read_settings
from eval.scenarios.story import Picture, Section, Story
from eval.scenarios.traces import RUN, Traces
from eval.search import CONFIRM, Search, analyse_search
from eval.treatment.sections import VERDICTS, figure_of, in_words

PREDICTIONS = "predictions.csv"
"""A row for each validation row: its label, and the log odds of POSITIVE at each step that was kept."""
ROWS, SEARCH = "1-rows", "2-search"
FACTORS = ("learning_rate", "weight_decay", "per_device_train_batch_size")
NAMES, RESAMPLES = ("log_loss", "f1", "average_precision"), 400
"""Of the intervals at each epoch, which are drawn: their ends need no third digit."""
SIDES = {"test_loss": "test loss", "f1": "F1", "calibration": "calibration error"}


def gather(runs: Path) -> dict[str, str]:
    """What each kept epoch of the sick run says to the validation rows."""
    # Slow to import, and a story needs none of them.
    from transformers.utils import logging

    from data.corpora import load_corpus
    from eval.predictor import Predictor

    logging.disable_progress_bar()
    run = RunDirectory(runs / RUN)
    settings = read_settings(run.config)
    validation = load_corpus(settings["corpus"], data_dir=settings.get("data_dir")).validation
    columns: dict[str, Any] = {"label": validation["label"][:]}
    for checkpoint in run.checkpoints:
        predictor = Predictor.load(str(checkpoint), precision="fp32")
        # Of a probability near 0 or 1 few decimals would say nothing.
        odds = logit(predictor.predict(validation["text"][:]).probabilities[:, 1])
        columns[checkpoint.name.rpartition("-")[2]] = np.round(odds, 3)
    return {PREDICTIONS: pd.DataFrame(columns).to_csv(index=False)}


def story(traces: Traces) -> Story:
    """Everything from the traces."""
    kept = _Epochs(traces)
    return Story(
        title="A classifier that learns its rows by heart",
        lead=_lead(traces, kept),
        sections=(
            _what_happens(traces),
            _before_any_decision(kept),
            _which_cause(traces),
            _today(traces),
            _next_week(traces),
            _confirm(traces),
        ),
    )


class _Epochs:
    """The sick run on its validation rows, epoch by epoch."""

    def __init__(self, traces: Traces):
        frame = traces.frame(PREDICTIONS)
        self.labels = frame.pop("label").to_numpy()
        self.steps = [int(name) for name in frame]
        self.epochs = [traces.history.epoch_at(step) for step in self.steps]
        self.probabilities = [np.column_stack([1 - scores, scores]) for scores in expit(frame.to_numpy().T)]
        self.figures = [self._figures(one) for one in self.probabilities]
        losses = [one["log_loss"].value for one in self.figures]
        self.best = int(np.argmin(losses))
        """The index of the epoch with the lowest loss."""
        self.changes = paired_differences(self.probabilities[-1], self.probabilities[self.best], self.labels)
        """From that epoch to the last, on the same rows."""

    def _figures(self, probabilities: np.ndarray) -> dict[str, Estimate]:
        found = metrics_with_intervals(probabilities, self.labels, names=NAMES, resamples=RESAMPLES)
        calibration = expected_calibration_error(probabilities, self.labels, resamples=RESAMPLES)
        return found | {"calibration": calibration}

    @property
    def shown(self) -> list[int]:
        """The first, the best and the last."""
        return sorted({0, self.best, len(self.steps) - 1})


def _lead(traces: Traces, kept: _Epochs) -> str:
    train = traces.history.train
    cure = traces.treatment["cure"]
    words = (
        f"The training loss falls to {figure_of(float(train.value[-1]))}; the validation loss turns after epoch "
        f"{_onset_epoch(traces):.3g} {_rise(kept)}. {_f1_sentence(kept)}"
    )
    if cure is None:
        return f"{words} No change that was tried helps beyond chance."
    return f"{words} On fresh seeds, {_words(traces, cure['remedy'])}: {_before_after(cure)}."


def _what_happens(traces: Traces) -> Section:
    train, validation = traces.history.train, traces.history.validation
    finding = traces.diagnosis.findings[0]
    step = finding.onset.step
    lowest, last = _value_at(validation, step), float(validation.value[-1])
    settings = traces.history.settings
    text = (
        f"{settings.get('max_train_samples'):,} sentences, {_passes(traces):.0f} passes, {settings.get('model')} with "
        "nothing that holds it back. "
        f"Until step {step:,.0f} (epoch {_onset_epoch(traces):.3g}) both losses fall. Then they part: the training "
        f"loss goes from {_value_at(train, step):.3f} on to {train.value[-1]:.4f}, the validation loss from "
        f"{lowest:.3f} up to {last:.3f}, {last / lowest:.1f} times its lowest. "
        f"The diagnosis says {named(finding.name)} with a confidence of {finding.confidence:.2f} and a severity of "
        f"{finding.severity:.2f}."
    )
    picture = Picture(
        "loss",
        "The training loss goes on falling where the validation loss turns; the line is the onset.",
        lambda: draw_loss(traces.history, traces.diagnosis.findings[:1]),
    )
    return Section("What happens, and where", text, (picture,))


def _before_any_decision(kept: _Epochs) -> Section:
    rows = [
        [
            f"{kept.epochs[index]:.3g}" + _remark(kept, index),
            *(estimate(asdict(kept.figures[index][name])) for name in ("log_loss", "f1", "average_precision")),
            estimate(asdict(kept.figures[index]["calibration"])),
        ]
        for index in kept.shown
    ]
    header = ["epoch", "loss", "F1", "average precision", "calibration error"]
    f1, calibration = kept.changes["f1"], [kept.figures[index]["calibration"] for index in (kept.best, -1)]
    worse = calibration[1].low > calibration[0].high
    if _is_worse(f1):
        told = "So the answers themselves get worse: stopping is due for their sake."
    elif worse:
        told = (
            "So these rows do not show the answers to be worse. What is lost is calibration: the last epoch makes its "
            "mistakes with great confidence. That matters to whoever uses the probability, not to whoever takes the "
            "label alone."
        )
    else:
        told = "So neither the answers nor their calibration are told to be worse beyond chance on these rows."
    text = (
        f"A loss that rises need not mean worse answers. Look first at what the answers are worth, on the "
        f"{len(kept.labels)} validation rows, with 95% intervals:\n\n{table(header, rows)}\n\n"
        f"{_f1_sentence(kept)} {told}"
    )
    curves = [
        {"label": f"epoch {kept.epochs[index]:.3g}{_remark(kept, index)}", **_precision_recall(kept, index)}
        for index in kept.shown
    ]
    points = [{"epoch": epoch} | _dicts(found) for epoch, found in zip(kept.epochs, kept.figures, strict=True)]
    pictures = (
        Picture(
            "f1_and_loss",
            "Loss, F1 and calibration error against the epoch, with 95% intervals; dotted: the lowest loss.",
            lambda: draw_figures_by_epoch(points, kept.epochs[kept.best]),
        ),
        Picture(
            "precision_recall",
            "Precision against recall at the first epoch, at the lowest loss and at the end.",
            lambda: draw_precision_recall_epochs(curves, float(kept.labels.mean())),
        ),
    )
    return Section("Before any decision: F1, and precision against recall", text, pictures)


def _which_cause(traces: Traces) -> Section:
    treatment, finding = traces.treatment, traces.diagnosis.findings[0]
    arms, budget = treatment["arms"], treatment["budget"]
    head = treatment["cause"]["words"] if treatment["cause"]["confirmed"] else "no cause is confirmed"
    ranked = {ranking["outcome"]: ranking for ranking in (arms, *treatment["rankings"])}
    shown = [outcome for outcome in SIDES if outcome in ranked]
    rows = [["as it was", *(figure_of(ranked[outcome]["control"]["value"]["value"]) for outcome in shown), "–"]]
    for arm in arms["arms"]:
        found = (_arm(ranked[outcome], arm["name"]) for outcome in shown)
        effects = [_effect(one["effect"]) for one in found]
        rows.append([escape(_words(traces, arm["name"])), *effects, VERDICTS[arm["verdict"]]])
    header = ["change", *(SIDES[outcome] for outcome in shown), "by the loss it"]
    why = in_words(" ".join(treatment["cause"]["why"]), treatment["words"])
    out = "; ".join(f"{named(other.name)} ({other.why})" for other in finding.ruled_out)
    text = "\n\n".join(
        part
        for part in (
            f"The log rules out {escape(out, 600)}." if out else "",
            f"What it cannot tell is why. So each remedy was run alone against the run as it was, {budget['seeds']} "
            f"seeds each, all for {budget['steps']:,} steps, and judged on the test rows, which nothing was chosen by. "
            f"**{escape(sentence(head))}** {escape(sentence(why), 600)}",
            table(header, rows),
            _rankings(traces),
        )
        if part
    )
    picture = Picture(
        "arms",
        "What each change does to the test loss: the mean over the seeds with its 95% interval; left is better.",
        lambda: draw_arms(arms, {name: named(name) for name in treatment["words"]}),
    )
    return Section("Which cause, and why not the others", text, (picture,))


def _today(traces: Traces) -> Section:
    cure = traces.treatment["cure"]
    if cure is None:
        return Section("What to do today", "Nothing that was tried helps beyond chance: keep the model of the onset.")
    flags = traces.treatment["flags"].get(cure["remedy"], "")
    cells = traces.cells[traces.cells["phase"] == "cure"]
    control = traces.treatment["arms"]["control"]["name"]
    sides = {
        name: cells[cells["cell"] == cell].set_index("seed").sort_index()
        for name, cell in (("before", control), ("after", cure["remedy"]))
    }
    told = []
    for outcome, label in SIDES.items():
        test = paired_t((sides["after"][outcome] - sides["before"][outcome]).dropna().to_numpy())
        told.append(f"{label} {_effect(asdict(test.estimate))}")
    words = _words(traces, cure["remedy"])
    level = traces.treatment["arms"]["level_with"] if traces.treatment["arms"]["winner"] == cure["remedy"] else []
    text = (
        f"{sentence(words)} On {cure['effect']['n']} seeds that chose nothing: {', '.join(told)} (after minus before, "
        f"paired by seed, 95% intervals). The verdict: **{cure['verdict']}**."
        + (f"\n\n    python train/run.py --config train/configs/scenarios/1-overfitting.yaml {flags}" if flags else "")
        + "".join(f"\n\n{_instead(traces, arm)}" for arm in level[:1])
    )
    outcomes = [
        {"name": label, **{name: side[outcome].tolist() for name, side in sides.items()}}
        for outcome, label in SIDES.items()
    ]
    picture = Picture(
        "before_after",
        "The same seeds before and after: test loss and calibration error are better low, F1 high.",
        lambda: draw_seed_pairs(outcomes, "as it was", "with the remedy"),
    )
    return Section("What to do today", text, (picture,))


def _instead(traces: Traces, arm: str) -> str:
    """The arm that is not told from the remedy."""
    flags = traces.treatment["flags"].get(arm, "")
    return f"Not told from it by the test loss, where it cannot be had: {escape(_words(traces, arm))}." + (
        f"\n\n    python train/run.py --config train/configs/scenarios/1-overfitting.yaml {flags}" if flags else ""
    )


def _next_week(traces: Traces) -> Section:
    sizes, search = _sizes(traces), _searched(traces)
    most, own = sizes[-1], next(size for size in sizes if size["rows"] == _rows(traces))
    loss, f1 = (_paired(own["runs"], most["runs"], f"test.{name}") for name in ("log_loss", "f1"))
    longer = ". ".join(sentence(step).rstrip(".") for step in traces.diagnosis.findings[0].next_week)
    data = (
        f"**More rows.** All {most['rows']:,} rows against {own['rows']:,}, for as many steps, the best epoch of each: "
        f"test loss {_effect(loss)}, F1 {_effect(f1)} over {loss['n']} seeds. "
    )
    if loss["high"] is not None and loss["high"] < 0:
        data += "More rows help even beside early stopping: collect them before anything is tuned."
    else:
        data += "Beside early stopping, more rows are not told to help: look at the labels before more are collected."
    parts = [data, _search_words(traces, search)]
    if longer:
        parts.append(f"The diagnosis adds: {escape(longer, 400)}.")
    trials = traces.study(SEARCH)
    trials = trials[(trials["sampler"] != CONFIRM) & (trials["status"] == "complete")]
    pictures = (
        Picture(
            "rows",
            "Test loss of the best epoch against the training rows.",
            lambda: draw_learning_curve(sizes, "Test loss"),
        ),
        Picture(
            "search",
            "The validation loss of every trial over what was searched, the most important factor first.",
            lambda: draw_factors(asdict(search), trials),
        ),
    )
    return Section("What to look at next week", "\n\n".join(parts), pictures)


def _search_words(traces: Traces, search: Search) -> str:
    [sampler], [effect] = search.samplers, search.effects
    best, verdict = sampler.best, effect.verdict
    levels = ", ".join(f"{named(name)} {figure_of(float(value))}" for name, value in best.levels.items())
    found = asdict(effect.estimate)
    first = search.importances[0] if search.importances else None
    text = (
        f"**A small search.** {sampler.trials} trials (TPE) of rate, weight decay and batch size, each stopped early, "
        f"chose {levels}. On {len(search.seeds)} fresh seeds that is {_effect(found)} of test loss against the run's "
        "own settings, stopped early as well: "
    )
    told = {"helps": "a gain beyond chance.", "hurts": "a loss beyond chance: the search chose by luck."}
    text += told.get(verdict, "no difference is seen.")
    if first:
        text += f" Most depends on the {named(first.factor)}."
    return text


def _confirm(traces: Traces) -> Section:
    cure = traces.treatment["cure"]
    signs = [escape(sentence(sign), 400) for sign in traces.diagnosis.findings[0].confirm_by]
    if cure and cure["symptom_before"] and cure["symptom_before"]["n"]:
        before, after = (cure[when] for when in ("symptom_before", "symptom_after"))
        sign = f"The detector finds the turn in {_count(before)} runs as they were, in {_count(after)} with the remedy."
        if after["value"]:
            sign += (
                " The remedy puts the turn off and makes it smaller; it does not make it go away: stop early as well."
            )
        signs.insert(0, sign)
    signs.append(
        f"The whole again from another seed: `{traces.about['command']} --scenario_dir runs/again`, with another "
        "`seed` in the config."
    )
    return Section("What would confirm it", "\n".join(f"- {sign}" for sign in signs))


def _rankings(traces: Traces) -> str:
    """Who wins by loss, by F1 and by calibration, and whether that is the same."""
    treatment = traces.treatment
    told, winners = [], []
    for ranking in [treatment["arms"], *treatment["rankings"]]:
        name = SIDES.get(ranking["outcome"], named(ranking["outcome"]))
        winner = ranking["winner"]
        winners.append(winner)
        if winner is None:
            told.append(f"by {name} no change is told from the run as it was")
            continue
        level = ", ".join(named(other) for other in ranking["level_with"])
        told.append(
            f"by {name} it is {named(winner)}, {_effect(_arm(ranking, winner)['effect'])}"
            + (f", not told from {level}" if level else "")
        )
    text = (
        f"Which comes first? {sentence('; '.join(told))} The intervals are of one comparison each; the verdicts are "
        "corrected for their number (Holm)."
    )
    if len(set(winners)) > 1:
        text += " The remedies are not ranked alike: say first what the model is for."
    return text


def _arm(ranking: Mapping, name: str) -> Mapping:
    return next(arm for arm in ranking["arms"] if arm["name"] == name)


def _sizes(traces: Traces) -> list[dict[str, Any]]:
    """The test loss by the number of training rows."""
    runs = traces.study(ROWS)
    runs = runs[runs["status"] == "complete"]
    sizes = []
    for rows, group in runs.groupby(runs["max_train_samples"].astype(int)):
        losses = group["test.log_loss"].to_numpy(float)
        mean = asdict(mean_with_interval(losses))
        sizes.append({"rows": rows, "mean": mean, "seeds": losses.tolist(), "runs": group})
    return sizes


def _searched(traces: Traces) -> Search:
    runs = traces.study(SEARCH)
    return analyse_search(runs, FACTORS, "validation.log_loss", log=("learning_rate", "weight_decay"))


def _paired(before: pd.DataFrame, after: pd.DataFrame, metric: str) -> dict:
    """After minus before over the seeds that both have."""
    one, other = (runs.set_index("seed")[metric] for runs in (before, after))
    return asdict(paired_t((other - one).dropna().to_numpy()).estimate)


def _precision_recall(kept: _Epochs, index: int) -> dict[str, Sequence]:
    curve = precision_recall_curve(kept.probabilities[index], kept.labels, resamples=2)
    return {"x": curve.x, "y": curve.y}


def _remark(kept: _Epochs, index: int) -> str:
    return " (lowest loss)" if index == kept.best else " (the end)" if index == len(kept.steps) - 1 else ""


def _f1_sentence(kept: _Epochs) -> str:
    f1 = kept.changes["f1"]
    change = f"from the epoch of the lowest loss to the last, F1 changes by {_effect(asdict(f1))}"
    if _is_worse(f1):
        return f"The answers get worse: {change}."
    if f1.low is not None and f1.low > 0:
        return f"The answers still get better: {change}."
    return f"The answers hardly change: {change}."


def _rise(kept: _Epochs) -> str:
    loss = kept.changes["log_loss"]
    return f"and is higher by {estimate(asdict(loss), 2)} at the end"


def _is_worse(change: Estimate) -> bool:
    return change.high is not None and change.high < 0


def _onset_epoch(traces: Traces) -> float:
    onset = traces.diagnosis.findings[0].onset
    return onset.epoch if onset.epoch is not None else traces.history.epoch_at(onset.step)


def _passes(traces: Traces) -> float:
    return traces.history.epoch_at(traces.history.last_step)


def _rows(traces: Traces) -> int:
    return int(traces.history.settings["max_train_samples"])


def _value_at(curve: Curve, step: float) -> float:
    return float(curve.value[np.abs(curve.step - step).argmin()])


def _words(traces: Traces, arm: str) -> str:
    return traces.treatment["words"].get(arm, named(arm))


def _effect(effect: Mapping) -> str:
    if effect["value"] is None:
        return "not to be compared"
    ends = "" if effect["low"] is None else f" [{effect['low']:+.3f}, {effect['high']:+.3f}]"
    return f"{effect['value']:+.3f}{ends}"


def _before_after(cure: Mapping) -> str:
    before, after = (figure_of(cure[when]["value"]) for when in ("before", "after"))
    return f"test loss {before} → {after} ({_effect(cure['effect'])}, {cure['effect']['n']} seeds)"


def _count(share: Mapping) -> str:
    return f"{round(share['value'] * share['n'])} of {share['n']}"


def _dicts(found: Mapping[str, Estimate]) -> dict[str, dict]:
    return {name: asdict(one) for name, one in found.items()}
