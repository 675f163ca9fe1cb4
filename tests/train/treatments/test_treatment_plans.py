"""The arms of each finding: what they change, and that train/run.py takes it."""

import pytest

from cli.errors import UserError
from eval.diagnosis.advice import learning_rate
from eval.diagnosis.finding import Action, Name
from eval.treatment.causes import NOISE, RATE
from train.studies.checking import check_cells
from train.treatments.budget import STUDY
from train.treatments.plan import flags_of, plan_for, settings_of_flags

WELL = {"residual": True, "activation": "gelu", "init": "xavier", "norm": "pre"}
SICK = {"residual": False, "activation": "sigmoid", "init": "small_normal", "norm": "none"}


def resolved(study):
    """{cell: the settings that train/run.py makes of it}, for the first seed."""
    return {one.cell.name: one.settings for one in check_cells(study)}


def differences(settings, control):
    return {key: value for key, value in settings.items() if value != control[key]}


def test_oscillation_is_a_factorial_of_rate_and_batch(write_run):
    run = write_run(learning_rate=0.5, optim="sgd", per_device_train_batch_size=8, seed=7)
    treatment = plan_for(run.case(Name.OSCILLATION))
    cells = resolved(treatment.study)
    assert list(cells) == list(treatment.arms) and len(cells) == 4
    control = cells["baseline"]
    # In terms of what the control is told, not of what the log reached: its factor is what the cause is told by.
    assert differences(cells["rate=lower"], control) == {"learning_rate": 0.0625}
    larger = differences(cells["batch=larger"], control)
    assert larger == {"per_device_train_batch_size": 64}
    assert cells["rate=lower,batch=larger"] == control | larger | {"learning_rate": 0.0625}
    assert treatment.hypotheses["rate=lower"] == RATE and treatment.hypotheses["batch=larger"] == NOISE
    assert treatment.times == {"lowered": 8.0, "enlarged": 8.0}
    assert (control["optim"], control["max_steps"]) == ("sgd", treatment.size.steps)
    assert control["max_steps"] // control["eval_steps"] >= 20


@pytest.mark.parametrize("steps", [60, 100, 150, 300])
def test_evaluations_of_an_oscillation_are_an_odd_number_of_steps_apart(write_run, steps):
    """A loss beyond the edge of stability swings every other step, which even distances never see."""
    settings = plan_for(write_run(steps=steps, per_device_train_batch_size=8).case(Name.OSCILLATION)).study.settings
    assert settings["eval_steps"] % 2 == 1 and settings["max_steps"] // settings["eval_steps"] >= 20


def test_batches_are_no_larger_than_there_are_rows(write_run):
    treatment = plan_for(write_run(per_device_train_batch_size=40).case(Name.OSCILLATION))
    # 96 rows: no eight times 40.
    assert treatment.times["enlarged"] * 40 <= 96 and treatment.times["lowered"] <= treatment.times["enlarged"]
    large = treatment.arms["batch=larger"]
    assert large.load.rows == large.flags["per_device_train_batch_size"] * large.flags["gradient_accumulation_steps"]


def test_batches_that_hold_all_rows_cannot_be_enlarged(write_run):
    with pytest.raises(UserError, match="half of all 96 training rows"):
        plan_for(write_run(per_device_train_batch_size=96).case(Name.OSCILLATION))


def test_seeds_are_fresh_in_the_experiment_and_again_in_the_cure(write_run):
    treatment = plan_for(write_run(seed=7, per_device_train_batch_size=8).case(Name.OSCILLATION))
    cure = treatment.cure("rate=lower")
    assert treatment.study.seeds[0] == 8 and not {7, *treatment.study.seeds} & set(cure.seeds)
    assert resolved(cure)["baseline"] | {"learning_rate": 6.25e-6} == list(resolved(cure).values())[1]
    near_the_end = plan_for(write_run("last", seed=2**32 - 1).case(Name.OSCILLATION))
    check_cells(near_the_end.cure("rate=lower"))


@pytest.mark.parametrize(("onset", "start"), [(None, None), (99, None), (100, 100), (250, 200), (1000, 300)])
def test_swings_begin_at_the_last_checkpoint_before_the_onset(write_run, onset, start):
    run = write_run()
    folders = {step: run.checkpoint(step) for step in (100, 200, 300)}
    (folders[300] / "half").write_text("")
    treatment = plan_for(run.case(Name.OSCILLATION, onset=onset))
    settings = treatment.study.settings
    assert settings.get("model") == (start and str(folders[start].resolve()))
    assert ("model_config" in settings) == (start is not None)
    if start is None:
        assert resolved(treatment.study)["baseline"]["model"] == "deep_mlp"


def test_a_half_written_checkpoint_is_no_start(write_run):
    run = write_run()
    run.checkpoint(100)
    (run.checkpoint(200) / "config.json").write_text("{ }")
    assert plan_for(run.case(Name.OSCILLATION, onset=250)).study.settings["model"].endswith("checkpoint-100")


