import pytest
import yaml

from cli.errors import UsageError
from eval.run_directory import RunDirectory
from train.config import first_difference, parse, save_config


@pytest.fixture
def config(tmp_path):
    def write(text: str):
        path = tmp_path / "some.yaml"
        path.write_text(text)
        return f"--config={path}"

    return write


def test_flags_win_over_yaml_and_yaml_over_defaults(config):
    file = config("learning_rate: 3.0e-4\nnum_train_epochs: 2\n")
    _, trainer_args, _ = parse([file, "--num_train_epochs", "7"])
    assert trainer_args.learning_rate == 3e-4
    assert trainer_args.num_train_epochs == 7
    assert trainer_args.optim == "adamw_torch_fused"


def test_output_dir_is_named_after_the_config(config):
    assert parse([config("{}")])[1].output_dir == "runs/some"
    assert parse([])[1].output_dir == "runs/quickstart"


def test_yaml_types_pass_through_the_parsers_checks(config):
    ours, theirs, _ = parse(
        [config("learning_rate: 1e-4\nlora_target_modules: [query, value]\nbf16_full_eval: true\nsave_total_limit:")]
    )
    assert theirs.learning_rate == 1e-4
    assert ours.lora_target_modules == ["query", "value"]
    assert theirs.bf16_full_eval is True
    assert theirs.save_total_limit is None


def test_yaml_words_mean_what_they_say(config):
    ours, theirs, _ = parse(
        [config("eval_strategy: no\nload_best_model_at_end: no\nreport_to: [none]\nresume: true\nfast_cpu: off\n")]
    )
    assert theirs.eval_strategy == "no"
    assert theirs.report_to == []
    assert ours.resume == "last"
    assert not theirs.load_best_model_at_end and not ours.fast_cpu


def test_an_empty_yaml_is_all_defaults(config):
    assert parse([config("# nothing but words")])[1].num_train_epochs == 3


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        (["--bf16", "true"], "bf16"),
        (["--bf16", "false"], "fp32"),
        (["--fp16"], "fp16"),
        (["--precision", "fp32"], "fp32"),
    ],
)
def test_the_trainers_own_words_for_precision_work_too(flags, precision):
    _, trainer_args, settings = parse(flags)
    assert (trainer_args.precision, settings["precision"]) == (precision, precision)
    assert (trainer_args.bf16, trainer_args.fp16) == (precision == "bf16", precision == "fp16")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_precision_wins_over_what_accelerate_config_says(monkeypatch, precision):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    trainer_args = parse(["--precision", precision])[1]
    assert trainer_args.mixed_precision == {"fp32": "no"}.get(precision, precision)


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("learning_rat: 1", [], "unknown key 'learning_rat'; did you mean learning_rate?"),
        ("{}", ["--weight_decy", "0.1"], "unknown flag --weight_decy; did you mean --weight_decay?"),
        ("{}", ["--zzz", "1"], "unknown flag --zzz"),
        ("hub_token: x", [], "hub_token is no key here: use `hf auth login`"),
        ("{}", ["--bf16", "true", "--precision", "fp32"], "--bf16 true contradicts --precision fp32"),
        ("{}", ["--bf16", "--fp16"], "--bf16 and --fp16 contradict each other"),
        ("{}", ["--resume_from_checkpoint", "x"], "--resume_from_checkpoint is no flag here: use --resume"),
        ("seed: 1\nseed: 2", [], "not valid YAML at line 2 (seed stands twice)"),
        ("{}", ["--metric_for_best_model", "acc"], "must be one of loss, accuracy"),
        ("{}", ["--train_sampling_strategy", "bylength"], "must be one of group_by_length"),
        ("{}", ["--seed", "-1"], "--seed is -1: it must be 0 or more"),
        ("{}", ["--num_train_epochs", "inf"], "--num_train_epochs is inf: it must be a finite number"),
        ("{}", ["--label_smoothing_factor", "1.5"], "--label_smoothing_factor is 1.5"),
        ("{}", ["--adam_beta1", "2"], "--adam_beta1 is 2.0"),
        ("{}", ["--early_stopping_min_delta", "nan"], "--early_stopping_min_delta is nan"),
        (
            "{eval_strategy: no, save_strategy: no, load_best_model_at_end: false}",
            ["--early_stopping_patience", "2"],
            "needs --eval_strategy",
        ),
        ("{}", ["stray"], "unexpected argument 'stray'"),
        ("- a\n- b", [], "a config is a mapping"),
        ("a: [1", [], "not valid YAML at line 1"),
        ("? [a, b]\n: 1", [], "not valid YAML"),
        ("seed: 2026-13-45", [], "not valid YAML (month must be in 1..12)"),
        ("{}", ["--learning_rate", "fast"], "invalid float value: 'fast'"),
        ("{}", ["--tuning", "half"], "invalid choice: 'half'"),
        ("{}", ["--learning_rate", "0"], "--learning_rate is 0.0: it must be above 0"),
        ("{}", ["--learning_rate", "nan"], "--learning_rate is nan: it must be a finite number"),
        ("learning_rate: -1.0e-4", [], "--learning_rate is -0.0001: it must be above 0"),
        ("num_train_epochs: 0", [], "--num_train_epochs is 0.0: it must be above 0"),
        ("{}", ["--dropout", "1.5"], "--dropout is 1.5: it must be between 0 and 1"),
        ("{}", ["--per_device_train_batch_size", "0"], "--per_device_train_batch_size is 0"),
        ("{}", ["--save_strategy", "steps"], "save and eval strategy to match"),
        ("{}", ["--optim", "adamm"], "adamm"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(config, text, flags, message):
    with pytest.raises(UsageError) as error:
        parse([config(text), *flags])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_config_is_named():
    with pytest.raises(UsageError, match="no such config file"):
        parse(["--config", "nowhere.yaml"])


def test_saved_config_repeats_the_run(tmp_path):
    run = RunDirectory(tmp_path)
    *_, settings = parse(["--learning_rate", "2e-4", "--lr_scheduler_type", "cosine", "--output_dir", str(tmp_path)])
    save_config(run, settings)
    *_, again = parse(["--config", str(run.config)])
    assert again == settings
    assert first_difference(run, again) is None


def test_first_difference_names_the_setting(tmp_path):
    run = RunDirectory(tmp_path)
    *_, settings = parse(["--learning_rate", "2e-4"])
    save_config(run, settings)
    *_, other = parse(["--learning_rate", "3e-4", "--resume", "--output_dir", "elsewhere"])
    assert first_difference(run, other) == "learning_rate: 0.0002 (now 0.0003)"


def test_config_holds_every_setting_and_no_secret(tmp_path):
    run = RunDirectory(tmp_path)
    *_, settings = parse([])
    save_config(run, settings)
    saved = yaml.safe_load(run.config.read_text())
    assert {"learning_rate", "adam_beta2", "corpus", "model", "seed", "precision"} <= set(saved)
    assert "hub_token" not in saved
