import json
import os
import re

import pytest
import yaml

from cli.errors import UserError
from eval.run_directory import read_settings, weights_fingerprint, write_json
from tests.train.publishing.conftest import log
from train.config import HEADING, parse
from train.publishing.files import OURS, File, files_of, size_in_words
from train.publishing.leaks import find_leak, redact, without_paths

MODEL = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
RECORDS = {"config.yaml", "journal.jsonl", "metrics.json", "card/loss.png"}
TOKEN = "hf_" + "AbCdEf0123456789" * 2


def listed(run, **settings):
    return files_of(run, repo_id="ada/net", license="apache-2.0", **settings)


def test_what_is_no_part_of_a_published_model_stays_at_home(run):
    evaluated(run)
    log(run)
    planted = (
        *(".env", "key.pem", "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", ".lock"),
        *("checkpoint-4/model.safetensors", "checkpoint-4/optimizer.pt", "tensorboard/events", "__pycache__/a.pyc"),
        *("evaluation/.env", "evaluation/notes.txt", "evaluation/secrets/a.json", "pytorch_model.bin", "id_rsa"),
        *("trainer_state.json", "test_predictions.csv", ".cache/a.json", "old/model.safetensors", "diagnosis/loss.png"),
        *(".config.yaml.0.tmp", "my.json", "evaluation/a.json~"),
    )
    for name in planted:
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_text("{}")
    assert set(listed(run)) == MODEL | RECORDS | {"evaluation/about.json", "evaluation/a.png"}


def test_training_sentences_stay_at_home(run):
    evaluated(run)
    (run.evaluation / "nearest.npz").write_bytes(b"PK")
    assert "evaluation/nearest.npz" not in listed(run) and not OURS.fullmatch("evaluation/nearest.npz")


def evaluated(run, weights=None):
    write_json(run.evaluation / "about.json", {"weights": weights or weights_fingerprint(str(run.path))})
    (run.evaluation / "a.png").write_bytes(b"\x89PNG")


def test_every_published_path_is_known_as_ours(run):
    evaluated(run)
    log(run)
    assert all(OURS.fullmatch(path) for path in listed(run))
    assert not any(map(OURS.fullmatch, ("LICENSE", ".gitattributes", "evaluation/own/a.json", "photo.png")))


def test_a_link_to_elsewhere_is_not_followed(run, tmp_path):
    (tmp_path / "outside.json").write_text("{}")
    evaluated(run)
    os.symlink(tmp_path / "outside.json", run.path / "evaluation" / "b.json")
    os.symlink(tmp_path / "outside.json", run.incident)
    assert not {"evaluation/b.json", "incident.md"} & set(listed(run))


def test_pictures_and_folders_that_lie_elsewhere_are_not_published(run, tmp_path):
    evaluated(run)
    run.evaluation.rename(tmp_path / "elsewhere")
    for name in ("secret.png", "card/own.png", "net-2/card/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG")
    (run.path / "diagnosis").mkdir()
    links = {"diagnosis/a.png": "secret.png", "evaluation": "elsewhere", "adapter": "elsewhere", "card": "card"}
    for name, there in links.items():
        os.symlink(tmp_path / there, run.path / name)
    run.incident.write_text("![a](diagnosis/a.png)\n![b](diagnosis/../../../secret.png)")
    run.model_card.write_text("# Mine\n\n![own](card/own.png)\n")
    assert set(listed(run)) == MODEL | {"config.yaml", "metrics.json", "incident.md"}


def test_weights_that_are_a_link_are_told_from_weights_that_are_missing(run, tmp_path):
    (run.path / "model.safetensors").rename(tmp_path / "kept")
    os.symlink(tmp_path / "kept", run.path / "model.safetensors")
    with pytest.raises(UserError, match="model.safetensors is a link that leads out of the run"):
        listed(run)


@pytest.mark.parametrize("name", ["evaluation/about.json", "adapter/adapter_config.json", "incident.md"])
def test_a_file_out_of_shape_is_no_traceback(run, name):
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).write_bytes(b"[]" if name.endswith(".json") else b"\xff\xfe")
    if name.startswith("adapter"):
        with pytest.raises(UserError, match="adapter_config.json is not a JSON object"):
            listed(run)
    else:
        assert ("incident.md" in listed(run)) == (name == "incident.md")


def test_a_secret_in_the_name_of_a_file_is_refused_and_not_told(run):
    evaluated(run)
    (run.evaluation / f"{TOKEN}.json").write_text("{}")
    with pytest.raises(UserError, match="^the name of evaluation/.*json holds what looks like a token") as error:
        listed(run)
    assert TOKEN not in str(error.value)


def test_an_evaluation_of_other_weights_is_left_out(run):
    evaluated(run, weights="0123456789ab")
    assert not any(path.startswith("evaluation/") for path in listed(run))


def test_an_incident_brings_its_pictures(run):
    for name in ("diagnosis/loss.png", "diagnosis/other.png", "treatment/arms.png"):
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_bytes(b"\x89PNG")
    shown = ("diagnosis/loss.png", "treatment/arms.png", "../outside.png", "/etc/a.png", "diagnosis/gone.png")
    run.incident.write_text("\n".join(f"![what it shows]({name})" for name in shown))
    names = {path for path in listed(run) if path.endswith(".png")}
    assert names == {"diagnosis/loss.png", "treatment/arms.png"}


