"""Findings whose first remedies are known: each of them is tried by itself against the run as it was."""

from eval.diagnosis.advice import highest_rate, learning_rate
from eval.diagnosis.finding import Action, Name
from train.arguments import read_mapping
from train.treatments.budget import Load
from train.treatments.plan import (
    CONTROL,
    Arm,
    Case,
    Treatment,
    checkpoint_before,
    common_settings,
    remedies_study,
    settings_of_flags,
    starting_point,
)

OUTCOMES = {
    Name.PLATEAU: ("training_fall", ("validation_loss", "accuracy")),
    Name.UNDERFITTING: ("validation_loss", ("training_fall", "accuracy")),
    Name.UNDERTRAINED: ("validation_loss", ("accuracy",)),
    Name.DIVERGENCE: ("diverged", ("validation_loss", "accuracy")),
    Name.DEAD_UNITS: ("dead_share", ("validation_loss", "accuracy")),
    Name.DEGENERATE_MODEL: ("accuracy", ("validation_loss",)),
}
"""What each finding is judged by, and what its arms are ranked by as well."""
QUESTIONS = {
    Name.PLATEAU: "What makes the loss move?",
    Name.UNDERFITTING: "What lets the network learn its training rows?",
    Name.UNDERTRAINED: "Was the run too short, or its rate too low?",
    Name.DIVERGENCE: "What keeps the loss from getting lost?",
    Name.DEAD_UNITS: "What keeps the units alive?",
    Name.DEGENERATE_MODEL: "What makes the answers differ from row to row?",
}
CAUSES = {
    "learning_rate": "the learning rate is {}",
    "max_grad_norm": "single gradients that are too large",
    "precision": "numbers of too few digits",
    "tuning": "too little of the network is trained",
    "dropout": "too much regularisation",
    "weight_decay": "too much regularisation",
    "model_config": "the shape of the network",
    "num_train_epochs": "too few steps",
    "max_steps": "too few steps",
}
"""The cause that a remedy takes away, by the first of its flags."""
NO_REMEDY = ("max_train_samples",)
"""Checks rather than remedies: 32 rows learned by heart are no better run."""
LENGTHS = ("num_train_epochs", "max_steps")
OF_THE_START = (Name.PLATEAU, Name.UNDERFITTING, Name.UNDERTRAINED, Name.DEAD_UNITS, Name.DEGENERATE_MODEL)
"""Findings whose cause is there from the first step on."""
MOST_STEPS, FEWEST_STEPS = 240, 60


def treatment(case: Case) -> Treatment:
    """The control, and each action of the finding that has flags; where it has none, a lower and a higher rate."""
    name = case.finding.name
    actions = [action for action in case.finding.today if _settings(action)]
    actions = actions or [learning_rate(case.history, 0.1), learning_rate(case.history, 10)]
    arms = {CONTROL: Arm(words="as it was", flags={}, load=Load(case.step_rows))}
    for action in actions:
        flags = _settings(action)
        arms[_name(flags, arms, case)] = Arm(
            words=action.action, flags=flags, load=_load(case, flags), cause=_cause(case, flags)
        )
    size = case.fit(arms, wanted=min(case.steps, MOST_STEPS), least=FEWEST_STEPS)
    for arm in arms.values():
        _as_steps(case, arm.flags, size.steps)
    start = None if name in OF_THE_START else checkpoint_before(case)
    settings = common_settings(case, size, start=start)
    outcome, also = OUTCOMES[name]
    return Treatment(
        finding=name,
        question=QUESTIONS[name],
        study=remedies_study(case, "experiment", arms, settings, size),
        arms=arms,
        outcome=outcome,
        also=also,
        size=size,
        start=starting_point(case, start),
    )


def _settings(action: Action) -> dict:
    """The flags of an action as settings; {} where it has none, or is a check."""
    found = settings_of_flags(action.flags)
    if "model_config" in found:
        found["model_config"] = read_mapping(found["model_config"])
    return {} if any(flag in NO_REMEDY for flag in found) else found


def _name(flags: dict, taken: dict, case: Case) -> str:
    """A short name for an arm, by its first flag."""
    first = next(iter(flags))
    name = first
    if first == "learning_rate":
        name = "lower_rate" if float(flags[first]) < _rate(case) else "higher_rate"
    if first in LENGTHS:
        name = "longer"
    if first == "model_config":
        name = "_".join(f"{key}_{value}" for key, value in flags[first].items())[:40]
    return name if name not in taken else f"{name}_{len(taken)}"


def _cause(case: Case, flags: dict) -> str:
    first = next(iter(flags))
    word = "too high" if first == "learning_rate" and float(flags[first]) < _rate(case) else "too low"
    return CAUSES.get(first, f"the run's {first}").format(word)


def _rate(case: Case) -> float:
    return highest_rate(case.history) or case.trainer_args.learning_rate


def _load(case: Case, flags: dict) -> Load:
    """What an arm costs: more steps and half the speed of full precision count as more work."""
    return Load(case.step_rows, max(1.0, _times(case, flags)) * (2.0 if flags.get("precision") == "fp32" else 1.0))


def _times(case: Case, flags: dict) -> float:
    """How many times as long as the run an arm is."""
    if "max_steps" in flags:
        return float(flags["max_steps"]) / case.steps
    if "num_train_epochs" in flags and case.history.steps_per_epoch:
        return float(flags["num_train_epochs"]) * case.history.steps_per_epoch / case.steps
    return 1.0


def _as_steps(case: Case, flags: dict, steps: int) -> None:
    """Say the length of an arm in the steps of the experiment, which stand for those of the run."""
    if any(flag in flags for flag in LENGTHS):
        wanted = max(steps + 1, round(steps * _times(case, flags)))
        for flag in LENGTHS:
            flags.pop(flag, None)
        flags["max_steps"] = wanted
