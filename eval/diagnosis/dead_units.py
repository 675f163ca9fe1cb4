"""Units that are zero on every input: they pass nothing on and, with a gradient of zero, never come back."""

import numpy as np

from eval.diagnosis.advice import learning_rate
from eval.diagnosis.depth_profile import LATE, evenly, hidden, learned, onset
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Gradients, History
from eval.diagnosis.vanishing_gradients import network

DEAD = 0.9
"""The share of a layer's units. In a deep rectifier network all texts come to look alike, and half of the units are
zero on a whole batch without any harm; large language models with rectifiers have up to 0.7."""
ZEROS = 0.99
"""The same as a share of gradients that are exactly zero: 1 - (1 - DEAD)^2, what units dead on both sides leave."""
UNDERFLOW = 1e-20
"""The norm of a gradient part of which is zero because float32 cannot hold it."""
LEARNED = 0.10
"""The fall of the training loss, as a share of its start, of a network that trains all the same."""
MOST_LAYERS = 0.5
"""The share of the layers that must be dead, unless one stops everything."""
MORE = 0.2
"""By how much the share of dead units must have risen to say that they died in training."""
PARTLY_TRAINED = ("lora", "frozen")


def detect(history: History) -> Finding | None:
    """Find layers in which nearly all units are dead, up to the end of the recordings.

    By the recorded share of units that are zero on a whole batch; where a log has none, by gradients that are exactly
    zero in hidden layers (of an embedding they are anyway: most words are not in a batch) that do get some gradient or
    did so earlier, which tells them from frozen layers. Half of the layers must be dead; a single one counts where it
    lets nothing pass and the network does not learn. Assumed: batches of 8 texts or more. False alarms: none in 300
    simulated networks whose layers have up to three quarters of their units dead. Source: Lu et al., Dying ReLU and
    initialization, 2019; for healthy shares Voita et al., Neurons in large language models, 2023.
    """
    if history.gradients is None or not len(history.gradients.step):
        return None
    found = shares(history.gradients)
    limit = DEAD
    if found is None and history.settings.get("tuning") not in PARTLY_TRAINED:
        found, limit = zeros(history.gradients), ZEROS
    if found is None:
        return None
    layers, step, values = found
    late = values[int(len(step) * (1 - LATE)) :]
    dead = (np.median(late, axis=0) >= limit) & (values[-1] >= limit)
    fell = learned(history)
    learns = fell is not None and fell >= LEARNED
    blocked = not learns and (dead & (values[-1] >= ZEROS)).any()
    if not dead.any() or (dead.mean() < MOST_LAYERS and not blocked):
        return None
    return _finding(history, layers, step, values, dead, limit, fell)


