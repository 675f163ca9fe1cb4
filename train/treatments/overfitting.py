"""A network that learns its rows by heart: which regularisation holds it, and what does it cost?"""

import numpy as np

from data.corpora import load_corpus
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
ENOUGH_SEEDS = 4
"""With six arms or seven, three tell little: a seed more comes before longer runs."""
EVALUATIONS = 10
"""Of a run: the test rows judge, these only say when to stop."""
PATIENCE = 3
"""Evaluations: they come more often here than in most runs."""
DECAY, MOST_DECAY = 0.1, 10.0
"""Of pretrained networks, and of others at most: AdamW keeps a weight below 1 / decay, however steady its gradient."""
AUGMENTED = 1.0
"""Edited copies a row."""
MORE = 4
"""Times the training rows, where the corpus has them."""
USUAL_DROPOUT, STRONG_DROPOUT = 0.1, 0.5
"""Of pretrained networks, and what networks that begin at random bear. Source: Srivastava and others, Dropout, JMLR 15,
2014."""
LORA_WORK = 0.8
"""Of a row through adapters: forward as ever, backward without the gradients of the weights. Assumed, not measured."""


def treatment(case: Case) -> Treatment:
    """Early stopping, weight decay, dropout, augmentation, more rows and less capacity, each alone against the control.

    All take as many steps. Fewer than the run's are as many passes over fewer rows: what overfits is the number of
    passes.
    """
    # A checkpoint of a reference network has the capacity that it has.
    start = checkpoint_before(case) if case.args.reference is None else None
    begun = int(start.name.rpartition("-")[2]) if start else 0
    wanted = max(1, min(case.steps - begun, MOST_STEPS))
    size = case.fit(
        _arms(case, wanted, case.train_rows),
        wanted=wanted,
        least=FEWEST_STEPS,
        evaluations=EVALUATIONS,
        enough_seeds=ENOUGH_SEEDS,
    )
    settings = common_settings(case, size, start=start)
    if start:
        # What the run did next, at the rate that it had come to; the first evaluation is what a rise is told from.
        settings |= {"learning_rate": rate_at(case, begun), "warmup_steps": 0, "eval_on_start": True}
    rows = rows_for(case, size.steps, case.steps - begun)
    arms = _arms(case, size.steps, rows, rate=settings.get("learning_rate"))
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


def rate_at(case: Case, step: int) -> float:
    """The learning rate that the run had at a step."""
    rates = case.history.learning_rate.finite
    if not len(rates):
        return case.trainer_args.learning_rate
    return float(f"{np.interp(step, rates.step, rates.value):.3g}")


def rows_for(case: Case, steps: int, of_the_run: int) -> int:
    """The training rows with which `steps` steps make as many passes as the run's own did over all of them."""
    passes = max(1.0, of_the_run * case.step_rows / case.train_rows)
    return min(case.train_rows, max(case.step_rows, round(steps * case.step_rows / passes)))


def _arms(case: Case, steps: int, rows: int, *, rate: float | None = None) -> dict[str, Arm]:
    """Those of runs of `steps` steps over `rows` rows, at the run's own learning rate when none is given."""
    load = Load(case.step_rows)
    stop = {
        "early_stopping_patience": PATIENCE,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "save_strategy": "best",
        "save_total_limit": 1,
    }
    decay = _decay(case, steps)
    reference = case.args.reference
    usual = reference.dropout if reference is not None else USUAL_DROPOUT
    own = usual if case.args.dropout is None else case.args.dropout
    dropout = min(0.5, own + 0.2) if reference is None else max(STRONG_DROPOUT, min(0.8, own + 0.2))
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
        **_augmentation(case),
        **_more_rows(case, rows),
        **_less_capacity(case, rate or case.trainer_args.learning_rate),
    }


def _augmentation(case: Case) -> dict[str, Arm]:
    """An edited copy of each row; none of a language model, whose texts are what it learns."""
    if case.args.task == "causal_lm":
        return {}
    arm = Arm(
        words="an edited copy of every training row",
        flags={"augment": AUGMENTED},
        load=Load(case.step_rows),
        cause="training rows that are too uniform",
    )
    return {"augmentation": arm}


def _decay(case: Case, steps: int) -> float:
    """Ten times the run's own; of a network that began at random, so much that a run forgets its first weights.

    AdamW and SGD alike shrink weights by the factor exp(-decay x the sum of the rates) over a run: here e, for a rate
    that falls to nothing. Less would be no test of weight decay. Source: Wang and Aitchison, How to set AdamW's weight
    decay as you scale model and dataset size, 2024. Pretrained weights are not to be forgotten.
    """
    least = max(DECAY, 10 * case.trainer_args.weight_decay)
    if case.args.reference is None:
        return least
    forgotten = 2 / (case.trainer_args.learning_rate * steps)
    return max(least, float(f"{min(forgotten, MOST_DECAY):.2g}"))


def _more_rows(case: Case, rows: int) -> dict[str, Arm]:
    """Up to MORE times as many rows; none where the run had all that there are."""
    args = case.args
    there = len(load_corpus(args.corpus, data_dir=args.data_dir, cut_validation=args.cut_validation).train)
    if there <= case.train_rows:
        return {}
    more = min(there, MORE * rows)
    arm = Arm(
        words=f"{more:,} training rows instead of {rows:,}",
        flags={"max_train_samples": more},
        load=Load(case.step_rows),
        cause="training rows that are too few",
    )
    return {"more_rows": arm}


def _less_capacity(case: Case, rate: float) -> dict[str, Arm]:
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
        layers = f"{half} layer{'s' * (half > 1)} instead of {whole}"
        words = layers if name == "depth" else f"a width of {half} instead of {whole}"
    elif case.args.tuning == "full":
        # Adapters take the larger steps that they are usually given.
        flags, work = {"tuning": "lora", "learning_rate": float(f"{10 * rate:.3g}")}, LORA_WORK
        words = "adapters only (LoRA), at ten times the rate"
    else:
        return {}
    return {"less_capacity": Arm(words=words, flags=flags, load=Load(case.step_rows, work), cause=cause)}