def test_overfitting_has_five_remedies(write_run):
    run = write_run(weight_decay=0.05, dropout=0.2, learning_rate=0.002)
    treatment = plan_for(run.case(Name.OVERFITTING))
    cells = resolved(treatment.study)
    control = cells.pop("baseline")
    changed = {name.removeprefix("remedy="): differences(settings, control) for name, settings in cells.items()}
    assert list(treatment.arms)[1:] == list(changed)
    # Over 300 steps of a rate that falls from 0.002 to 0, weights shrink by the factor e.
    assert changed["weight_decay"] == {"weight_decay": 3.3}
    assert changed["dropout"] == {"dropout": 0.5}
    assert changed["augmentation"] == {"augment": 1.0}
    assert changed["less_capacity"] == {"model_config": {"depth": 3, "width": 16}}
    stop = changed["early_stopping"]
    assert stop["early_stopping_patience"] and stop["load_best_model_at_end"]
    assert stop["save_strategy"] == "best"


def test_a_language_model_is_not_treated_by_edited_copies(write_run):
    network = {"model": "transformer", "model_config": {"depth": 2, "width": 16, "heads": 2, "vocab_size": 300}}
    treatment = plan_for(write_run(task="causal_lm", **network).case(Name.OVERFITTING))
    assert "augmentation" not in treatment.arms and "dropout" in treatment.arms
    check_cells(treatment.study)


def test_less_capacity_of_a_pretrained_network_is_adapters(write_run, tiny_bert):
    pretrained = {"model": str(tiny_bert), "model_config": None}
    whole = plan_for(write_run("whole", **pretrained).case(Name.OVERFITTING))
    assert whole.arms["less_capacity"].flags["tuning"] == "lora"
    adapters = plan_for(write_run("adapters", **pretrained, tuning="lora").case(Name.OVERFITTING))
    assert "less_capacity" not in adapters.arms


def test_weight_decay_is_strong_where_nothing_was_learned_before(write_run, tiny_bert):
    def decay(name, **settings):
        return plan_for(write_run(name, **settings).case(Name.OVERFITTING)).arms["weight_decay"].flags["weight_decay"]

    assert decay("slow", learning_rate=1e-5) == 10
    assert decay("own", learning_rate=1e-2, weight_decay=0.3) == 3
    assert decay("pretrained", model=str(tiny_bert), model_config=None, learning_rate=1e-5) == 0.1


def test_more_rows_are_an_arm_where_there_are_more(write_run):
    few = plan_for(write_run("few", max_train_samples=16).case(Name.OVERFITTING))
    assert few.arms["more_rows"].flags == {"max_train_samples": 64}
    assert few.hypotheses["more_rows"] == "training rows that are too few"
    most = plan_for(write_run("most", max_train_samples=48).case(Name.OVERFITTING))
    assert most.arms["more_rows"].flags == {"max_train_samples": 96}
    assert "more_rows" not in plan_for(write_run("all").case(Name.OVERFITTING)).arms


def test_fewer_steps_are_as_many_passes(write_run):
    # 300 steps of 32 are 100 passes over 96 rows.
    case = write_run(seconds=3000.0).case(Name.OVERFITTING, budget=20000)
    treatment = plan_for(case)
    rows, steps = treatment.study.settings.get("max_train_samples", 96), treatment.size.steps
    assert steps < 300
    assert steps * 32 / rows == pytest.approx(100, rel=0.05) or rows == 32
    assert any("training rows" in line for line in treatment.cut) == (rows < 96)


@pytest.mark.parametrize("name", [Name.VANISHING_GRADIENTS, Name.EXPLODING_GRADIENTS])
def test_depth_is_a_factorial_of_what_is_not_sound(write_run, name):
    sick = {"depth": 12, "width": 16} | SICK | {"init": "he"}
    treatment = plan_for(write_run(model_config=sick, optim="sgd").case(name))
    assert list(treatment.study.factors) == ["residual", "activation", "norm"]
    cells = resolved(treatment.study)
    assert len(cells) == 8
    assert cells["residual=on,activation=gelu,norm=pre"]["model_config"] == sick | WELL | {"init": "he"}
    assert set(treatment.hypotheses) == {"residual=on", "activation=gelu", "norm=pre", "fewer_layers", "adam"}
    alone = resolved(treatment.alone)
    assert alone["remedy=fewer_layers"]["model_config"]["depth"] == 4
    assert alone["remedy=adam"]["optim"] == "adamw_torch"
    assert treatment.alone.seeds == treatment.study.seeds


def test_depth_without_sgd_has_no_adam(write_run):
    assert "adam" not in plan_for(write_run(model_config=SICK).case(Name.VANISHING_GRADIENTS)).arms


