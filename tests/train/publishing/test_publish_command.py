import json
import os
import sys

import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from cli.errors import UsageError, UserError
from cli.script import run_script
from eval.run_directory import read_settings, write_json
from tests.train.publishing.conftest import DEMO, NET, held, log
from train.config import HEADING
from train.opening import lock
from train.publish import main

NAMED = ("--repo_id", NET)

pytestmark = pytest.mark.usefixtures("sources_parsed_once")


def publish(run, *flags: str) -> int:
    return main([str(run.path), *NAMED, *flags])


def test_a_model_and_its_space_are_published(hub, run, capsys):
    assert publish(run, "--space", DEMO) == 0
    said = capsys.readouterr().out
    assert f"{hub.endpoint}/{NET} commit " in said and f"{hub.endpoint}/spaces/{DEMO} commit " in said
    space = held(hub, f"spaces/{DEMO}")
    assert {"app.py", "requirements.txt", "README.md", "space/app.py"} <= set(space) and NET.encode() in space["app.py"]
    assert [len(repository.commits) for repository in hub.repos.values()] == [2, 2]


def test_a_second_time_nothing_is_sent(hub, run, capsys):
    publish(run, "--space", DEMO)
    hub.requests.clear()
    capsys.readouterr()
    assert publish(run, "--space", DEMO) == 0
    assert not hub.asked("PUT|/commit/|/preupload/") and capsys.readouterr().out.count("nothing was sent") == 2


def test_the_card_and_the_weights_are_in_the_same_commit(hub, run):
    publish(run)
    first, second = hub.repos[NET].commits.values()
    assert not {"README.md", "model.safetensors"} & set(first.files)
    assert {"README.md", "model.safetensors"} <= set(second.files)


