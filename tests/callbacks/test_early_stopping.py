import copy
import json
import math
from types import SimpleNamespace

import pytest
from transformers import EarlyStoppingCallback, TrainerControl, TrainerState

from callbacks.early_stopping import EarlyStopping
from cli.errors import UserError

NO_ARGS = SimpleNamespace()


def stopping_evaluation(callback, values, name="eval_accuracy"):
    """The evaluation, counted from 1, at which the callback stops; None where it never does."""
    state, control = TrainerState(stateful_callbacks=[]), TrainerControl()
    callback.on_train_begin(NO_ARGS, state, control)
    for evaluation, value in enumerate(values, start=1):
        state.global_step = 10 * evaluation
        callback.on_evaluate(NO_ARGS, state, control, metrics={name: value})
        if control.should_training_stop:
            return evaluation
    return None


def transformers_stopping_evaluation(values, *, patience, threshold):
    """The same of transformers' own callback, with the Trainer's bookkeeping of the best metric."""
    callback = EarlyStoppingCallback(patience, threshold)
    args = SimpleNamespace(metric_for_best_model="accuracy", greater_is_better=True)
    state, control = TrainerState(stateful_callbacks=[]), TrainerControl()
    for evaluation, value in enumerate(values, start=1):
        callback.on_evaluate(args, state, control, metrics={"eval_accuracy": value})
        state.best_metric = value if state.best_metric is None else max(value, state.best_metric)
        if control.should_training_stop:
            return evaluation
    return None


def test_slow_steady_gains_add_up_where_transformers_stops():
    rising = [0.5 + 0.009 * i for i in range(20)]
    assert transformers_stopping_evaluation(rising, patience=3, threshold=0.01) == 4
    assert stopping_evaluation(EarlyStopping("accuracy", min_delta=0.01, patience=3), rising) is None


def test_gains_below_min_delta_altogether_stop():
    rising = [0.5 + 0.001 * i for i in range(20)]
    assert stopping_evaluation(EarlyStopping("accuracy", min_delta=0.01, patience=3), rising) == 4


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_without_min_delta_it_stops_where_transformers_does(patience):
    values = [0.5, 0.6, 0.55, 0.61, 0.6, 0.61, 0.59, 0.62, 0.6, 0.6, 0.6, 0.6, 0.6]
    expected = transformers_stopping_evaluation(values, patience=patience, threshold=0.0)
    assert stopping_evaluation(EarlyStopping("accuracy", patience=patience), values) == expected


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("eval_loss", [0.5, 0.4, 0.6, 0.7]),
        ("log_loss", [0.5, 0.4, 0.6, 0.7]),
        ("perplexity", [5, 4, 6, 7]),
        ("accuracy", [0.5, 0.6, 0.4, 0.3]),
        ("eval_f1", [0.5, 0.6, 0.4, 0.3]),
    ],
)
def test_the_direction_follows_from_the_name(metric, values):
    name = metric if metric.startswith("eval_") else f"eval_{metric}"
    callback = EarlyStopping(metric, patience=2)
    assert stopping_evaluation(callback, values, name) == 4
    assert (callback.best, callback.best_step) == (values[1], 20)


def test_a_given_direction_wins_over_the_name():
    assert stopping_evaluation(EarlyStopping("loss", greater_is_better=True, patience=2), [3, 2, 1], "eval_loss") == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_improvement_and_never_the_best(bad):
    callback = EarlyStopping("loss", patience=3)
    assert stopping_evaluation(callback, [bad, bad, 0.5, bad, 0.4, bad, bad, bad], "eval_loss") == 8
    assert callback.best == 0.4
    assert stopping_evaluation(EarlyStopping("loss", patience=3), [bad] * 5, "eval_loss") == 3


def test_smoothing_judges_the_exponential_average():
    values, smoothing = [1.0, 0.2, 0.9, 0.1, 1.0], 0.8
    callback = EarlyStopping("loss", smoothing=smoothing, patience=9)
    stopping_evaluation(callback, [*values[:3], math.nan, *values[3:]], "eval_loss")
    averages = values[:1]
    for value in values[1:]:
        averages.append(smoothing * averages[-1] + (1 - smoothing) * value)
    assert callback.average == pytest.approx(averages[-1])
    assert callback.best == pytest.approx(min(averages))


def test_the_stop_is_written_down(toy, journal, events, make_trainer):
    callback = EarlyStopping("loss", min_delta=10.0, patience=2, journal=journal)
    trainer = make_trainer(toy, [callback], eval_strategy="steps", eval_steps=2)
    trainer.train()
    assert trainer.state.global_step == 6
    (event,) = events("early_stopping")
    first = next(row["eval_loss"] for row in trainer.state.log_history if "eval_loss" in row)
    assert (event["step"], event["best"], event["best_step"], event["patience"]) == (6, first, 2, 2)


