"""What a study's file may say, and the one line it gets where it says something else."""

import random
import re
from pathlib import Path

import pytest
import yaml

from cli.errors import UsageError
from eval.language_metrics import language_metrics_with_intervals
from eval.metrics import metrics_with_intervals
from train.config import resolve
from train.studies.checking import METRICS, check_cells
from train.studies.command import changes
from train.studies.study_file import KEYS, OWN, SHIPPED, read_study
from train.study import parse

BASE = {"metric": "test.accuracy", "factors": {"dropout": [0.1, 0.0]}}
RATE = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}
SEARCH = {"design": "search", "metric": "validation.log_loss", "factors": RATE}
CAUSAL = {"task": "causal_lm", "model": "transformer"}
DEPTHS = {"a": {}, "b": {"model_config": {"depth": 2}}}
THREE = {"dropout": [0.1, 0], "weight_decay": [0, 1], "warmup_steps": [0, 1]}
QUICKSTART = str(SHIPPED.parent / "quickstart.yaml")


def factors(**given):
    return BASE | {"factors": given}


@pytest.fixture
def study(tmp_path):
    def read(content, *flags, max_cells=500):
        path = tmp_path / "some.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return read_study(path, list(flags), max_cells)

    return read


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_study_is_what_its_first_lines_say(path):
    study = read_study(path, [], 500)
    assert f"# {study.planned} runs" in path.read_text()
    assert check_cells(study)


