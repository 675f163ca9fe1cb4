import sys
import threading

import pytest
from huggingface_hub import constants
from transformers import TrainerControl, TrainerState

from cli.errors import UsageError, UserError
from cli.script import run_script
from eval.run_directory import RunDirectory, read_settings
from tests.train.publishing.conftest import NET, held
from train.config import parse
from train.publishing.pushing import Pushing, pushing_asked_for
from train.publishing.upload import Target
from train.run import cli


@pytest.fixture
def train(tiny_bert, tiny_corpus, tmp_path, monkeypatch):
    """A function that does what `python train/run.py` does with two short epochs and these flags; its status."""
    run = RunDirectory(tmp_path / "runs" / "tiny")

    def train(*flags: str) -> int:
        given = [
            *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--output_dir", str(run.path)),
            *("--num_train_epochs", "2", "--precision", "fp32", "--cpu_threads", "1", "--grad_norm_steps", "0"),
            *("--report_to", "none", "--push_to_hub", "true", *flags),
        ]
        monkeypatch.setattr(sys, "argv", ["train/run.py", *given])
        with pytest.raises(SystemExit) as end:
            run_script(cli)
        return end.value.code

    train.run = run
    return train


def titles(hub, key: str = NET) -> list[str]:
    return [commit.title for commit in hub.repos[key].commits.values()][1:]


@pytest.mark.slow
def test_every_save_is_pushed_and_at_the_end_the_finished_run(hub, train, capsys):
    assert train("--hub_model_id", NET, "--hub_always_push", "true", "--hub_private_repo", "true") == 0
    assert titles(hub) == ["Training in progress, step 3", "Training in progress, step 6", "Publish tiny"]
    assert hub.repos[NET].private and "Read back from the Hub" in capsys.readouterr().out
    first, second, last = list(hub.repos[NET].commits.values())[1:]
    for commit in (first, second):
        assert b"training-in-progress" in commit.files["README.md"].content
        assert set(commit.files) - {".gitattributes"} == {
            *("README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
            *("config.yaml", "journal.jsonl"),
        }
    assert first.files["model.safetensors"].content != second.files["model.safetensors"].content
    assert b"training-in-progress" not in last.files["README.md"].content and "metrics.json" in last.files
    weights = (train.run.path / "model.safetensors").read_bytes()
    assert last.files["model.safetensors"].content == weights
    assert not list(train.run.path.glob(".saving*")) and not (train.run.path / "README.md").exists()
    settings = read_settings(train.run.config)
    assert not any(key.startswith(("hub_", "push_")) for key in settings)


@pytest.mark.slow
def test_at_the_end_alone_and_under_the_name_of_the_run(hub, train):
    flags = ("--hub_strategy", "end", "--hub_revision", "draft", "--tuning", "lora")
    assert train(*flags) == 0
    assert titles(hub, "ada/tiny") == ["Publish tiny"] and "README.md" not in held(hub, "ada/tiny")
    assert "adapter/adapter_model.safetensors" in held(hub, "ada/tiny", "draft")
    # A finished run is published by the same command, and only once.
    assert train(*flags) == 0 and titles(hub, "ada/tiny") == ["Publish tiny"]


@pytest.mark.slow
def test_a_failing_hub_stops_no_training_and_is_an_error_at_the_end(hub, train, waits, capsys):
    hub.fail("/commit/", 403, times=99, message=f"not for {hub.token}")
    assert train("--hub_model_id", NET) == 1
    said = capsys.readouterr().err
    assert "warning: step 3 was not pushed, and training goes on: the token may not write to ada/net" in said
    error = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and f"later: python train/publish.py {train.run.path} --repo_id {NET}" in error[0]
    assert train.run.metrics.exists() and held(hub) == {} and hub.token not in said


def test_adapters_in_training_are_pushed_as_such(hub, run, tmp_path):
    (run.path / "checkpoint-3").mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "optimizer.pt"):
        (run.path / "checkpoint-3" / name).write_text("{}")
    save(Pushing(run, Target(repo_id=NET), every_save=True), run, 3)
    adapter = {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert set(held(hub)) == adapter | {"README.md", "config.yaml", "tokenizer.json"}


def save(pushing: Pushing, run, step: int, wait: bool = True) -> None:
    state = TrainerState(global_step=step, max_steps=9, is_world_process_zero=True)
    pushing.on_save(None, state, TrainerControl())
    if wait:
        pushing._wait()


def checkpoint(run, step: int) -> None:
    folder = run.path / f"checkpoint-{step}"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((run.path / name).read_bytes())
    (folder / "model.safetensors").write_bytes(step.to_bytes(8, "little"))


@pytest.mark.parametrize(("always", "pushed"), [(False, [1]), (True, [1, 2])])
def test_a_checkpoint_that_goes_while_it_is_pushed_is_pushed_whole(hub, run, monkeypatch, always, pushed):
    checkpoint(run, 1)
    checkpoint(run, 2)
    may_go_on = threading.Event()
    from train.publishing import pushing as module

    upload = module.upload
    monkeypatch.setattr(module, "upload", lambda *args, **kwargs: may_go_on.wait(10) and upload(*args, **kwargs))
    pushing = Pushing(run, Target(repo_id=NET), every_save=True, always=always)
    save(pushing, run, 1, wait=False)
    for file in (run.path / "checkpoint-1").iterdir():
        file.unlink()
    if not always:
        save(pushing, run, 2, wait=False)
    may_go_on.set()
    if always:
        save(pushing, run, 2, wait=False)
    pushing._wait()
    assert titles(hub) == [f"Training in progress, step {step}" for step in pushed]
    assert held(hub)["model.safetensors"] == pushed[-1].to_bytes(8, "little")


def test_a_checkpoint_without_whole_weights_is_one_line(hub, run, capsys):
    (run.path / "checkpoint-1").mkdir()
    save(Pushing(run, Target(repo_id=NET), every_save=True), run, 1)
    assert "warning: step 1 was not pushed" in capsys.readouterr().err and hub.repos == {}


def asked_for(*flags: str) -> Pushing | None:
    return pushing_asked_for(parse(["--push_to_hub", "true", *flags])[1])


def test_without_the_flag_nothing_is_pushed():
    assert pushing_asked_for(parse([])[1]) is None


@pytest.mark.parametrize("strategy", ["checkpoint", "all_checkpoints"])
def test_the_optimisers_state_is_never_pushed(strategy):
    with pytest.raises(UsageError, match=f"--hub_strategy {strategy} would publish the optimiser's state: take every"):
        asked_for("--hub_strategy", strategy)


@pytest.mark.parametrize(
    ("flags", "said"),
    [(("--hub_model_id", "a b"), "--hub_model_id"), (("--hub_model_id", NET, "--hub_revision", "a b"), "--hub_rev")],
)
def test_a_name_that_cannot_be_is_said_before_training(hub, flags, said):
    with pytest.raises(UsageError, match=f"^{said}"):
        asked_for(*flags)
    assert hub.requests == []


def test_nobody_logged_in_is_said_before_training(hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="^nobody is logged in"):
        asked_for("--hub_model_id", NET)


def test_an_expired_token_is_said_before_training(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_expiredLongAgoExpired")
    with pytest.raises(UserError, match="does not accept the token"):
        asked_for("--hub_model_id", NET)


def test_no_network_before_training_is_a_warning(hub, monkeypatch, capsys):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert asked_for("--hub_model_id", NET).target == Target(repo_id=NET)
    assert "training begins all the same" in capsys.readouterr().err
