"""A diagnosis in words, for a terminal and for a report; plain text, nothing escaped."""

from math import isfinite, isnan

from eval.diagnosis.finding import Finding, Name
from eval.diagnosis.history import History

SYMPTOMS = {
    Name.UNDERTRAINED: "The losses were still falling when training ended.",
    Name.UNDERFITTING: "The training loss is flat and still high: the network does not learn its training rows.",
    Name.PLATEAU: "The loss has not moved: nothing was learned.",
    Name.OVERFITTING: "The evaluation loss is past its best and higher now.",
    Name.OSCILLATION: "The loss swings without getting anywhere.",
    Name.DIVERGENCE: "The training loss is lost: it went up for good, or is no number any more.",
    Name.VANISHING_GRADIENTS: "The gradient fades on its way to the input: the first layers hardly learn.",
    Name.EXPLODING_GRADIENTS: "The gradient grows out of all bounds.",
    Name.DEAD_UNITS: "Most units of some layers are dead: they give zero whatever the input, and no longer learn.",
    Name.DEGENERATE_MODEL: "The model gives every row the same answer.",
}


def named(name: str) -> str:
    """`best validation loss` for best_validation_loss, without characters that would steer a terminal."""
    return line(name).replace("_", " ")


def line(text: object) -> str:
    """A text on one line; what cannot be printed, as control characters, becomes a space."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)).strip()


def figure(value: float) -> str:
    """A number as one reads it: 12,345, 0.3825, 1.2e-07."""
    if not isfinite(value):
        return "no number" if isnan(value) else "infinite"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def figures(finding: Finding) -> dict[str, str]:
    """The evidence in words, {name: figure}; a figure with its 95% interval as `0.12 [0.1, 0.15]`."""
    ends = {f"{name}_{end}" for name in finding.evidence for end in ("low", "high")}
    found = {}
    for name, value in finding.evidence.items():
        interval = [figure(finding.evidence[end]) for end in (f"{name}_low", f"{name}_high") if end in finding.evidence]
        if name not in ends:
            found[named(name)] = figure(value) + (f" [{', '.join(interval)}]" if len(interval) == 2 else "")
    return found


def in_a_row(figures: dict[str, str], most: int | None = None) -> str:
    """Figures as `best validation loss 0.3831, rise 0.2526`; the first `most` of them."""
    return ", ".join(f"{name} {value}" for name, value in list(figures.items())[:most])


def sentence(text: str) -> str:
    """A text that begins with a capital letter and ends with a full stop."""
    text = line(text).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def since(finding: Finding) -> str:
    """Where a finding begins, ` since step 428 (epoch 2)`; nothing where it has no beginning."""
    onset = finding.onset
    if onset is None or onset.step is None:
        return ""
    if onset.epoch is None or not isfinite(onset.epoch):
        return f" since step {figure(onset.step)}"
    if onset.epoch == onset.step:
        return f" since epoch {figure(onset.epoch)}"
    return f" since step {figure(onset.step)} (epoch {onset.epoch:.3g})"


def weight(finding: Finding) -> str:
    """`severity 0.80 (severe), confidence 0.95 (nearly certain)`."""
    severity = "mild" if finding.severity < 1 / 3 else "clear" if finding.severity < 2 / 3 else "severe"
    sure = "unsure" if finding.confidence < 0.5 else "likely" if finding.confidence < 0.85 else "nearly certain"
    return f"severity {finding.severity:.2f} ({severity}), confidence {finding.confidence:.2f} ({sure})"


def judged_by(history: History) -> str:
    """What the log held: `64 training losses, 3 evaluations and gradients of 8 layers up to step 642 (epoch 3)`."""
    evaluations = max([len(history.validation), *(len(curve) for curve in history.metrics.values())])
    held = [
        _counted(len(history.train), "training loss", "training losses"),
        _counted(evaluations, "evaluation", "evaluations"),
    ]
    if history.gradients is not None:
        layers, recordings = len(history.gradients.layers), len(history.gradients.step)
        held = [count for count in held if not count.startswith("no ")]
        held.append(f"gradients of {_counted(layers, 'layer', 'layers')} at {_counted(recordings, 'step', 'steps')}")
    told = " and ".join(filter(None, [", ".join(held[:-1]), held[-1]]))
    if not len(history.train) and not evaluations and history.gradients is None:
        return told
    end = history.last_step or (float(history.gradients.step[-1]) if history.gradients is not None else 0.0)
    epoch = history.epoch_at(end)
    if epoch == end:
        reached = f"epoch {figure(end)}"
    else:
        reached = f"step {figure(end)}" + (f" (epoch {epoch:.3g})" if epoch is not None else "")
    return f"{told} up to {reached}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else f"no {one}"
