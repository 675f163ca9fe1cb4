"""A Hub that is emptied for each test, and runs to publish there."""

import functools
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory

from eval.run_directory import Journal, RunDirectory, write_json
from tests.hub.server import HubServer
from train.config import parse, save_config
from train.publishing import needs

NET, DEMO = "ada/net", "ada/demo"


@pytest.fixture(scope="session")
def hub_server():
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(hub_server, monkeypatch, tmp_path):
    hub_server.reset()
    hub_server.replace_hub(monkeypatch, tmp_path / "cache")
    yield hub_server
    set_client_factory(default_client_factory)


@pytest.fixture(scope="session")
def sources_parsed_once():
    """What a Space needs is read from the same sources in every test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("needed_modules", "needed_data"):
            patch.setattr(f"train.publishing.space.{name}", functools.cache(getattr(needs, name)))
        yield


@pytest.fixture
def waits(monkeypatch):
    """The seconds that were to be waited before further attempts; nobody does."""
    waits = []
    for name in ("huggingface_hub.utils._http", "train.publishing.asking"):
        monkeypatch.setattr(f"{name}.time", SimpleNamespace(sleep=waits.append))
    return waits


def as_run(model: Path, folder: Path, *flags: str) -> RunDirectory:
    """A finished run around the files of a model folder, trained with these flags; nothing was logged."""
    run = RunDirectory(folder)
    shutil.copytree(model, run.path)
    *_, settings = parse([*flags, "--output_dir", str(run.path)])
    save_config(run, settings)
    causal = "--task" in flags
    figure = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 32}
    figures = {"loss": figure, "perplexity": figure} if causal else {"accuracy": figure, "f1": figure}
    overlap = {"count": 0, "total": 32, "share": 0.0, "examples": []}
    metrics = {"schema": 1, "corpus": "reviews", "overlap": overlap, "best_step": 4}
    write_json(run.metrics, metrics | {"validation": figures, "test": figures})
    return run


def log(run: RunDirectory) -> None:
    """Give a run a journal, whose curves its card draws."""
    journal = Journal(run.journal)
    for step in (1, 2, 3, 4):
        journal.write("train", step, step / 4, loss=0.7 / step, learning_rate=1e-3)
    journal.write("eval", 4, 1.0, loss=0.3, accuracy=0.9)
    journal.close()


@pytest.fixture
def run(tiny_classifier, tmp_path) -> RunDirectory:
    return as_run(tiny_classifier, tmp_path / "runs" / "net")


def held(hub: HubServer, key: str = NET, revision: str = "main") -> dict[str, bytes]:
    """What a repository of the Hub holds, without what every new one does."""
    if key not in hub.repos:
        return {}
    files = {path: file.content for path, file in hub.repos[key].at(revision).files.items()}
    return {path: content for path, content in files.items() if path != ".gitattributes"}