def test_the_page_on_studies_holds_a_study_and_names_every_key(tmp_path):
    page = Path(__file__).parents[3].joinpath("docs", "studies.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1)
    (tmp_path / "example.yaml").write_text(example.replace("../quickstart.yaml", QUICKSTART))
    study = read_study(tmp_path / "example.yaml", [])
    assert study.planned == 15 and len(check_cells(study)) == 3
    table = page.split("| key |")[1].split("\n\n")[0]
    named = {
        word
        for line in table.split("\n")
        for word in re.split(r", | or ", line.split("|")[1].strip() if "|" in line else "")
    }
    assert set(KEYS) <= named


def test_the_command_takes_its_own_flags_and_leaves_the_others():
    args, flags = parse(["some.yaml", "--dry-run", "--learning_rate", "1e-3", "--workers=2"])
    assert (args.dry_run, args.workers, str(args.study_dir), flags) == (
        *(True, 2, "studies/some"),
        ["--learning_rate", "1e-3"],
    )
    for wrong in (["--workers", "0"], ["--max_cells", "-1"], ["--workers", "two"], ["--storage"], []):
        with pytest.raises(UsageError):
            parse([*(["some.yaml"] if wrong else []), *wrong])


def test_a_cell_is_the_base_then_the_settings_then_its_levels_then_the_flags(study):
    given = {
        "base": QUICKSTART,
        "settings": {"learning_rate": 2e-4, "max_train_samples": 9, "model": "transformer", "model_config": "depth=2"},
        "factors": {"heads": {"two": {"model_config": {"heads": 2}}, "four": {"model_config": "heads=4,width=8"}}},
    }
    found = study(BASE | given, "--max_train_samples", "7", "--model_config", "activation=relu")
    two, four = (one.settings for one in check_cells(found))
    assert two["corpus"] == "reviews" and two["learning_rate"] == 2e-4 and two["max_train_samples"] == 7
    assert two["model_config"] == {"depth": 2, "heads": 2, "activation": "relu"}
    assert four["model_config"] == {"depth": 2, "heads": 4, "width": 8, "activation": "relu"}


def test_cells_go_through_all_levels_with_one_seed_before_the_next(study):
    found = study(BASE | {"seeds": [3, 1], "factors": {"dropout": [0.1, 0.0], "tuning": ["full", "lora"]}})
    names = ["baseline", "dropout=0", "tuning=lora"]
    assert [cell.key for cell in found.cells()] == [f"{name}-seed{seed}" for seed in (3, 1) for name in names]
    assert found.planned == len(found.cells()) == 6


def test_levels_are_named_in_the_words_of_yaml(study):
    levels = {"dropout": [None, 0.1, 1e-4, 0.12345678], "fast_cpu": [True, False], "lora_target_modules": [["a"], None]}
    assert study(factors(**levels)).levels == {
        "dropout": ["none", "0.1", "0.0001", "0.12345678"],
        "fast_cpu": ["true", "false"],
        "lora_target_modules": ["a", "none"],
    }


def test_a_range_is_whole_only_for_a_whole_flag_and_reads_numbers_that_yaml_takes_for_text(study):
    text = "design: search\nmetric: validation.log_loss\nfactors:\n  learning_rate: {low: 1e-5, high: 1e-3}\n"
    text += "  weight_decay: {low: 0, high: 1}\n  per_device_train_batch_size: {low: 8, high: 64}\n"
    ranges = study(text).ranges
    assert (ranges["learning_rate"].low, ranges["learning_rate"].high) == (1e-5, 1e-3)
    assert not ranges["weight_decay"].is_whole and ranges["per_device_train_batch_size"].is_whole


def test_levels_may_be_called_low_and_high(study):
    rates = {"low": {"learning_rate": 1e-5}, "high": {"learning_rate": 1e-3}}
    assert study(factors(rate=rates)).levels == {"rate": ["low", "high"]}


def test_a_search_is_checked_at_the_ends_of_its_ranges_and_at_every_level(study):
    found = study(SEARCH | {"factors": RATE | {"tuning": ["full", "lora"]}})
    seen = {one.cell.name: (one.settings["learning_rate"], one.settings["tuning"]) for one in check_cells(found)}
    assert seen == {"the low ends": (1e-5, "full"), "the high ends": (1e-3, "full"), "tuning=lora": (1e-5, "lora")}


def test_a_figure_of_reliability_is_one_that_every_run_measures(study):
    reliable = {"metric": "reliability.confident_errors", "guards": {"reliability.imdb_accuracy": 0, "test.auc": 0.01}}
    risks = {"measure": "out_of_domain,overconfidence"}
    found = study(BASE | reliable | {"settings": risks})
    assert check_cells(found) and found.guards == {"reliability.imdb_accuracy": 0.0, "test.auc": 0.01}
    for given, message in (
        ({}, "metric is reliability.confident_errors, .*: write `measure: overconfidence` under settings"),
        (
            {"settings": {"measure": "overconfidence"}},
            "guards names reliability.imdb_accuracy, .*: write `measure: overconfidence,out_of_domain` under settings",
        ),
        (
            {"settings": risks, "factors": {"asked": {"yes": {}, "no": {"measure": "out_of_domain"}}}},
            "metric is reliability.confident_errors, which its runs do not measure",
        ),
        ({"settings": CAUSAL | risks}, "settings: --measure asks for judgements, and --task causal_lm makes none"),
    ):
        with pytest.raises(UsageError, match=message):
            check_cells(study(BASE | reliable | given))
    with pytest.raises(UsageError, match="guards names test.accuracy, and --task causal_lm measures loss, perplexity"):
        check_cells(study(BASE | {"metric": "test.loss", "guards": {"test.accuracy": 0}, "settings": CAUSAL}))


def test_what_a_study_is_judged_by_may_change_and_is_told(study):
    """Not what its runs are; a hypothesis is one line whatever YAML made of it."""
    one = study(BASE | {"hypothesis": "It\n  helps."})
    other = study(BASE | {"hypothesis": "It hurts.", "guards": {"test.auc": 0.01}, "margin": 0.02, "seeds": 6})
    assert one.hypothesis == "It helps." and one.definition == other.definition
    assert changes(one, other) == [
        "hypothesis: It helps. (now It hurts.)",
        "margin: none (now 0.02)",
        "guards: none (now test.auc 0.01)",
        "seeds: 5 (0, 1, 2, 3, 4) (now 6 (0, 1, 2, 3, 4, 5))",
    ]
    assert changes(one, one) == []


def test_adding_seeds_or_moving_the_data_leaves_it_the_same_study(study):
    one = study(BASE | {"seeds": 3}, "--data_dir", "here", "--learning_rate", "1e-3").definition
    assert one == study(BASE | {"seeds": 5}, "--data-dir=there", "--learning_rate", "1e-3").definition
    assert one != study(BASE | {"seeds": 3}, "--data_dir", "here", "--learning_rate", "1e-4").definition


def test_the_metrics_of_a_task_are_those_of_its_runs():
    probabilities, labels = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1]
    assert tuple(metrics_with_intervals(probabilities, labels, resamples=2)) == METRICS["classification"]
    assert tuple(language_metrics_with_intervals([1.0, 2.0], [3, 4])) == METRICS["causal_lm"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("factors: [\n", "not valid YAML at line 2"),
        ("- a\n", "a mapping of `key: value` lines, not a list"),
        ("? [a]\n: 1\n", "not valid YAML"),
        ("margin: 2020-13-45\n", r"not valid YAML \(month must be in 1..12\)"),
        ("[" * 600 + "]" * 600, "not valid YAML .*recursion"),
        ("settings: &a {x: *a}\n", "one that refers to itself"),
        ("seeds: 0x" + "f" * 5000, "more than 18 digits"),
        ("seeds: " + "9" * 5000, "not valid YAML"),
        ("metric: !!binary aGVsbG8=\n", "is read as a bytes: write it in quotes"),
        ("seeds: 1\nseeds: 2\n", "seeds stands twice"),
        ('metric: "\\ud800"\n', "a character that cannot be printed"),
        ("", "factors is missing: write `factors: {"),
        (BASE | {"sedes": 3}, "unknown key 'sedes'; did you mean seeds"),
        (BASE | {"corpus": "imdb"}, "unknown key 'corpus': as a flag of train/run.py it stands under settings"),
        (BASE | {"zzz": 3}, f"unknown key 'zzz': a study has {', '.join(KEYS)}"),
        (BASE | {"factors": {}}, "factors is missing"),
        (BASE | {"factors": ["dropout"]}, "factors is a mapping"),
        (BASE | {"metric": None}, "metric is missing"),
        (factors(droput=[0.1, 0]), "factor droput: droput is no flag of train/run.py; did you mean dropout"),
        (factors(**{"model_config.depth": [1, 2]}), "model_config.depth is no flag of train/run.py: name its levels"),
        (factors(seed=[1, 2]), "seed is set by the study itself: use seeds"),
        (factors(dropout=[0.1]), "factor dropout has only the level 0.1: give the baseline and one more"),
        (factors(dropout=[]), "factor dropout has no levels"),
        (factors(dropout=None), "factor dropout has no levels"),
        (factors(dropout=0.1), "factor dropout is 0.1: it is a list of values, or a mapping"),
        (factors(dropout=[0.1, 0.10]), "has the level 0.1 twice"),
        (factors(tuning={"lora": {"tuning": "lora"}, "LORA": {}}), "levels 'lora' and 'LORA': give each a name"),
        (factors(x={"a": {}, "b": {"tunning": "lora"}}), "factor x, level b: tunning is no flag .* mean tuning"),
        (factors(x={"a": {}, "b": "lora"}), "factor x, level b is 'lora': flags are written as a mapping"),
        (factors(x={"a": {}, "b": {}}), "factor x sets no flag"),
        (factors(steps={"few": {"max_steps": 1}, "many": {"max_steps": 9}}), "runs.csv has another column"),
        (factors(**{"a\nb": {"a": {}, "b": {"max_steps": 9}}}), "give it a name that can be printed"),
        (factors(dropout={"low": 0, "high": 0.5}), "factor dropout is a range, which is for design: search"),
        (factors(dropout=[0.1, 0], x={"a": {}, "b": {"dropout": 0.5}}), "factors dropout and x both set dropout"),
        (factors(x=DEPTHS, y={"a": {}, "b": {"model_config": "depth=3"}}), "x and y both set model_config.depth"),
        (factors(x=DEPTHS, y={"a": {}, "b": {"model_config": None}}), "x and y both set model_config"),
        (factors(x={"a": {}, "b": {"model_config": "deep"}}), "level b: model_config is 'deep': it is written depth=2"),
        (
            BASE | {"design": "grid", "factors": {"A": {"x": {}, "y": {"max_steps": 1}}, "a": {"x": {}, "y": THREE}}},
            "no flag|both set|would share a folder",
        ),
        (BASE | {"settings": {"lerning_rate": 1}}, "settings: lerning_rate is no flag .* did you mean learning_rate"),
        (BASE | {"settings": {"seed": 1}}, "settings: seed is set by the study itself"),
        (BASE | {"settings": ["a"]}, r"settings is \['a'\]: flags are written as a mapping"),
        (BASE | {"settings": {"learning_rate": "x", "hub_token": "y"}}, "hub_token is no flag of train/run.py: use"),
        (BASE | {"base": "nowhere.yaml"}, "base: .*nowhere.yaml: there is no such config file"),
        (BASE | {"base": "."}, "base: .*cannot be read"),
        (BASE | {"base": ["a"]}, r"base is \['a'\]: it is the path of a config"),
        (BASE | {"base": "x" * 5000}, "base: "),
        (BASE | {"base": "some.yaml"}, "base: (metric|base|factors) is no flag of train/run.py"),
        (BASE | {"metric": "accuracy"}, "metric is accuracy: it is validation or test, a dot, .* mean test.accuracy"),
        (BASE | {"metric": "test.acuracy"}, "did you mean test.accuracy"),
        (BASE | {"metric": [1]}, r"metric is \[1\]"),
        (BASE | {"seeds": []}, r"seeds is \[\]: how many, or a list"),
        (BASE | {"seeds": [1, 2, 1]}, "seeds has 1 twice"),
        (BASE | {"seeds": [-1]}, "seeds is .*whole numbers from 0 on"),
        (BASE | {"seeds": [True, 2]}, "seeds is .*whole numbers from 0 on"),
        (BASE | {"seeds": 0}, "seeds is 0"),
        (BASE | {"seeds": [2**32]}, "seeds has 4294967296: they end at 4294967295"),
        (BASE | {"seeds": 10**9}, "seeds is 1,000,000,000 and --max_cells is 500"),
        (BASE | {"seeds": 400}, "800 runs and --max_cells is 500: raise it, or drop seeds"),
        (BASE | {"margin": -1}, "margin is -1: it is the smallest difference that matters"),
        (BASE | {"margin": 0}, "margin is 0"),
        (BASE | {"margin": float("inf")}, "margin is inf"),
        (BASE | {"margin": 1}, "margin is 1: test.accuracy goes up to 1, and a point of it is 0.01"),
        (
            BASE | {"metric": "reliability.confident_eror"},
            "which nothing measures; did you mean reliability.confident_e",
        ),
        (
            BASE | {"metric": "reliability.x"},
            "metric is reliability.x, which nothing measures: it is one of restatement",
        ),
        (BASE | {"guards": ["test.accuracy"]}, "guards is a mapping of figures to what may be lost"),
        (BASE | {"guards": {"test.acuracy": 0}}, "guards: a figure is test.acuracy: .* did you mean test.accuracy"),
        (BASE | {"guards": {"test.accuracy": -0.01}}, "guards: test.accuracy is -0.01: it is how much may be lost"),
        (BASE | {"guards": {"test.accuracy": None}}, "guards: test.accuracy is None: it is how much may be lost"),
        (BASE | {"guards": {"reliability.imdb_accuracy": 1}}, "imdb_accuracy is 1: it goes up to 1, and a point of it"),
        (BASE | {"hypothesis": ["a"]}, "hypothesis is .* in a sentence"),
        (BASE | {"hypothesis": "word " * 99}, "hypothesis has 494 characters: say it in a sentence of 300 at most"),
        (factors(**{"reliability.x": {"a": {}, "b": {"dropout": 0.5}}}), "runs.csv has another column of this name"),
        (SEARCH | {"guards": {"test.accuracy": 0}}, "guards is for designs that compare arms, and a search finds"),
        (SEARCH | {"hypothesis": "It helps."}, "hypothesis is for designs that compare arms"),
        (
            SEARCH | {"metric": "reliability.confident_errors", "pruning": True},
            "pruning looks at a run on its way, and reliability.confident_errors is measured at its end",
        ),
        (BASE | {"processes": 0}, "processes is 0: it is a whole number above 0"),
        (BASE | {"processes": True}, "processes is True"),
        (BASE | {"keep": "all"}, "keep is 'all': it is results or models"),
        (BASE | {"design": ["grid"]}, "unknown design"),
        (BASE | {"trials": 3}, "trials is for design: search, not one_at_a_time: leave it out"),
        (BASE | {"generators": "a b"}, "generators is for design: fractional, not one_at_a_time"),
        (BASE | {"design": "fractional", "factors": THREE, "generators": "a b"}, "'a b' are 2 for 3 factors"),
        (BASE | {"design": "fractional", "factors": THREE, "generators": ["a", "b", "ab"]}, "it is a word a factor"),
        (SEARCH | {"factors": {"dropout": [0.1, 0]}}, "a search draws from ranges and none is given"),
        (SEARCH | {"factors": {"learning_rate": {"low": 1e-5}}}, "goes from 1e-05 to None: low and high are numbers"),
        (SEARCH | {"factors": {"learning_rate": {"low": 1, "high": 0}}}, "low below high"),
        (SEARCH | {"factors": {"learning_rate": {"low": 0, "high": 1, "log": True}}}, "above 0 where log is true"),
        (SEARCH | {"factors": {"learning_rate": {"low": 0, "high": 1, "step": 1}}}, "has 'step': a range has low"),
        (SEARCH | {"factors": RATE | {"dropout": []}}, "factor dropout has no levels"),
        (SEARCH | {"factors": RATE | {"x": {"a": {}, "b": {"learning_rate": 1}}}}, "both set learning_rate"),
        (SEARCH | {"seeds": 5}, "a search makes all its trials with one seed"),
        (SEARCH | {"trials": 10**12}, "runs and --max_cells is 500"),
        (SEARCH | {"samplers": ["grid"]}, r"samplers is \['grid'\]: it is a list of tpe and random"),
        (SEARCH | {"pruning": "no"}, "pruning is 'no': it is true or false"),
        (SEARCH | {"pruning": True, "processes": 2}, "pruning is for runs on one process"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(study, content, message):
    with pytest.raises(UsageError, match=rf"some.yaml: .*{message}") as caught:
        study(content)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (factors(weight_decay=[0, 1], dropout=[0.1, 2.0]), "factor dropout, level 2: --dropout is 2.0: it must"),
        (factors(dropout=[0.1, "abc"]), "factor dropout, level abc: argument --dropout: invalid float value: 'abc'$"),
        (factors(tuning=["full", {"tuning": "lora"}]), "factor tuning, level tuning=lora: .* invalid choice"),
        (factors(dropout=[0.1, [0, 1]]), "factor dropout, level 0,1: "),
        (BASE | {"settings": {"weight_decay": -1}}, "settings: --weight_decay is -1"),
        (BASE | {"settings": CAUSAL}, "metric is test.accuracy, and --task causal_lm measures loss, perplexity"),
        (BASE | {"metric": "test.perplexity"}, "metric is test.perplexity, and --task classification measures accu"),
        (SEARCH | {"factors": {"learning_rate": {"low": 0, "high": 1}}}, "factor learning_rate at 0.0: .*above 0"),
        (SEARCH | {"factors": {"tuning": {"low": 0, "high": 1}}}, "factor tuning at 0: .*invalid choice"),
        (SEARCH | {"factors": RATE | {"per_device_train_batch_size": [8, 0]}}, "factor per_device_.*, level 0: "),
        (
            SEARCH | {"pruning": True, "settings": {"eval_strategy": "no", "load_best_model_at_end": False}},
            "pruning looks at the evaluations of a run, and eval_strategy is no",
        ),
        (
            factors(patience={"off": {}, "on": {"early_stopping_patience": 3}}, eval={"epoch": {}, "no": {
                "eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False}}) | {"design": "grid"},
            "patience on with eval no, together: --early_stopping_patience counts evaluations",
        ),
    ],
)  # fmt: skip
def test_what_train_run_rejects_is_blamed_on_the_level_that_brings_it_about(study, content, message):
    with pytest.raises(UsageError, match=f"some.yaml: {message}"):
        check_cells(study(content))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dropout", "0.3"], "--dropout would win over every level of the factor dropout of .*some.yaml"),
        (["--seed", "3"], "--seed is set by the study itself: use seeds"),
        (["--output-dir=x"], "--output_dir is set by the study itself: use --study_dir"),
        (["--config", "x.yaml"], "--config is set by the study itself: use base"),
        (["--worker", "2"], "unknown flag --worker; did you mean --workers"),
        (["--lerning_rate", "2"], "unknown flag --lerning_rate; did you mean --learning_rate"),
        (["--zzz"], r"unknown flag --zzz \(python train/run.py --help lists every name\)"),
        (["--learning_rate", "fast"], r"invalid float value: 'fast' \(python train/run.py --help lists every flag\)"),
        (["--hub_token", "x"], "--hub_token is no flag of train/run.py: use"),
        (["other.yaml"], "unexpected argument 'other.yaml': the study's file comes first"),
        (["--"], "unknown flag"),
    ],
)
def test_a_mistake_in_the_flags_after_the_file_is_one_line(study, flags, message):
    with pytest.raises(UsageError, match=message):
        study(BASE, *flags)


def test_a_flag_may_set_another_key_of_a_mapping_than_a_factor_does(study):
    given = factors(depth=DEPTHS) | {"settings": {"model": "transformer"}}
    assert check_cells(study(given, "--model_config", "heads=2"))
    with pytest.raises(UsageError, match="--model_config would win over every level of the factor depth"):
        study(given, "--model_config", "depth=3")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", "cannot be read"),
        ("ablaton", "there is no such study; did you mean .*studies/ablation.yaml"),
        ("zzz.yaml", "there is no such study: its file comes first, flags follow"),
        ("a\0b", "not valid YAML"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_a_path_that_holds_no_study_is_one_line(path, message):
    with pytest.raises(UsageError, match=message):
        read_study(Path(path), [])


WORDS = ["", " ", "a b ab", "no", "1e-5", "test.accuracy", "\n", "nan", "-1", "x" * 400, "{", "[", "&a", "*a", "é", "%"]
VALUES = [None, True, False, 0, 1, -1, 2**40, 0.5, -0.0, 1e300, float("nan"), float("inf"), [], {}, *WORDS]
FLAGS = ["dropout", "model_config", "tuning", "learning_rate", "lora_target_modules", "optim", "report_to", "max_steps"]


def test_no_file_of_random_values_ends_in_anything_but_a_study_or_one_line(study):
    """150 files of our keys and flags with values at random, each also cut or bent as text."""
    draw, accepted = random.Random(0), 0

    def value(depth: int):
        kind = draw.random()
        if depth == 0 or kind < 0.5:
            return draw.choice(VALUES)
        if kind < 0.7:
            return [value(depth - 1) for _ in range(draw.randint(0, 4))]
        keys = draw.sample([*FLAGS, "low", "high", "log", "a", "b", 1, None, True, 0.5], draw.randint(0, 4))
        return {key: value(depth - 1) for key in keys}

    for index in range(150):
        content = dict(draw.choice([BASE, SEARCH, factors(**THREE)]))
        for key in draw.sample(KEYS, draw.randint(0, 3)):
            content[key] = value(3)
        text = yaml.safe_dump(content)
        if index % 3 == 0:
            place = draw.randrange(len(text))
            text = (
                text[:place] + draw.choice(["", "\t", ":", "[", "}", "&a ", "*a", "!!set", "- ", "? "]) + text[place:]
            )
        try:
            study(text)
            accepted += 1
        except UsageError as error:
            assert "\n" not in str(error) and len(str(error)) < 500
    assert 10 < accepted < 140


def test_no_level_of_any_flag_ends_in_anything_but_settings_or_one_line(study):
    """What check_cells makes of a value that no flag, or another one, would have."""
    draw = random.Random(1)
    names = list(resolve({}, [], where="", name="")[2])
    for name in draw.sample(sorted(set(names) - set(OWN)), 20):
        try:
            check_cells(
                study(factors(**{name: [None, draw.choice([*VALUES, ["a", 1], {"a": 1}, {"a": {"b": None}}])]}))
            )
        except UsageError as error:
            assert "\n" not in str(error)