def test_paths_of_this_machine_become_their_last_part(run):
    settings = read_settings(run.config) | {"model": "/opt/models/mini", "data_dir": "~/texts/", "run_name": "a/b"}
    run.config.write_text(HEADING + yaml.safe_dump(settings))
    run.incident.write_text(f"`python eval/diagnose.py {run.path}`, '/home/ada/x y/z', https://x.org/home/a, /s/tmp")
    published = listed(run)
    text = published["config.yaml"].source.decode()
    assert text.startswith(HEADING) and str(run.path) not in text
    changed = {key: value for key, value in yaml.safe_load(text).items() if value != settings[key]}
    assert changed == {"model": "mini", "data_dir": "texts", "output_dir": "net"}
    assert parse(["--config", str(run.config), "--model", "embedded"])
    words = published["incident.md"].source.decode()
    assert words == "`python eval/diagnose.py net`, 'x y/z', https://x.org/home/a, /s/tmp"


def test_an_adapter_names_its_base_and_not_a_folder(run):
    (run.path / "adapter").mkdir()
    write_json(run.path / "adapter" / "adapter_config.json", {"r": 4, "base_model_name_or_path": "/opt/venv/base"})
    for name in ("adapter_model.safetensors", "README.md", "optimizer.pt"):
        (run.path / "adapter" / name).write_bytes(b"")
    published = listed(run)
    paths = [path for path in published if path.startswith("adapter/")]
    assert paths == ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"]
    settings = json.loads(published["adapter/adapter_config.json"].source)
    assert settings == {"r": 4, "base_model_name_or_path": "sentence-transformers/all-MiniLM-L6-v2"}


SECRETS = {
    "token of the Hub": TOKEN,
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "token of GitHub": "ghp_" + "a1B2" * 9,
    "access key of AWS": "AKIA" + "ABCD" * 4,
    "an API key": "sk-proj-" + "x9" * 20,
    "password in an address": "https://ada:geheim@example.org/data",
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_known_by_its_looks(what):
    assert what in find_leak(f"a: [{SECRETS[what]}]".encode()) and SECRETS[what] not in redact(SECRETS[what])


@pytest.mark.parametrize("file", ["config.yaml", "evaluation/report.html", "chat_template.jinja", "tokenizer.json"])
def test_a_secret_is_refused_by_the_name_of_its_file(run, file):
    evaluated(run)
    with open(run.path / file, "a", encoding="utf-8") as opened:
        opened.write(f"run_name: {TOKEN}\n")
    with pytest.raises(UserError, match=f"^{re.escape(file)} holds what looks like a token of the Hub: take") as error:
        listed(run)
    assert TOKEN not in str(error.value) and "\n" not in str(error.value)


def test_a_secret_in_the_weights_header_is_found(run):
    from safetensors.torch import load_file, save_file

    tensors = load_file(run.path / "model.safetensors")
    save_file(tensors, run.path / "model.safetensors", metadata={"format": "pt", "from": TOKEN})
    with pytest.raises(UserError, match="^model.safetensors holds what looks like a token"):
        listed(run)


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "MY_TOKEN", "db_password"])
def test_what_the_environment_keeps_secret_is_refused(run, monkeypatch, name):
    monkeypatch.setenv(name, "quite plain words")
    run.incident.write_text("these are quite plain words")
    with pytest.raises(UserError, match=f"^incident.md holds the value of the environment's {name}: "):
        listed(run)


def test_a_home_folder_in_what_is_no_text_is_refused(run):
    evaluated(run)
    (run.evaluation / "a.png").write_bytes(b"\x89PNG made by /home/ada/plots/draw.py")
    with pytest.raises(UserError, match="^evaluation/a.png holds a path of somebody's home folder"):
        listed(run)


def test_redacting_hides_the_secret_and_leaves_the_rest(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "short_but_known")
    said = redact(f"PUT https://ada:pw@hub.org/x: {TOKEN} and short_but_known are refused")
    assert said == "PUT https://[hidden]@hub.org/x: [hidden] and [hidden] are refused"


@pytest.mark.parametrize(
    "text", ["a good film", "risk-averse-and-very-long-hyphenated-word", "me@example.org", "hf_hub"]
)
def test_plain_texts_hold_no_secret(text):
    assert find_leak(text.encode()) is None and redact(text) == text


def test_a_folder_with_spaces_in_its_name_is_not_told(tmp_path):
    folder = tmp_path / "my own runs" / "net"
    text = f"read {folder.parent}/data/train.csv and '{folder}'"
    assert without_paths(text, folder) == "read train.csv and 'net'"


def test_paths_inside_words_and_addresses_are_left_alone(tmp_path):
    text = "see https://example.org/tmp/a and and/or, 1/2, ./tmp/x, /usr/bin/env"
    assert without_paths(text, tmp_path) == text


@pytest.mark.parametrize("name", ["metrics.json", "model.safetensors"])
def test_an_unfinished_run_is_one_line(run, name):
    (run.path / name).unlink()
    with pytest.raises(UserError, match=name):
        listed(run)


def test_a_licence_that_the_hub_does_not_know_is_one_line(run):
    with pytest.raises(UserError, match="license"):
        files_of(run, repo_id="ada/net", license="my own")


def test_hashes_are_those_of_git_and_of_sha256sum(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    for file in (File(b"hello\n"), File(tmp_path / "a")):
        assert file.git_oid == "ce013625030ba8dba906f756967f9e9ca394464a" and file.size == 6
        assert file.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (90_867_952, "90.9 MB")])
def test_sizes_are_read_at_a_glance(size, words):
    assert size_in_words(size) == words
