"""A gradient that fades or grows from layer to layer: which change of the network suffices, and which interact?"""

from cli.errors import UserError
from eval.diagnosis.finding import Name
from train.studies.designs import FACTORIAL, FRACTIONAL, cell_name
from train.studies.plan import merge
from train.treatments.budget import Load, Size
from train.treatments.plan import (
    CONTROL,
    Arm,
    Case,
    Treatment,
    common_settings,
    one_study,
    remedies_study,
    seeds_of,
)

REMEDIES = {
    "residual": ("residual connections", "no residual connections", {"residual": True}),
    "activation": ("gelu", "an activation that saturates, or lets nothing pass", {"activation": "gelu"}),
    "init": ("he initialisation", "initial weights of the wrong size", {"init": "he"}),
    "norm": ("a norm before each layer", "no normalisation keeps the scale from layer to layer", {"norm": "pre"}),
}
"""Factor: what it changes, the cause that this takes away, and the setting of --model_config."""
WORDS = {"residual": "residual", "activation": "gelu", "init": "he", "norm": "norm"}
"""The same remedies in one word."""
SOUND = {
    "residual": (True,),
    "activation": ("gelu", "relu", "leaky_relu"),
    "init": ("he",),
    "norm": ("pre",),
}
"""What needs no remedy. Of the initialisations only he keeps the variance under an activation that does not saturate
(models.parts.initialise); beside a norm xavier does as well."""
ADAM = {"optim": "adamw_torch", "learning_rate": 1e-3}
"""Adam at its usual rate: what SGD was given is no rate for it."""
SHALLOW = 4
"""Layers of the network that is not deep."""
MOST_STEPS, FEWEST_STEPS = 240, 120
"""Fewer, and a network that learns has not told itself from one that does not."""
EVALUATIONS = 6
"""Of a run, which is judged by its training loss."""
AS_IT_WAS = "as_it_was"


def treatment(case: Case) -> Treatment:
    """A factorial of residual connections, activation, initialisation and normalisation, each as it was or sound.

    Beside it, each by itself: fewer layers and, where the run used SGD, Adam. A fraction of the factorial where the
    budget has no time for all of it; then every factor by itself is run as well. Raises UserError for a pretrained
    network, whose layers are what they are.
    """
    network = case.args.reference
    if network is None:
        raise UserError(
            f"{case.run.path}: a pretrained network's layers cannot be exchanged one by one; what can be done is a "
            "tenth of the learning rate with --warmup_steps 0.1, --max_grad_norm 1.0, or --tuning lora"
        )
    factors = {name: flags for name, (_, _, flags) in REMEDIES.items() if not _is_sound(name, network)}
    beside = _beside(case, network)
    if len(factors) < 2:
        return _one_by_one(case, factors, beside)
    levels = {name: {AS_IT_WAS: {}, _level(flags): {"model_config": flags}} for name, flags in factors.items()}
    try:
        return _factorial(case, levels, beside, None)
    except UserError:
        if len(factors) < 4:
            raise
        return _factorial(case, levels, beside, 4)


def _factorial(case: Case, levels: dict, beside: dict[str, Arm], resolution: int | None) -> Treatment:
    names = {factor: list(of) for factor, of in levels.items()}
    design = FACTORIAL if resolution is None else FRACTIONAL
    probe = one_study("experiment", case.settings, {}, design, levels, [0], resolution=resolution)
    arms = {cell_name(cell, names): _arm(case, levels, cell) for cell in probe.combinations()}
    singles = {}
    for factor, (_, other) in names.items():
        alone = {name: options[0] for name, options in names.items()} | {factor: other}
        if cell_name(alone, names) not in arms:
            singles[factor] = _arm(case, levels, alone)
    beside = singles | beside
    size = _fit(case, arms | beside, studies=1 + bool(beside))
    settings = common_settings(case, size)
    study = one_study(
        "experiment", case.settings, settings, design, levels, seeds_of(case, size), resolution=resolution
    )
    alone = None
    if beside:
        control = {CONTROL: Arm(words="as it was", flags={}, load=Load(case.step_rows))}
        alone = remedies_study(case, "alone", control | beside, settings, size)
        arms |= beside
    cut = (f"{len(probe.combinations())} of the {2 ** len(levels)} combinations",) * (resolution is not None)
    return _treatment(case, study, alone, arms, size, cut)


