import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

MODULES = Path(__file__).parents[2] / "eval" / "modules"

LOADER = """
import json, socket, sys

def refuse(*_):
    raise AssertionError("asked the network")

socket.socket.connect = refuse
sys.modules["transformers"] = None  # evaluate would import it for nothing, which takes seconds
import evaluate
del sys.modules["transformers"]

inputs = json.loads(sys.argv[1])
results = {}
for folder in sys.argv[2:]:
    module = evaluate.load(folder, keep_in_memory=True)
    assert module.description and module.citation
    results |= module.compute(**{key: inputs[key] for key in module.features})
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def inputs():
    draw = np.random.default_rng(0)
    labels = draw.integers(2, size=100)
    scores = np.clip(np.round(0.5 + 0.3 * (labels - 0.5) + 0.4 * draw.normal(size=100), 1), 0.1, 0.9)
    return {"predictions": (scores > 0.5).astype(int), "prediction_scores": scores, "references": labels}


@pytest.fixture(scope="module")
def results(inputs, tmp_path_factory):
    """What two processes print that load all modules into one empty cache at the same time, one told to be offline."""
    folders = sorted(str(path.parent) for path in MODULES.glob("*/*.py"))
    argument = json.dumps({name: values.tolist() for name, values in inputs.items()})
    cache = {"HF_HOME": str(tmp_path_factory.mktemp("cache")), "HF_HUB_OFFLINE": "0", "USE_TORCH": "0"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, argument, *folders],
            env=os.environ | cache | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for more in ({}, {"HF_HUB_OFFLINE": "1"})
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    return [json.loads(output.splitlines()[-1]) for output, _ in outputs]


@pytest.mark.multiprocess
def test_two_processes_load_the_same_modules_at_once(results):
    assert results[0] == results[1]


def test_every_module_gives_the_figure_of_scikit_learn(inputs, results):
    predictions, scores, labels = inputs.values()
    assert results[0] == pytest.approx(
        {
            "accuracy": sk.accuracy_score(labels, predictions),
            "precision": sk.precision_score(labels, predictions),
            "recall": sk.recall_score(labels, predictions),
            "f1": sk.f1_score(labels, predictions),
            "roc_auc": sk.roc_auc_score(labels, scores),
            "matthews_correlation": sk.matthews_corrcoef(labels, predictions),
            "log_loss": sk.log_loss(labels, scores),
        }
    )