def test_a_metric_that_is_not_reported_is_named_with_those_that_are(toy, make_trainer):
    trainer = make_trainer(toy, [EarlyStopping("acuracy")], eval_strategy="steps", eval_steps=2)
    with pytest.raises(UserError, match="eval_acuracy.*eval_loss"):
        trainer.train()


def test_several_evaluation_sets_are_no_mistake(toy, make_trainer):
    callback = EarlyStopping("eval_b_loss", min_delta=10.0, patience=2)
    trainer = make_trainer(toy, [callback], eval_strategy="steps", eval_steps=2)
    trainer.eval_dataset = {"a": trainer.eval_dataset, "b": trainer.eval_dataset}
    trainer.train()
    assert trainer.state.global_step == 6


def test_an_evaluation_outside_of_training_does_not_count(toy, make_trainer):
    callback = EarlyStopping("loss", patience=1, min_delta=10.0)
    trainer = make_trainer(toy, [callback], eval_strategy="epoch")
    trainer.train()
    # As if the last evaluation had been at another step, and the run not at its end.
    trainer.state.global_step += 1
    trainer.control.should_training_stop = False
    trainer.evaluate(metric_key_prefix="test")
    trainer.evaluate()
    assert callback.waited == 0
    assert "test_loss" not in callback.available
    assert not trainer.control.should_training_stop


@pytest.mark.slow
@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("overrides", [{}, {"smoothing": 0.5}])
def test_a_resumed_run_stops_where_the_uninterrupted_one_does(toy, make_trainer, tmp_path, restore, overrides):
    def trainer():
        callback = EarlyStopping("loss", min_delta=0.3, patience=3, **overrides)
        return make_trainer(
            copy.deepcopy(toy),
            [callback],
            eval_strategy="steps",
            eval_steps=1,
            save_strategy="steps",
            save_steps=1,
            restore_callback_states_from_checkpoint=restore,
            num_train_epochs=2,
        )

    whole = trainer()
    whole.train()
    stop = whole.state.global_step
    assert 4 <= stop < 16
    resumed = trainer()
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{stop - 1}"))
    assert resumed.state.global_step == stop


def checkpointed(callback, *others):
    """A TrainerState as it comes back from a checkpoint."""
    state = TrainerState(stateful_callbacks=[callback, *others], global_step=40)
    return TrainerState(**json.loads(json.dumps(vars(state))))


def test_a_run_killed_right_after_the_stop_does_not_go_on():
    callback = EarlyStopping("loss", patience=2)
    assert stopping_evaluation(callback, [1.0, 2.0, 3.0], "eval_loss") == 3
    control = TrainerControl()
    EarlyStopping("loss", patience=2).on_train_begin(NO_ARGS, checkpointed(callback), control)
    assert control.should_training_stop


def test_each_of_several_finds_its_own_state():
    loss, accuracy = EarlyStopping("loss"), EarlyStopping("accuracy")
    stopping_evaluation(loss, [0.5, 0.6], "eval_loss")
    stopping_evaluation(accuracy, [0.7, 0.8])
    state = checkpointed(loss, accuracy)
    # The Trainer appends to the list at every save.
    stopping_evaluation(loss, [0.4, 0.6, 0.7], "eval_loss")
    state.stateful_callbacks["EarlyStopping"] += [loss.state(), accuracy.state()]
    for callback, best, waited in ((EarlyStopping("loss"), 0.4, 2), (EarlyStopping("accuracy"), 0.8, 0)):
        callback.on_train_begin(NO_ARGS, state, TrainerControl())
        assert (callback.best, callback.waited) == (best, waited)


def test_a_new_run_begins_anew():
    callback = EarlyStopping("accuracy", patience=2)
    assert stopping_evaluation(callback, [0.9, 0.8, 0.7]) == 3
    assert stopping_evaluation(callback, [0.5, 0.6, 0.7, 0.6, 0.6]) == 5


def test_an_evaluation_repeated_at_its_step_counts_once():
    callback = EarlyStopping("loss", patience=2)
    state, control = TrainerState(stateful_callbacks=[]), TrainerControl()
    callback.on_train_begin(NO_ARGS, state, control)
    for step in (0, 0, 10, 10):
        state.global_step = step
        callback.on_evaluate(NO_ARGS, state, control, metrics={"eval_loss": 1.0})
    assert callback.waited == 1