def _one_by_one(case: Case, factors: dict, beside: dict[str, Arm]) -> Treatment:
    """The arms of a network in which little can be remedied."""
    single = {
        name: Arm(
            words=REMEDIES[name][0],
            flags={"model_config": flags},
            load=Load(case.step_rows),
            cause=REMEDIES[name][1],
        )
        for name, flags in factors.items()
    }
    arms = {CONTROL: Arm(words="as it was", flags={}, load=Load(case.step_rows))} | single | beside
    if len(arms) == 1:
        raise UserError(f"{case.run.path}: its network has all that keeps gradients even: there is nothing to exchange")
    size = _fit(case, arms, studies=1)
    study = remedies_study(case, "experiment", arms, common_settings(case, size), size)
    return _treatment(case, study, None, arms, size, ())


def _fit(case: Case, arms: dict[str, Arm], studies: int) -> Size:
    wanted = min(case.steps, MOST_STEPS)
    return case.fit(arms, wanted=wanted, least=FEWEST_STEPS, studies=studies, evaluations=EVALUATIONS)


def _treatment(case: Case, study, alone, arms: dict[str, Arm], size, cut: tuple[str, ...]) -> Treatment:
    fading = case.finding.name == Name.VANISHING_GRADIENTS
    return Treatment(
        finding=case.finding.name,
        question=f"What lets the gradient {'fade' if fading else 'grow'} on its way to the input?",
        study=study,
        alone=alone,
        arms=arms,
        outcome="capped_training_loss",
        # More of the ratio is better where the gradient fades, not where it grows.
        also=("gradient_ratio",) * fading + ("validation_loss", "accuracy"),
        size=size,
        start="the run's own start",
        cut=cut,
    )


def _is_sound(name: str, network) -> bool:
    """Whether a setting of the network needs no remedy."""
    normed = name == "init" and network.init == "xavier" and network.norm != "none"
    return normed or getattr(network, name) in SOUND[name]


def _arm(case: Case, levels: dict, cell: dict[str, str]) -> Arm:
    changed = [name for name, level in cell.items() if level != AS_IT_WAS]
    flags: dict = {}
    for name in changed:
        flags = merge(flags, levels[name][cell[name]])
    return Arm(
        words=_words(changed),
        flags=flags,
        load=Load(case.step_rows),
        cause=REMEDIES[changed[0]][1] if len(changed) == 1 else None,
    )


def _words(changed: list[str]) -> str:
    """What an arm changes; of several changes one word each."""
    if len(changed) < 2:
        return REMEDIES[changed[0]][0] if changed else "as it was"
    return " + ".join(WORDS[name] for name in changed)


def _beside(case: Case, network) -> dict[str, Arm]:
    """What is no part of the factorial: fewer layers, and Adam for SGD."""
    found = {}
    if network.depth > SHALLOW:
        found["fewer_layers"] = Arm(
            words=f"{SHALLOW} layers for {network.depth}",
            flags={"model_config": {"depth": SHALLOW}},
            load=Load(case.step_rows, SHALLOW / network.depth),
            cause="too many layers",
        )
    optimiser = case.trainer_args.optim
    if "sgd" in str(getattr(optimiser, "value", optimiser)):
        cause = "an optimiser with one rate for all"
        found["adam"] = Arm(words="Adam for SGD", flags=dict(ADAM), load=Load(case.step_rows), cause=cause)
    return found


def _level(flags: dict) -> str:
    (value,) = flags.values()
    return "on" if value is True else str(value)