@pytest.mark.slow
def test_depth_with_little_time_is_a_fraction_and_every_remedy_alone(write_run):
    run = write_run(model_config={"depth": 4, "width": 16} | SICK, seconds=300.0)
    whole = plan_for(run.case(Name.VANISHING_GRADIENTS))
    assert whole.study.planned == 16 * whole.size.seeds and whole.alone is None
    # As little as the whole factorial lacks a second of.
    least = None
    for budget in range(120, 12000, 60):
        try:
            least = plan_for(run.case(Name.VANISHING_GRADIENTS, budget=budget))
            break
        except UserError:
            continue
    assert least.study.design == "fractional" and len(least.study.combinations()) == 8
    assert set(least.alone.levels["remedy"]) == {"control", "residual", "activation", "init", "norm"}
    assert any("8 of the 16" in line for line in least.cut)
    check_cells(least.study), check_cells(least.alone)


def test_depth_of_a_pretrained_network_is_refused_in_a_line(write_run, tiny_bert):
    run = write_run(model=str(tiny_bert), model_config=None)
    with pytest.raises(UserError, match="pretrained network's layers cannot be exchanged") as error:
        plan_for(run.case(Name.VANISHING_GRADIENTS))
    assert "\n" not in str(error.value)


def test_depth_where_one_thing_is_left_to_change(write_run):
    shape = {"depth": 3, "width": 16} | WELL | {"norm": "none", "init": "he"}
    treatment = plan_for(write_run(model_config=shape).case(Name.VANISHING_GRADIENTS))
    assert list(treatment.arms) == ["control", "norm"]
    check_cells(treatment.study)
    with pytest.raises(UserError, match="nothing to exchange"):
        plan_for(write_run("well", model_config=shape | WELL).case(Name.VANISHING_GRADIENTS))


def test_remedies_are_the_actions_that_have_flags(write_run):
    run = write_run()
    actions = [
        Action("learn 32 rows by heart", "--max_train_samples 32"),
        Action("look at the confusion matrix", "python eval/run.py RUN"),
        Action("read the rows"),
        Action("a tenth of the rate", "--learning_rate 5e-6 --warmup_steps 0.1"),
        Action("clip", "--max_grad_norm 0.5"),
        Action("another shape", "--model_config init=he,norm=pre"),
        Action("twice as long", "--max_steps 600"),
    ]
    treatment = plan_for(run.case(Name.DEAD_UNITS, *actions))
    assert list(treatment.arms) == ["control", "lower_rate", "max_grad_norm", "init_he_norm_pre", "longer"]
    cells = resolved(treatment.study)
    control = cells["baseline"]
    assert differences(cells["remedy=longer"], control) == {"max_steps": 2 * treatment.size.steps}
    assert cells["remedy=init_he_norm_pre"]["model_config"] == {"depth": 6, "width": 16, "init": "he", "norm": "pre"}
    assert treatment.hypotheses["lower_rate"] == "the learning rate is too high"
    assert treatment.arms["longer"].load.work == 2.0


@pytest.mark.parametrize("name", [name for name in Name if name not in ("healthy", "insufficient_evidence")])
def test_every_finding_has_a_treatment_of_a_reference_network(write_run, name):
    """Also one that the detectors did not find, about which nothing but its name is known."""
    treatment = plan_for(write_run(model_config=SICK).case(name))
    assert len(treatment.arms) >= 3
    for study in treatment.studies.values():
        check_cells(study)
    for remedy in list(treatment.arms)[1:]:
        check_cells(treatment.cure(remedy))


def test_budgets_reckon_with_every_study(write_run):
    run = write_run(model_config=SICK)
    treatment = plan_for(run.case(Name.VANISHING_GRADIENTS))
    assert treatment.alone is not None and treatment.size.seconds > 3 * STUDY


def test_flags_and_settings_are_two_ways_to_say_the_same(write_run):
    case = write_run().case(Name.PLATEAU)
    advised = learning_rate(case.history, 0.1, also="falling", flags="--lr_scheduler_type cosine").flags
    assert settings_of_flags(advised) == {"learning_rate": "5.0e-06", "lr_scheduler_type": "cosine"}
    assert settings_of_flags("python eval/run.py RUN") == settings_of_flags("") == {}
    settings = {"model_config": {"depth": 4, "residual": True}, "learning_rate": 0.00012, "optim": "sgd"}
    assert flags_of(settings) == "--model_config depth=4,residual=true --learning_rate 0.00012 --optim sgd"


def test_the_initialisation_fits_the_activation_or_there_is_a_norm(write_run):
    def factors(name, **shape):
        return list(plan_for(write_run(name, model_config=SICK | shape).case(Name.VANISHING_GRADIENTS)).study.factors)

    # Under a norm xavier does no harm; without one it is half of what a rectifier needs.
    assert factors("plain", init="xavier") == ["residual", "activation", "init", "norm"]
    assert factors("normed", init="xavier", norm="post") == ["residual", "activation", "norm"]
    assert factors("he", init="he") == ["residual", "activation", "norm"]


def test_depth_has_steps_enough_to_learn_in(write_run):
    run = write_run(model_config={"depth": 12, "width": 16} | SICK)
    for budget in range(60, 2000, 60):
        try:
            assert plan_for(run.case(Name.VANISHING_GRADIENTS, budget=budget)).size.steps >= 120
        except UserError:
            continue
