"""What the third scenario keeps of its runs."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from eval.run_directory import Journal
from eval.scenarios.vanishing_gradients import gather

LAYERS = [f"block.{index}" for index in range(4)]


def write_run(folder, losses, norms, gain=None):
    folder.mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    journal.write("event", 0, 0, event="train_begin", max_steps=100)
    if gain is not None:
        figures = {"gain": gain, "slope": gain, "weights": 1.0, "reach": 1.0, "spread": 0.5}
        journal.write("layer_gains", 1, 0.1, layers={layer: figures for layer in LAYERS})
        journal.write("layer_gains", 100, 1.0, layers={layer: figures | {"gain": 9.0} for layer in LAYERS})
    for step, loss in zip(np.linspace(10, 100, len(losses)).astype(int).tolist(), losses, strict=True):
        journal.write("train", step, step / 100, loss=loss)
        journal.write("eval", step, step / 100, loss=loss + 0.1)
    layers = {"embeddings": 1.0} | dict(zip(LAYERS, norms, strict=True)) | {"head": 1.0}
    layers = {layer: {"norm": norm} for layer, norm in layers.items()}
    journal.write("grad_norms", 100, 1.0, clipped=False, total=1.0, layers=layers)
    journal.close()


@pytest.fixture
def runs(tmp_path):
    """A sick cell and a mended one in the cure, and a further study in which a run failed."""
    sick, well = (0.7,) * 10, tuple(np.linspace(0.7, 0.3, 10))
    cure, study = tmp_path / "run" / "treatment" / "cure", tmp_path / "studies" / "depth"
    rows = {cure: [], study: []}
    for path, cell, seed, status, losses, gain in (
        (cure, "baseline", 7, "complete", sick, 0.25),
        (cure, "remedy=residual=on", 7, "complete", well, None),
        (study, "layers=4", 0, "complete", well, 0.5),
        (study, "layers=4", 1, "failed", sick, 0.5),
    ):
        write_run(path / "runs" / f"{cell}-{seed}", losses, [0.001, 0.01, 0.1, 1], gain)
        rows[path].append({"cell": cell, "seed": seed, "status": status, "run": f"runs/{cell}-{seed}"})
    for path, table in rows.items():
        pd.DataFrame(table).to_csv(path / "runs.csv", index=False)
    return tmp_path


def test_outcomes_and_the_gains_of_the_first_step_of_every_complete_run(runs):
    kept = pd.read_csv(io.StringIO(gather(runs)["outcomes.csv"])).set_index(["study", "cell", "seed"])
    assert len(kept) == 3 and kept.index.is_unique
    assert kept.loc[("cure", "baseline", 7), "gain"] == 0.25 and kept.loc[("depth", "layers=4", 0), "gain"] == 0.5
    assert np.isnan(kept.loc[("cure", "remedy=residual=on", 7), "gain"])
    assert kept.loc[("cure", "remedy=residual=on", 7), "capped_training_loss"] == pytest.approx(0.32, abs=0.03)
    np.testing.assert_allclose(kept["gradient_ratio"], -3, atol=1e-4)


def test_curves_and_profiles_of_the_cure_only(runs):
    kept = json.loads(gather(runs)["cure.json"])
    assert kept.keys() == {"baseline", "remedy=residual=on"}
    [run] = kept["remedy=residual=on"]
    assert run["profile"] == [0.001, 0.01, 0.1, 1]  # hidden layers alone
    assert run["validation"]["step"][-1] == 100 and run["validation"]["value"][-1] == pytest.approx(0.4)
