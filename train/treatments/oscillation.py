"""A loss that swings: is the learning rate too high, are the gradients too noisy, or both?"""

from cli.errors import UserError
from eval.treatment.causes import BOTH, NOISE, RATE
from train.studies.designs import FACTORIAL, cell_name
from train.treatments.budget import Load
from train.treatments.plan import (
    Arm,
    Case,
    Treatment,
    checkpoint_before,
    common_settings,
    one_study,
    seeds_of,
    starting_point,
)

LOWER = 8
"""How many times lower the other learning rate is, at most: no more than the batches are larger.

Less would leave a swing where the rate is 10 times too high.
"""
LARGER, LARGE = (8, 4), 64
"""The other batches are so many times larger, as the budget allows, or of so many rows, whichever is more."""
AT_ONCE = 64
"""Rows that go through the network at once; larger batches are accumulated, as on a GPU of the run's size."""
MOST_STEPS, FEWEST_STEPS = 240, 60
EVALUATIONS = 24
"""Of a run: the swing is told from what follows the first third of them."""

AS_IT_WAS = "as_it_was"


def treatment(case: Case) -> Treatment:
    """A 2 by 2 factorial of learning rate and batch size from the same weights.

    A rate above what the curvature bears swings whatever the batch; noise of the gradient is divided by the rate and by
    the batch alike. So larger batches alone tell the two apart. Source of the second: Smith and Le, A Bayesian
    perspective on generalization and stochastic gradient descent, 2018, whose noise scale is rate over batch.
    """
    if 2 * case.step_rows > case.train_rows:
        raise UserError(
            f"{case.run.path}: a batch holds half of all {case.train_rows:,} training rows: its gradients have little "
            "noise to blame: lower --learning_rate"
        )
    try:
        return _factorial(case, LARGER[0])
    except UserError:
        return _factorial(case, LARGER[1])


def _factorial(case: Case, times: int) -> Treatment:
    rows, larger = larger_batch(case, times)
    enlarged = rows / case.step_rows
    lowered = min(float(LOWER), enlarged)
    lower = {"learning_rate": float(f"{case.trainer_args.learning_rate / lowered:.3g}")}
    levels = {"rate": {AS_IT_WAS: {}, "lower": lower}, "batch": {AS_IT_WAS: {}, "larger": larger}}
    words = {
        "rate": f"a learning rate {lowered:g} times lower",
        "batch": f"batches of {rows} rows for {case.step_rows}",
    }
    names = {factor: list(of) for factor, of in levels.items()}
    changes = {
        (AS_IT_WAS, AS_IT_WAS): ("as it was", {}, case.step_rows, None),
        (AS_IT_WAS, "larger"): (words["batch"], larger, rows, NOISE),
        ("lower", AS_IT_WAS): (words["rate"], lower, case.step_rows, RATE),
        ("lower", "larger"): (" and ".join(words.values()), lower | larger, rows, BOTH),
    }
    arms = {
        cell_name(dict(zip(levels, corner, strict=True)), names): Arm(
            words=told, flags=flags, load=Load(of_a_step), cause=cause
        )
        for corner, (told, flags, of_a_step, cause) in changes.items()
    }
    size = case.fit(arms, wanted=min(case.steps, MOST_STEPS), least=FEWEST_STEPS, evaluations=EVALUATIONS)
    start = checkpoint_before(case)
    settings = common_settings(case, size, start=start)
    # Odd: beyond the edge of stability a loss swings every other step, which even distances never see.
    settings["eval_steps"] |= 1
    return Treatment(
        finding=case.finding.name,
        question="Is the learning rate too high, or is the gradient of a batch too noisy?",
        study=one_study("experiment", case.settings, settings, FACTORIAL, levels, seeds_of(case, size)),
        arms=arms,
        outcome="swing",
        times={"lowered": lowered, "enlarged": enlarged},
        size=size,
        start=starting_point(case, start),
    )


def larger_batch(case: Case, times: int) -> tuple[int, dict]:
    """The rows of batches `times` larger, at most all there are, and the flags that make them."""
    args = case.trainer_args
    device, world = args.per_device_train_batch_size, args.world_size
    wanted = min(max(times * case.step_rows, LARGE), case.train_rows)
    if device * world <= AT_ONCE:
        device = max(device, min(AT_ONCE // world, case.train_rows))
    accumulated = max(1, wanted // (device * world))
    flags = {"per_device_train_batch_size": device, "gradient_accumulation_steps": accumulated}
    return device * world * accumulated, flags