@pytest.fixture
def nothing_at_hand(monkeypatch, tmp_path):
    """Neither a token nor a network."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


def test_a_dry_run_needs_neither_token_nor_network(nothing_at_hand, run, capsys):
    assert publish(run, "--space", DEMO, "--dry_run") == 0
    said = capsys.readouterr().out
    assert f"{NET} (model): 7 files" in said and "model.safetensors" in said and "no Hub was asked" in said
    assert f"{DEMO} (space): " in said and said.endswith("All is in order; nothing was sent.\n")


def test_a_dry_run_writes_nothing_and_tells_what_is_new(hub, run, capsys):
    log(run)
    publish(run)
    run.journal.unlink()
    before, requests = sorted(run.path.rglob("*")), len(hub.requests)
    capsys.readouterr()
    assert publish(run, "--dry_run") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    states = {row[0]: row[-1] for row in rows if row}
    assert states["model.safetensors"] == "unchanged" and states["README.md"] == "new"
    assert states["journal.jsonl"] == "deleted"
    assert sorted(run.path.rglob("*")) == before
    assert {asked.method for asked in hub.requests[requests:]} == {"GET"} and len(hub.repos[NET].commits) == 2


@pytest.mark.parametrize("flags", [["--license", "none of yours"], ["--revision", "a b"], ["--space", "demo"]])
def test_a_dry_run_finds_what_a_push_would_stumble_over(nothing_at_hand, run, flags):
    with pytest.raises(UserError, match="license|--revision|--space is demo: it must be USER/NAME"):
        publish(run, "--dry_run", *flags)


@pytest.mark.slow
def test_a_space_can_be_written_into_a_folder_without_a_hub(nothing_at_hand, run, tmp_path, capsys):
    assert publish(run, "--dry_run", "--space_dir", str(tmp_path / "demo")) == 0
    assert NET in (tmp_path / "demo" / "app.py").read_text() and f"{tmp_path / 'demo'} holds" in capsys.readouterr().out


def test_json_is_all_that_stands_on_standard_output(hub, run, capsys):
    assert publish(run, "--json", "--space", DEMO) == 0
    model, space = json.loads(capsys.readouterr().out)["published"]
    assert (model["repo_id"], model["kind"], model["revision"]) == (NET, "model", "main")
    assert model["commit"] == hub.repos[NET].at().sha and model["difference"] <= 1e-6
    assert {file["path"] for file in model["files"]} == set(held(hub)) and space["url"].endswith(f"/spaces/{DEMO}")


def test_what_fails_before_the_push_leaves_the_hub_alone(hub, run):
    (run.path / "incident.md").write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(UserError, match="^incident.md holds"):
        publish(run, "--space", DEMO)
    assert hub.repos == {} and not hub.asked("POST")


@pytest.mark.slow
def test_a_space_that_fails_leaves_the_model_published_and_goes_on_from_there(hub, run, waits):
    hub.fail("POST /api/spaces/.*/commit/", 403)
    with pytest.raises(UserError, match=f"may not write to {DEMO}"):
        publish(run, "--space", DEMO)
    assert held(hub) and held(hub, f"spaces/{DEMO}").keys() == {"README.md"}
    assert publish(run, "--space", DEMO) == 0 and len(hub.repos[NET].commits) == 2


def test_notes_say_what_a_user_may_not_think_of(hub, run, capsys):
    run.config.write_text(HEADING + yaml.safe_dump(read_settings(run.config) | {"data_dir": "texts"}))
    publish(run, "--dry_run", "--space", DEMO, "--private")
    said = capsys.readouterr().out
    assert "note: there is no evaluation of these weights" in said and "give its Space a secret HF_TOKEN" in said


def halve(file):
    file.write_bytes(file.read_bytes()[:2000])


def fill_with_nan(file):
    weights = {name: torch.full_like(weight, torch.nan) for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("model.safetensors", halve, "no model that can be loaded"),
        ("model.safetensors", lambda file: file.write_bytes(b""), "no model that can be loaded"),
        ("model.safetensors", lambda file: file.rename(file.with_name("model-00001-of-00002.safetensors")), "no model"),
        ("model.safetensors", fill_with_nan, "answers are not finite"),
        ("config.json", os.unlink, "no model that can be loaded"),
        ("tokenizer.json", os.unlink, "the tokenizer's vocabulary is missing"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--dry_run"]])
def test_a_run_that_cannot_be_loaded_is_one_line_and_not_sent(hub, run, name, spoil, said, flags):
    spoil(run.path / name)
    with pytest.raises(UserError, match=said) as error:
        publish(run, *flags)
    assert "\n" not in str(error.value) and hub.repos == {}


def test_a_secret_in_the_name_of_the_run_is_not_published(hub, run):
    folder = run.path.rename(run.path.with_name("hf_" + "a1B2" * 8))
    assert main([str(folder), *NAMED]) == 0
    assert [commit.title for commit in hub.repos[NET].commits.values()][1] == "Publish [hidden]"


def test_a_run_in_training_or_none_at_all_is_one_line(hub, run, tmp_path):
    with lock(run), pytest.raises(UserError, match="still being trained"):
        publish(run)
    run.metrics.unlink()
    with pytest.raises(UserError, match="is not finished .*--resume"):
        publish(run)
    run.config.unlink()
    with pytest.raises(UserError, match="holds no config.yaml"):
        publish(run)
    with pytest.raises(UserError, match="there is no such run"):
        main([str(tmp_path / "none"), *NAMED])


def test_a_space_shows_the_main_branch(hub, run):
    with pytest.raises(UsageError, match="--space shows the model on main"):
        publish(run, "--space", DEMO, "--revision", "draft")


def test_a_language_model_has_no_space(hub, run):
    config = json.loads((run.path / "config.json").read_text()) | {"architectures": ["GPT2LMHeadModel"]}
    write_json(run.path / "config.json", config)
    with pytest.raises(UserError, match="no classifier of two classes, which the app shows: leave --space out"):
        publish(run, "--dry_run", "--space", DEMO)


@pytest.mark.parametrize("argv", [[], ["runs/x"], ["runs/x", *NAMED, "--token", "x"], ["runs/x", *NAMED, "--dry"]])
def test_wrong_usage_is_one_line(argv):
    with pytest.raises(UsageError, match="--help lists every flag"):
        main(argv)


@pytest.mark.parametrize("fault", [None, ("/commit/", 403), ("PUT", 401), ("/api/models", 500), ("/api/spaces", 429)])
def test_the_token_is_nowhere_but_in_the_requests(hub, run, waits, monkeypatch, capfd, tmp_path, fault):
    monkeypatch.setenv("HF_DEBUG", "1")
    monkeypatch.setenv("WANDB_API_KEY", "another-secret-of-mine")
    if fault:
        hub.fail(*fault, times=99, message=f"refused: Bearer {hub.token}")
    monkeypatch.setattr(sys, "argv", ["publish.py"])
    with pytest.raises(SystemExit) as end:
        run_script(lambda: publish(run, "--space", DEMO, "--json", "--space_dir", str(tmp_path / "demo")))
    assert end.value.code == (1 if fault else 0)
    said = "".join(capfd.readouterr()) + repr(end.value.__context__)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    received = b"".join(
        path.encode() + file.content
        for repository in hub.repos.values()
        for commit in repository.commits.values()
        for path, file in commit.files.items()
    )
    for secret in (hub.token, "another-secret-of-mine"):
        assert secret not in said and secret.encode() not in written + received
    assert os.fsencode(run.path.parent) not in received


@pytest.mark.parametrize("secret", ["hf_TheTokenThatMustNotLeak", "https://ada:geheim@example.org/data"])
def test_a_secret_in_a_setting_is_not_published_and_not_told(hub, run, secret):
    run.config.write_text(HEADING + yaml.safe_dump(read_settings(run.config) | {"run_name": secret}))
    with pytest.raises(UserError, match="^config.yaml holds ") as error:
        publish(run)
    assert "geheim" not in str(error.value) and "MustNotLeak" not in str(error.value) and hub.repos == {}
    assert error.value.__cause__ is None


def test_a_secret_in_a_name_is_not_told(hub, run):
    with pytest.raises(UsageError, match="must be USER/NAME") as error:
        main([str(run.path), "--repo_id", f"https://ada:{hub.token}@huggingface.co/ada/net"])
    assert hub.token not in str(error.value)