def shares(gradients: Gradients) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Layers, steps and (steps, layers) shares of dead units; None where none were recorded."""
    return _complete(gradients, "dead_fraction", range(len(gradients.layers)))


def zeros(gradients: Gradients) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """The same of gradients that are exactly zero, of hidden layers that had a gradient at some time."""
    if "zero_fraction" not in gradients.figures:
        return None
    values = gradients.figures["zero_fraction"]
    norms = np.nan_to_num(gradients.norm)
    alive = [c for c in sum(hidden(gradients), []) if (values[:, c] < 1).any() and norms[:, c].max() > UNDERFLOW]
    return _complete(gradients, "zero_fraction", alive)


def _complete(gradients: Gradients, figure: str, columns) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """The columns with a number at the recordings that have one for all of these."""
    values = gradients.figures.get(figure)
    if values is None:
        return None
    rows = evenly(len(gradients.step))
    values = values[rows]
    columns = [column for column in columns if np.isfinite(values[:, column]).any()]
    whole = np.isfinite(values[:, columns]).all(axis=1)
    if not columns or not whole.any():
        return None
    return [gradients.layers[c] for c in columns], gradients.step[rows][whole], values[whole][:, columns]


def _finding(history: History, layers, step, values, dead, limit, fell) -> Finding:
    begins = onset(step, (values[:, dead] >= limit).any(axis=1))
    now, first = float(np.median(values[-1, dead])), float(np.median(values[0, dead]))
    died = now - first >= MORE
    figure = "dead_fraction" if limit == DEAD else "zero_fraction"
    evidence = {
        f"{figure}_of_those_layers": now,
        f"{figure}_at_first": first,
        "dead_layers": float(dead.sum()),
        "layers_with_rectifiers" if limit == DEAD else "hidden_layers": float(len(layers)),
    }
    evidence |= {f"{figure}.{layers[column]}": float(values[-1, column]) for column in np.flatnonzero(dead)[:8]}
    without = int((history.gradients.norm[-1] == 0).sum())
    if without:
        evidence["layers_without_gradient"] = float(without)
    if fell is not None:
        evidence["fall_of_training_loss"] = fell
    return Finding(
        name=Name.DEAD_UNITS,
        severity=float(np.clip(dead.mean() + (0.3 if without else 0.0), 0.3, 1.0)),
        confidence=(0.95 if limit == DEAD else 0.75) if len(step) >= 3 else 0.7,
        onset=Onset(begins, history.epoch_at(begins)),
        evidence=evidence,
        causes=_causes(history, died, without),
        ruled_out=_ruled_out(layers, values, dead, limit, died),
        today=_today(history, died),
        next_week=["start again from weights of before the onset: dead units do not come back"],
        confirm_by=[
            "the share of units that are zero on the whole validation set, not on one batch",
            "the biases of these layers, and the mean of what they receive: far below zero",
        ],
    )


def _causes(history: History, died: bool, without: int) -> list[Cause]:
    bias = Cause(cause="biases far below zero from the start, or initial weights that put the inputs there")
    rate = Cause(cause="a step too large threw the units below zero: the learning rate is too high")
    inputs = Cause(cause="inputs of these layers that are far from zero mean: no normalisation before them")
    if died:
        rate.for_.append("fewer were dead at first")
        bias.against.append("fewer were dead at first")
    else:
        bias.for_.append("they were dead in the first recording")
        rate.against.append("they were dead in the first recording")
    if (norm := network(history).get("norm")) is not None:
        (inputs.for_ if norm == "none" else inputs.against).append(f"norm is {norm}")
    rates = history.learning_rate.finite.value
    if died and len(rates):
        rate.for_.append(f"the highest rate was {rates.max():.1g}")
    causes = [rate, inputs, bias] if died else [bias, inputs, rate]
    return sorted(causes, key=lambda cause: len(cause.against) - len(cause.for_))


def _ruled_out(layers, values, dead, limit, died: bool) -> list[RuledOut]:
    names = [layer for layer, is_dead in zip(layers, dead, strict=True) if is_dead]
    listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    what = "units" if limit == DEAD else "gradients"
    ruled_out = [
        RuledOut(
            "rectifiers that are merely sparse",
            f"of those half are zero on a batch; in {listed} it is {np.median(values[-1, dead]):.0%} of the {what}",
        ),
        RuledOut("words that are not in the batch", "embeddings are not counted"),
    ]
    if limit == DEAD:
        ruled_out.append(RuledOut("frozen layers", "the units' outputs were looked at, not their gradients"))
    elif died:
        ruled_out.append(RuledOut("frozen layers", "they had more of a gradient at first"))
    return ruled_out


def _today(history: History, died: bool) -> list[Action]:
    lower = learning_rate(history, 0.1, also="with warm-up", flags="--warmup_steps 0.1")
    reference = history.settings.get("model") in ("transformer", "deep_mlp")
    gelu = Action(
        "an activation that does not die: gelu, leaky_relu", "--model_config activation=gelu" if reference else ""
    )
    start = Action(
        "initial weights made for rectifiers, biases of zero, a norm before each layer",
        "--model_config init=he,norm=pre" if reference else "",
    )
    return [lower, gelu, start] if died else [start, gelu, lower]
