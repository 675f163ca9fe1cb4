"""A network that learns its rows by heart: which regularisation holds it, and what does it cost?"""

from train.treatments.budget import Load
from train.treatments.plan import (
    CONTROL,
    Arm,
    Case,
    Treatment,
    checkpoint_before,
    common_settings,
    remedies_study,
    starting_point,
)

MOST_STEPS, FEWEST_STEPS = 400, 48
EVALUATIONS = 10
"""Of a run: the test rows judge, these only say when to stop."""
PATIENCE = 3
"""Evaluations: they come more often here than in most runs."""
DECAY = 0.1
AUGMENTED = 1.0
"""Edited copies a row."""
USUAL_DROPOUT = 0.1
"""Of pretrained networks."""
LORA_WORK = 0.8
"""Of a row through adapters: forward as ever, backward without the gradients of the weights. Assumed, not measured."""


def treatment(case: Case) -> Treatment:
    """Early stopping, weight decay, dropout, augmentation and less capacity, each alone against the control.

    Fewer steps than the run's are as many passes over fewer rows: what overfits is the number of passes.
    """
    # A checkpoint of a reference network has the capacity that it has.
    start = checkpoint_before(case) if case.args.reference is None else None
    arms = _arms(case)
    begun = int(start.name.rpartition("-")[2]) if start else 0
    wanted = max(1, min(case.steps - begun, MOST_STEPS))
    size = case.fit(arms, wanted=wanted, least=FEWEST_STEPS, evaluations=EVALUATIONS)
    settings = common_settings(case, size, start=start)
    rows = rows_for(case, size.steps, case.steps - begun)
    if rows < case.train_rows:
        settings["max_train_samples"] = rows
    return Treatment(
        finding=case.finding.name,
        question="What keeps the validation loss from rising, and what does that cost?",
        study=remedies_study(case, "experiment", arms, settings, size),
        arms=arms,
        outcome="test_loss",
        also=("f1", "calibration"),
        size=size,
        start=starting_point(case, start),
        cut=(f"{rows:,} of {case.train_rows:,} training rows, for as many passes",) * (rows < case.train_rows),
    )


def rows_for(case: Case, steps: int, of_the_run: int) -> int:
    """The training rows with which `steps` steps make as many passes as the run's own did over all of them."""
    passes = max(1.0, of_the_run * case.step_rows / case.train_rows)
    return min(case.train_rows, max(case.step_rows, round(steps * case.step_rows / passes)))


def _arms(case: Case) -> dict[str, Arm]:
    load = Load(case.step_rows)
    stop = {
        "early_stopping_patience": PATIENCE,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "save_strategy": "best",
        "save_total_limit": 1,
    }
    decay = max(DECAY, 10 * case.trainer_args.weight_decay)
    reference = case.args.reference
    usual = reference.dropout if reference is not None else USUAL_DROPOUT
    dropout = min(0.5, (usual if case.args.dropout is None else case.args.dropout) + 0.2)
    return {
        CONTROL: Arm(words="as it was", flags={}, load=load),
        "early_stopping": Arm(
            words=f"stop after {PATIENCE} evaluations without improvement, keep the best model",
            flags=stop,
            load=load,
            cause="more passes over the data than it bears",
        ),
        "weight_decay": Arm(
            words=f"weight decay of {decay:g}",
            flags={"weight_decay": decay},
            load=load,
            cause="weights that grow without a price",
        ),
        "dropout": Arm(
            words=f"dropout of {dropout:g}",
            flags={"dropout": dropout},
            load=load,
            cause="units that rely on each other",
        ),
        "augmentation": Arm(
            words="an edited copy of every training row",
            flags={"augment": AUGMENTED},
            load=load,
            cause="too few and too uniform training rows",
        ),
        **_less_capacity(case),
    }


def _less_capacity(case: Case) -> dict[str, Arm]:
    """Half the layers of a reference network, or half its width; adapters in a pretrained one that is trained whole."""
    cause = "more capacity than the rows fill"
    reference = case.args.reference
    if reference is not None:
        name = "depth" if reference.depth > 1 else "width"
        whole = getattr(reference, name)
        half = max(1, whole // 2)
        if half % getattr(reference, "heads", 1) and name == "width":
            return {}
        flags, work = {"model_config": {name: half}}, half / whole
        words = f"{half} layers for {whole}" if name == "depth" else f"a width of {half} for {whole}"
    elif case.args.tuning == "full":
        # Adapters take the larger steps that they are usually given.
        flags, work = {"tuning": "lora", "learning_rate": 10 * case.trainer_args.learning_rate}, LORA_WORK
        words = "adapters only (LoRA), at ten times the rate"
    else:
        return {}
    return {"less_capacity": Arm(words=words, flags=flags, load=Load(case.step_rows, work), cause=cause)}
