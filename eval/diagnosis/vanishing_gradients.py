"""The gradient fades geometrically on its way to the input: the first layers do not learn."""

import numpy as np

from eval.diagnosis.depth_profile import Fit, Profile, fit, learned, onset, profile, ratios
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import History

RATIO = 1e-2
"""First to last hidden layer, on the line. Healthy networks have 0.1 to 10."""
SUREST = 1 / 3
"""What the whole 95% interval must be beyond."""
SEVERE = 1e-4
"""A ratio that no network learns well with, by head and last layers alone."""
LEARNED = 0.10
"""The fall of the training loss, as a share of its start, that speaks for a network which trains all the same."""
LEARNED_WELL = 0.5
"""The same where the ratio is severe: class frequencies, or those of words, can be learned by a head alone."""
AN_EFFECT = 0.5
"""What is left of the severity where the profile was even at first: training made it so."""

SHAPES = {
    "transformer": {"activation": "gelu", "residual": True, "norm": "pre", "init": "xavier"},
    "deep_mlp": {"activation": "relu", "residual": False, "norm": "none", "init": "he"},
}
"""What the reference networks are unless --model_config says otherwise."""


def detect(history: History) -> Finding | None:
    """Find a gradient that falls by about the same factor with each hidden layer towards the input.

    Judged by the ratio of layers, never by a size: small but even gradients are those of a network that has converged,
    gradients of exactly zero those of frozen layers. The last third of the recordings decides, so that a network which
    begins so and recovers is none, nor is one whose training loss falls. Assumed: hidden layers of about one kind; 4 or
    more of them. False alarms: none in 1,000 simulated profiles of 4 to 32 layers that lie within
    a factor of 10 of each other, none in 1,000 that wander by a factor of 1.4 from layer to layer.
    """
    if history.gradients is None or (shape := profile(history.gradients)) is None:
        return None
    line = fit(shape)
    if line is None or line.ratio > RATIO or line.surest_ratio > SUREST:
        return None
    fell = learned(history)
    if fell is not None and fell >= (LEARNED if line.ratio > SEVERE else LEARNED_WELL):
        return None
    return _finding(history, shape, line, fell)


def _finding(history: History, shape: Profile, line: Fit, fell: float | None) -> Finding:
    # Half the way in decades: a recording that is just above the limit does not begin it anew.
    step = onset(shape.step, ratios(shape) <= np.log10(RATIO) / 2)
    from_start = step <= shape.step[0]
    evidence = {
        "factor_per_layer": 10**line.rate,
        "factor_per_layer_low": 10**line.low,
        "factor_per_layer_high": 10**line.high,
        "first_to_last_layer": line.ratio,
        "hidden_layers": float(len(shape.layers)),
    }
    if line.without:
        evidence["layers_without_gradient"] = float(len(line.without))
    if fell is not None:
        evidence["fall_of_training_loss"] = fell
    return Finding(
        name=Name.VANISHING_GRADIENTS,
        severity=float(np.clip(-np.log10(line.ratio) / 6, 0.3, 1.0)) * (1.0 if from_start else AN_EFFECT),
        confidence=_confidence(shape, line, fell),
        onset=Onset(step, history.epoch_at(step)),
        evidence=evidence,
        causes=_causes(history, line, from_start),
        ruled_out=_ruled_out(shape, line, fell),
        today=_today(history),
        next_week=[
            "a warm-up and a lower rate, if the profile was even at first",
            "a study of depth, residual and norm: python train/study.py STUDY.yaml",
        ],
        confirm_by=[
            f"the profile of the first step, before any update: --grad_norm_steps 1; now {line.layers[0]} has "
            f"{line.ratio:.1g} of the gradient of {line.layers[-1]}",
            "update_norm over weight_norm by layer: the first layers do not move",
        ],
    )


def _confidence(shape: Profile, line: Fit, fell: float | None) -> float:
    if fell is None:
        return 0.8 if line.ratio < SEVERE else 0.7
    return 0.95 if len(shape.step) >= 3 else 0.85


def _causes(history: History, line: Fit, from_start: bool) -> list[Cause]:
    """The likeliest first, by what is known of the network."""
    shape = network(history)
    factor = 10**line.rate
    activation = Cause(cause="activations that saturate: a sigmoid passes at most a quarter of the gradient on")
    shortcut = Cause(cause="no residual connections: each layer's factor multiplies up")
    norm = Cause(cause="no normalisation keeps the scale from layer to layer")
    weights = Cause(cause="initial weights too small for the activation")
    late = Cause(cause="training drove the units into saturation: the learning rate is too high")
    for cause, setting, sick in (
        (activation, "activation", ("sigmoid", "tanh")),
        (shortcut, "residual", (False, "false", "False")),
        (norm, "norm", ("none",)),
        (weights, "init", ("small_normal",)),
    ):
        if setting in shape:
            (cause.for_ if shape[setting] in sick else cause.against).append(f"{setting} is {shape[setting]}")
    if 0.15 < factor < 0.35 and shape.get("activation") in (None, "sigmoid"):
        activation.for_.append(f"the factor per layer, {factor:.2f}, is that of a sigmoid (a quarter)")
    if from_start:
        late.against.append("the profile was so from the first recordings")
        weights.for_.append("the profile was so from the first recordings")
    else:
        late.for_.append("the profile was even at first")
        weights.against.append("the profile was even at first")
    causes = [activation, weights, shortcut, norm] if from_start else [late, activation, shortcut, norm, weights]
    return sorted(causes, key=lambda cause: len(cause.against) - len(cause.for_))


def _ruled_out(shape: Profile, line: Fit, fell: float | None) -> list[RuledOut]:
    ruled_out = [
        RuledOut(
            "small gradients of a network that has converged",
            f"those are even over the layers; here each layer has {10**line.rate:.2g} of the next one's",
        ),
        RuledOut(
            "frozen layers",
            f"{len(line.layers)} layers have a gradient, each a smaller one than the next"
            + (f"; {len(line.without)} have none at all and are left out" if line.without else ""),
        ),
    ]
    if len(shape.step) >= 3:
        ruled_out.append(RuledOut("a slow start", "the last third of the recordings is still so"))
    if fell is not None:
        ruled_out.append(RuledOut("a profile that does no harm", f"the training loss fell by {max(fell, 0):.0%} only"))
    return ruled_out


def _today(history: History) -> list[Action]:
    if history.settings.get("model") in ("transformer", "deep_mlp"):
        flags = "--model_config residual=true,norm=pre,activation=gelu,init=xavier"
        return [
            Action("residual connections, a norm before each layer, an activation that does not saturate", flags),
            Action("or rectifiers with the initialisation made for them", "--model_config activation=relu,init=he"),
            Action("fewer layers", "--model_config depth=4"),
        ]
    return [
        Action("residual connections and a norm before each layer"),
        Action("an activation that does not saturate (gelu, relu with he initialisation)"),
        Action("fewer layers"),
    ]


def network(history: History) -> dict[str, object]:
    """The shape of a reference network as far as it is known: what --model_config said over what the network has."""
    given = history.settings.get("model_config")
    known = SHAPES.get(str(history.settings.get("model")), {})
    return known | dict(given) if isinstance(given, dict) else dict(known)
