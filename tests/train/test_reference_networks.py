"""The reference networks, trained through the command that trains every other network."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, pipeline

from cli.errors import UserError
from data.corpora import load_corpus
from data.language import language_rows
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, read_journal, read_metrics
from models.layers import non_embedding_parameters
from train.config import first_difference, parse, save_config
from train.run import main

ROOT = Path(__file__).parents[2]
SHAPE = ("--model_config", "depth=2,width=16,heads=2,vocab_size=300,dropout=0")
LANGUAGE = ("--task", "causal_lm", "--model", "transformer", *SHAPE)


@pytest.fixture(scope="module")
def flags(tiny_corpus):
    return [
        *("--data_dir", str(tiny_corpus), "--learning_rate", "1e-2", "--num_train_epochs", "6", "--precision", "fp32"),
        *("--per_device_train_batch_size", "8", "--logging_steps", "4", "--grad_norm_steps", "4", "--cpu_threads", "1"),
    ]


@pytest.fixture
def train(flags, tmp_path):
    def train(*more: str, name: str = "run") -> RunDirectory:
        main(*parse([*flags, *more, "--output_dir", str(tmp_path / name)]))
        return RunDirectory(tmp_path / name)

    return train


@pytest.fixture(scope="module")
def language_run(flags, tmp_path_factory):
    run = RunDirectory(tmp_path_factory.mktemp("language") / "run")
    main(*parse([*flags, *LANGUAGE, "--output_dir", str(run.path)]))
    return run


def lines(run, kind):
    return [line for line in read_journal(run.journal) if line["kind"] == kind]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["transformer", "deep_mlp"])
def test_a_classifier_learns_and_is_asked_like_any_other(train, model):
    shape = {"transformer": "depth=2,width=16,heads=2,vocab_size=300", "deep_mlp": "depth=3,width=32,vocab_size=300"}
    run = train("--model", model, "--model_config", shape[model])
    assert read_metrics(run.metrics)["test"]["accuracy"]["value"] > 0.9
    answers = pipeline("text-classification", model=str(run.path))(["the film is great", "the plot was dull"])
    assert [answer["label"] for answer in answers] == ["POSITIVE", "NEGATIVE"]
    predictor = Predictor.load(str(run.path), threads=1)
    assert (predictor.predict(["the film is great", "a dull plot"]).probabilities.argmax(1) == [1, 0]).all()
    blocks = [f"block.{i}" for i in range(2 if model == "transformer" else 3)]
    assert list(lines(run, "grad_norms")[-1]["layers"]) == ["embeddings", *blocks, "head"]
    if model == "transformer":
        tokens, layers = predictor.attentions("the film is great")
        assert [layer.shape for layer in layers] == [(2, len(tokens), len(tokens))] * 2


def test_a_language_model_learns_and_reports_loss_and_cost(language_run, tiny_corpus):
    metrics = read_metrics(language_run.metrics)
    evaluations = lines(language_run, "eval")
    assert evaluations[-1]["loss"] < evaluations[0]["loss"] < math.log(300)
    assert all(line["perplexity"] == pytest.approx(math.exp(line["loss"])) for line in evaluations)

    model = AutoModelForCausalLM.from_pretrained(language_run.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(language_run.path)
    corpus = load_corpus("reviews", data_dir=tiny_corpus)
    for split in ("validation", "test"):
        rows = language_rows(getattr(corpus, split), tokenizer, 128)["input_ids"][:]
        with torch.no_grad():
            losses = [
                model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item() * (len(ids) - 1) for ids in rows
            ]
        loss = metrics[split]["loss"]
        assert loss["value"] == pytest.approx(sum(losses) / sum(len(ids) - 1 for ids in rows), rel=1e-4)
        assert loss["low"] < loss["value"] < loss["high"] and loss["n"] == len(rows) == 32
        assert metrics[split]["perplexity"]["value"] == pytest.approx(math.exp(loss["value"]))

    rows = language_rows(corpus.train, tokenizer, 128)
    training = metrics["training"]
    assert training["tokens"] == 6 * sum(rows["length"])
    assert training["non_embedding_parameters"] == non_embedding_parameters(model)
    assert training["parameters"] == model.num_parameters()
    # What it would be without padding, and with every row as long as the longest.
    least = 6 * sum(model.training_flops(1, length) for length in rows["length"])
    assert least < training["flops"] < 6 * model.training_flops(96, max(rows["length"]))


def test_the_best_language_model_is_the_one_with_the_lowest_loss_over_tokens(language_run):
    losses = {line["step"]: line["loss"] for line in lines(language_run, "eval")}
    metrics = read_metrics(language_run.metrics)
    assert metrics["best_step"] == min(losses, key=losses.get)
    assert metrics["validation"]["loss"]["value"] == pytest.approx(min(losses.values()), rel=1e-4)


@pytest.mark.slow
def test_its_own_config_repeats_a_language_model_weight_for_weight(language_run, tmp_path):
    main(*parse(["--config", str(language_run.config), "--output_dir", str(tmp_path / "again")]))
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (language_run.path, tmp_path / "again"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
def test_a_language_model_with_a_tied_head_is_resumed_from_its_checkpoint(train, capsys):
    half = ("--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "6", "--save_steps", "6")
    flags = (*LANGUAGE, "--model_config", "tied_head=true,dropout=0.1", *half, "--max_steps", "12")
    whole = train(*flags, name="whole")
    stopped = train(*flags, name="stopped")
    before = read_metrics(stopped.metrics)
    stopped.metrics.unlink()
    train(*flags, "--resume", str(stopped.checkpoints[0]), name="stopped")
    ours, theirs = (load_file(run.path / "model.safetensors") for run in (whole, stopped))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert read_metrics(stopped.metrics) == before == read_metrics(whole.metrics)
    assert "missing" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_pretrained_language_model_is_tuned_too(train, tiny_bert, tmp_path, tuning):
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / "gpt2")
    config = GPT2Config(vocab_size=27, n_embd=16, n_layer=2, n_head=2, n_positions=128)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    run = train("--task", "causal_lm", "--model", str(tmp_path / "gpt2"), "--tuning", tuning, "--num_train_epochs", "1")
    metrics = read_metrics(run.metrics)
    assert metrics["test"]["loss"]["value"] < math.log(27) and metrics["training"]["flops"] > 0
    AutoModelForCausalLM.from_pretrained(run.path)


def test_a_reference_network_borrows_a_tokenizer(train, tiny_bert):
    shape = ("--model_config", "depth=1,width=16,heads=2")
    run = train("--model", "transformer", *shape, "--tokenizer", str(tiny_bert), "--num_train_epochs", "1")
    assert len(AutoTokenizer.from_pretrained(run.path)) == 27
    assert pipeline("text-classification", model=str(run.path))("the film")[0]["score"] >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_accumulated_gradients_of_a_language_model_are_those_of_the_whole_batch(train, positions):
    def norms(name, *batch):
        more = ("--train_sampling_strategy", "sequential", "--grad_norm_steps", "1", "--num_train_epochs", "1")
        run = train(*LANGUAGE, "--model_config", f"positions={positions}", *more, *batch, name=name)
        return [line["total"] for line in lines(run, "grad_norms")]

    whole = norms("whole", "--per_device_train_batch_size", "8")
    parts = norms("parts", "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "4")
    assert len(whole) == 12
    assert parts == pytest.approx(whole, rel=1e-4)


def test_settings_in_yaml_and_flags_are_put_together_key_by_key(tmp_path):
    config = tmp_path / "shape.yaml"
    config.write_text("model: transformer\nmodel_config:\n  depth: 3\n  norm: none\n  residual: no\n")
    args, _, settings = parse(["--config", str(config), "--model_config", "depth=5,width=32", "--output_dir", "x"])
    assert args.model_config == {"depth": 5, "norm": "none", "residual": False, "width": 32}
    assert parse([*LANGUAGE, "--model_config", '{"width": 8}'])[0].model_config["width"] == 8
    run = RunDirectory(tmp_path)
    save_config(run, settings)
    assert yaml.safe_load(run.config.read_text())["model_config"] == args.model_config
    assert first_difference(run, parse(["--config", str(run.config)])[2]) is None
    *_, other = parse(["--config", str(run.config), "--model_config", "depth=6"])
    assert first_difference(run, other).startswith("model_config: {'depth': 5")


@pytest.mark.parametrize("name", ["transformer", "language_model"])
def test_the_shipped_configs_are_sound(name):
    args, *_ = parse(["--config", f"train/configs/{name}.yaml"])
    assert args.reference.depth == args.model_config["depth"]


@pytest.mark.parametrize(
    ("flags_", "message"),
    [
        (["--model", "transformer", "--model_config", "depht=2"], "unknown setting 'depht'; did you mean depth?"),
        (["--model", "transformer", "--model_config", "depth"], "it is written depth=2,width=64"),
        (["--model", "transformer", "--model_config", "depth=[1"], "it is written depth=2,width=64"),
        (["--model_config", "depth=2"], "--model_config is for the reference networks, transformer and deep_mlp"),
        (["--tokenizer", "embedded"], "--tokenizer is for the reference networks"),
        (["--task", "causal_lm", "--model", "deep_mlp"], "--model transformer, not deep_mlp"),
        ([*LANGUAGE, "--tokenizer", "embedded"], "leave vocab_size out"),
        ([*LANGUAGE, "--max_length", "1"], "--max_length is 1: it must be 2 or more"),
        ([*LANGUAGE, "--metric_for_best_model", "eval_f1"], "a language model is judged by eval_loss"),
        (["--task", "translation"], "invalid choice: 'translation'"),
        (["--model", "transformer", "--model_config", "vocab_size=100"], "vocab_size is 100: 256 bytes and 3 special"),
        (["--task", "causal_lm", "--model", "TINY"], "is an encoder (bert), and --task causal_lm needs"),
    ],
)
def test_a_mistake_is_one_line(train, tiny_bert, flags_, message):
    with pytest.raises(UserError) as error:
        train(*(str(tiny_bert) if flag == "TINY" else flag for flag in flags_))
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.multiprocess
def test_two_processes_train_the_language_model_that_one_does(tiny_corpus, tmp_path):
    found = {}
    for processes in (1, 2):
        run = tmp_path / f"{processes}"
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)),
            *("--master_port", str(29610 + processes), "train/run.py", *LANGUAGE, "--data_dir", str(tiny_corpus)),
            *("--output_dir", str(run), "--train_sampling_strategy", "sequential", "--precision", "fp32"),
            *("--per_device_train_batch_size", str(8 // processes), "--grad_norm_steps", "1"),
            *("--learning_rate", "1e-2", "--num_train_epochs", "2", "--logging_steps", "1", "--cpu_threads", "1"),
        ]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        found[processes] = RunDirectory(run)
    (begin,) = [line for line in lines(found[2], "event") if line["event"] == "train_begin"]
    assert begin["world_size"] == 2
    for kind, name in (("grad_norms", "total"), ("train", "loss"), ("eval", "loss"), ("eval", "perplexity")):
        one, two = ([line[name] for line in lines(run, kind)] for run in found.values())
        assert two == pytest.approx(one, rel=1e-3), (kind, name)
    one, two = (read_metrics(run.metrics) for run in found.values())
    assert two["test"]["loss"]["value"] == pytest.approx(one["test"]["loss"]["value"], rel=1e-3)
    same = ("tokens", "parameters", "non_embedding_parameters")
    assert [two["training"][key] for key in same] == [one["training"][key] for key in same]
    # Halves of a batch are padded each by itself.
    assert 0.7 < two["training"]["flops"] / one["training"]["flops"] <= 1
