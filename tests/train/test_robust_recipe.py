"""Training sentences, swapped copies and the consistency loss in a run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainingArguments

from cli.errors import UsageError
from data.batching import PadToLongest
from data.corpora import load_corpus
from eval.run_directory import RunDirectory, read_journal
from models.loading import load_classifier
from models.losses import symmetric_divergence
from train.config import parse, read_config, resolve
from train.run import enlarge, loss_of, main
from train.trainer import ClinicTrainer

ROOT = Path(__file__).parents[2]
RECIPE = ["--wordings", "60", "--swap_terms", "1", "--consistency", "1"]


def settings(*flags, **config):
    return resolve({"output_dir": "unused"} | config, flags, where="a test", name="run")[:2]


@pytest.fixture(scope="module")
def flags(tiny_bert, tiny_corpus):
    return [
        *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--learning_rate", "1e-2", "--max_steps", "12"),
        *("--per_device_train_batch_size", "8", "--precision", "fp32", "--cpu_threads", "1", "--logging_steps", "1"),
        *("--grad_norm_steps", "0", "--report_to", "none", *RECIPE),
    ]


@pytest.fixture
def train(flags, tmp_path):
    def train(name: str, *more: str) -> RunDirectory:
        main(*parse([*flags, *more, "--output_dir", str(tmp_path / name)]))
        return RunDirectory(tmp_path / name)

    return train


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_file(run.path / "model.safetensors")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--wordings", "-1"), "--wordings is -1: it must be 0 to"),
        (("--wordings", "10000000"), "--wordings is 10000000: it must be 0 to"),
        (("--wordings", "some"), "--wordings"),
        (("--swap_terms", "-0.5"), "--swap_terms is -0.5: it must be 0 or more"),
        (("--swap_terms", "inf"), "--swap_terms is inf: it must be 0 or more"),
        (("--consistency", "-1"), "--consistency is -1.0: it must be 0 or more"),
        (("--consistency", "nan"), "--consistency is nan: it must be 0 or more"),
    ],
)
def test_values_that_cannot_be_meant(given, words):
    with pytest.raises(UsageError, match=words):
        settings(*given)


@pytest.mark.parametrize("flag", ["wordings", "swap_terms", "consistency"])
def test_a_language_model_has_no_labels(flag):
    with pytest.raises(UsageError, match=rf"--{flag} .* --task causal_lm has none: leave it out"):
        settings(f"--{flag}", "1", task="causal_lm", model="transformer")


def test_rows_hang_on_the_seed_alone(tiny_corpus):
    rows = load_corpus("reviews", data_dir=tiny_corpus).train
    args, _ = settings(*RECIPE)
    one, same, other = (enlarge(rows, args, seed).to_dict() for seed in (0, 0, 1))
    assert one == same != other
    assert len(one["text"]) >= len(rows) + 60 and -1 in one["label"]


def test_without_the_flags_the_rows_are_the_corpus(tiny_corpus):
    rows = load_corpus("reviews", data_dir=tiny_corpus).train
    assert enlarge(rows, settings()[0], 0) is rows


def test_sentences_without_a_verdict_come_with_the_loss_alone(tiny_corpus):
    rows = load_corpus("reviews", data_dir=tiny_corpus).train
    assert -1 not in enlarge(rows, settings("--wordings", "100")[0], 0)["label"][:]


def test_the_loss_makes_answers_agree(tiny_bert, tmp_path):
    """In these rows a neutral word goes with the label; twins have the other neutral word."""
    words = dict(zip(("good", "bad", "film", "plot"), (5, 10, 17, 25), strict=True))
    pairs = [(("good", "film"), 1), (("bad", "plot"), 0)]
    swap = {"film": "plot", "plot": "film"}
    rows = [
        {"input_ids": [2, *(words[word] for word in said), 3], "labels": label,
         "twin_ids": [2, *(words[swap.get(word, word)] for word in said), 3], "length": 4}
        for said, label in pairs * 16
    ]  # fmt: skip

    def apart(weight: float) -> float:
        torch.manual_seed(0)
        args, _ = settings("--consistency", str(weight))
        model = load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"])
        trainer_args = TrainingArguments(
            output_dir=str(tmp_path), max_steps=30, learning_rate=1e-2, use_cpu=True, save_strategy="no",
            disable_tqdm=True, report_to="none",
        )  # fmt: skip
        trainer = ClinicTrainer(
            model=model, args=trainer_args, train_dataset=rows, data_collator=PadToLongest(pad_token_id=0),
            compute_loss_func=loss_of(args, trainer_args),
        )  # fmt: skip
        trainer.train()
        model.eval()
        with torch.no_grad():
            logits, twins = (
                model(torch.tensor([row[key] for row in rows])).logits for key in ("input_ids", "twin_ids")
            )
        assert logits.argmax(-1).tolist() == [row["labels"] for row in rows]
        return float(symmetric_divergence(logits, twins).mean())

    plain, consistent = apart(1e-9), apart(4)
    assert plain > 0.05
    assert consistent < plain / 10


@pytest.mark.slow
def test_accumulated_batches_are_the_one_large_batch(train):
    common = ["--dropout", "0", "--train_sampling_strategy", "sequential", "--max_steps", "4", "--eval_strategy", "no",
              "--save_strategy", "no", "--load_best_model_at_end", "no", "--label_smoothing_factor", "0.1"]  # fmt: skip
    one = weights(train("one", *common))
    four = weights(train("four", *common, "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "4"))
    for name in one:
        assert torch.allclose(one[name], four[name], atol=2e-4), name


@pytest.mark.slow
def test_a_run_taken_up_again_ends_as_the_one_that_was_not_stopped(train, tmp_path):
    common = ["--dropout", "0.2", "--precision", "bf16", "--eval_strategy", "steps", "--save_strategy", "steps",
              "--eval_steps", "5", "--save_steps", "5", "--save_total_limit", "5"]  # fmt: skip
    whole = train("whole", *common)
    shutil.copytree(whole.path, tmp_path / "stopped")
    stopped = RunDirectory(tmp_path / "stopped")
    stopped.metrics.unlink()
    for later in ("checkpoint-10", "checkpoint-12"):
        shutil.rmtree(stopped.path / later, ignore_errors=True)
    expected = weights(whole)
    (stopped.path / "model.safetensors").unlink()
    stopped = train("stopped", *common, "--resume")
    assert all(torch.equal(expected[name], found) for name, found in weights(stopped).items())
    losses = [
        [line["loss"] for line in read_journal(run.journal) if line["kind"] == "train"] for run in (whole, stopped)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("name", ["robust", "sst2_robust"])
def test_the_recipes_are_the_plain_ones_hardened(name):
    plain = read_config(ROOT / f"train/configs/{name.removesuffix('_robust').replace('robust', 'quickstart')}.yaml")
    robust = read_config(ROOT / f"train/configs/{name}.yaml")
    assert robust["corpus"] == plain["corpus"] and robust["model"] == plain["model"]
    assert robust["wordings"] and robust["consistency"] and robust["swap_terms"]
    resolve(robust, [], where=name, name=name)


@pytest.mark.multiprocess
def test_two_processes_do_what_one_does(flags, tmp_path):
    losses = []
    for processes in (1, 2):
        run = RunDirectory(tmp_path / str(processes))
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)),
            *("--master_port", str(29610 + processes), "train/run.py", *flags, "--output_dir", str(run.path)),
            *("--dropout", "0", "--train_sampling_strategy", "sequential"),
            *("--per_device_train_batch_size", str(8 // processes), "--max_length", "32"),
        ]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        losses.append([line["loss"] for line in read_journal(run.journal) if line["kind"] == "train"])
    assert len(losses[0]) == 12
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
