import ast
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from data.tokenizer import train_tokenizer
from eval.run_directory import RunDirectory
from models.loading import new_network
from models.reference_configs import reference_config
from train.publishing.code import modelling_files
from train.publishing.needs import ROOT

SENTENCES = [
    f"{subject} is {word}{end}"
    for subject in ("the film", "this very long story of a plot and its cast", "it")
    for word in ("good", "dull and clumsy", "lovely, moving")
    for end in (".", " and stale!")
] + ["awful", "a great, funny movie: see it"]
NAMES = ["NEGATIVE", "POSITIVE"]
RUNS = {
    "encoder": ("transformer", {"positions": "rotary", "norm": "post"}, NAMES),
    "language-model.v2": ("transformer", {"tied_head": True, "positions": "sinusoidal"}, None),
    "mlp": ("deep_mlp", {"norm": "pre", "residual": True}, NAMES),
}
SHAPE = {"depth": 2, "width": 16}

COMMIT = "0123456789abcdef0123456789abcdef01234567"

# What a reader of the Hub has: neither this project nor its folder. Prints the outputs of each model that is named.
READER = """
import importlib.util, json, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
assert not any(map(importlib.util.find_spec, ("cli", "models", "train")))
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

sentences, *models = json.load(sys.stdin)
outputs = []
for folder, hub_id, causal in models:
    # Where nothing is said, it asks at the terminal before it goes on without the code.
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    auto = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
    try:
        auto.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        assert "trust_remote_code" in str(error)
    else:
        raise AssertionError("it runs code that nobody trusted")
    model = auto.from_pretrained(folder, trust_remote_code=True)
    assert type(model.config) is model.config_class
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    by_id = auto.from_pretrained(hub_id, trust_remote_code=True)
    # Saved by somebody else, it is as it was.
    by_id.save_pretrained(folder + "-again")
    again = auto.from_pretrained(folder + "-again", trust_remote_code=True)
    batch = tokenizer(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits
        assert all(other(**batch).logits.equal(logits) for other in (by_id, again))
    outputs.append(logits.softmax(-1).tolist())
print(json.dumps(outputs))
"""


def make_run(folder, name):
    kind, settings, labels = RUNS[name]
    torch.manual_seed(0)
    tokenizer = train_tokenizer(SENTENCES * 3, 300)
    config = reference_config(kind, SHAPE | settings, causal=labels is None)
    model = new_network(config, tokenizer, max_length=64, label_names=labels)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / name)
    return RunDirectory(folder / name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {name: make_run(folder, name) for name in RUNS}


@pytest.fixture(scope="module")
def published(runs, tmp_path_factory):
    """The runs as they lie on the Hub, and in the folder `cache` as the Hub's client keeps them."""
    folder = tmp_path_factory.mktemp("published")
    for name, run in runs.items():
        files = {path.name: path.read_bytes() for path in run.path.iterdir()} | modelling_files(run)
        (folder / name).mkdir()
        for path, content in files.items():
            (folder / name / path).write_bytes(content)
        kept = folder / "cache" / f"models--user--{name}"
        shutil.copytree(folder / name, kept / "snapshots" / COMMIT)
        (kept / "refs").mkdir()
        (kept / "refs" / "main").write_text(COMMIT)
    return folder


def outputs(model, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model.eval()(**tokenizer(SENTENCES, padding=True, return_tensors="pt")).logits
    return logits.softmax(-1).numpy()


def load(name, folder):
    auto = AutoModelForSequenceClassification if RUNS[name][2] else AutoModelForCausalLM
    return auto.from_pretrained(folder)


@pytest.mark.slow
def test_a_reader_without_the_project_gets_the_same_probabilities(runs, published, tmp_path):
    assert len(set(SENTENCES)) == 20
    asked = [[str(published / name), f"user/{name}", labels is None] for name, (*_, labels) in RUNS.items()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    environment |= {"HOME": str(tmp_path), "HF_HUB_CACHE": str(published / "cache"), "HF_HUB_OFFLINE": "1"}
    read = subprocess.run(
        [sys.executable, "-I", "-c", READER],
        input=json.dumps([SENTENCES, *asked]),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert read.returncode == 0, read.stderr
    for name, theirs in zip(RUNS, json.loads(read.stdout), strict=True):
        np.testing.assert_allclose(theirs, outputs(load(name, runs[name].path), runs[name].path), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", RUNS)
def test_with_the_project_it_loads_as_ever(runs, published, name):
    model = load(name, published / name)
    assert type(model).__module__ in ("models.transformer", "models.deep_mlp")
    before = outputs(load(name, runs[name].path), runs[name].path)
    np.testing.assert_array_equal(outputs(model, published / name), before)


def test_a_network_brings_its_own_code_alone(runs):
    assert list(modelling_files(runs["mlp"])) == [
        *("config.json", "deep_mlp.py", "errors.py", "losses.py", "parts.py", "reference_configs.py"),
    ]
    for run in runs.values():
        files = modelling_files(run)
        for name, content in files.items():
            if name.endswith(".py"):
                for node in ast.walk(ast.parse(content)):
                    if isinstance(node, ast.ImportFrom) and node.level:
                        assert node.level == 1 and f"{node.module}.py" in files
                    elif isinstance(node, ast.Import | ast.ImportFrom):
                        module = getattr(node, "module", None) or node.names[0].name
                        assert not (ROOT / module.split(".")[0]).exists(), (name, module)


def test_the_runs_own_config_stays_as_it_is(runs):
    path = runs["encoder"].path / "config.json"
    before, published = path.read_bytes(), json.loads(modelling_files(runs["encoder"])["config.json"])
    assert path.read_bytes() == before
    assert published == json.loads(before) | {
        "auto_map": {
            "AutoConfig": "transformer.TransformerConfig",
            "AutoModel": "transformer.TransformerModel",
            "AutoModelForSequenceClassification": "transformer.TransformerForSequenceClassification",
        }
    }


def test_networks_of_transformers_need_no_code(tiny_classifier):
    assert modelling_files(RunDirectory(tiny_classifier)) == {}
