"""Imports run downwards only, and no file hides a module that somebody imports."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = [{"cli"}, {"data", "models"}, {"eval"}, {"callbacks"}, {"train", "space"}]
FLOOR_OF = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
SCRIPT_FOLDERS = ("train", "eval", "space")
OUTSIDE = ("benchmarks", "tests", "notebooks", "docs")


def imported_modules(path: Path) -> list[tuple[int, str]]:
    """Line and absolute name of every import of a file, wherever in the file it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, "." * node.level + (node.module or "")))
    return found


def import_violations(root: Path) -> list[str]:
    """One line for every import of the project's packages that breaks the rules of the house."""
    violations = []
    for package, floor in FLOOR_OF.items():
        for path in sorted((root / package).rglob("*.py")):
            for line, module in imported_modules(path):
                where = f"{path.relative_to(root)}:{line}"
                top = module.split(".")[0]
                if module.startswith("."):
                    violations.append(f"{where} imports {module} relatively")
                elif top in OUTSIDE:
                    violations.append(f"{where} imports {module}, which nothing may import")
                elif top != package and FLOOR_OF.get(top, -1) >= floor:
                    violations.append(f"{where} imports {module} from its own floor or above")
    return violations


def bare_eval_imports(root: Path) -> list[str]:
    """One line for every `import eval…`, which hides the builtin; `from eval.x import y` does not."""
    violations = []
    for folder in (*FLOOR_OF, "benchmarks", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
                if isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "eval" for alias in node.names):
                    violations.append(f"{path.relative_to(root)}:{node.lineno} imports eval itself")
    return violations


def hiding_names(root: Path) -> list[str]:
    """One line for every file that hides a module from a script beside it, whose folder comes first on sys.path."""
    taken = sys.stdlib_module_names | packages_distributions().keys() | FLOOR_OF.keys() | set(OUTSIDE)
    paths = [path for folder in SCRIPT_FOLDERS for path in sorted((root / folder).glob("*"))]
    return [f"{path.relative_to(root)} hides {path.stem}" for path in paths if path.stem in taken]


@pytest.mark.parametrize("rule", [import_violations, bare_eval_imports, hiding_names])
def test_the_project_keeps_the_rule(rule):
    assert rule(ROOT) == []


def test_all_packages_have_a_floor():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(FLOOR_OF)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("cli/config.py", "import data.corpora"),
        ("data/corpora.py", "from models.layers import layer_of"),
        ("models/losses.py", "import data"),
        ("eval/report.py", "def draw():\n    from callbacks.journal import Journal"),
        ("eval/modules/f1/f1.py", "from train.trainer import Trainer"),
        ("callbacks/journal.py", "try:\n    import train.run\nexcept ImportError:\n    pass"),
        ("train/run.py", "from space import app"),
        ("space/app.py", "from train.run import main"),
        ("train/run.py", "from benchmarks.throughput import main"),
        ("data/edits.py", "from tests.conftest import tiny"),
        ("eval/metrics.py", "from .bootstrap import bootstrap"),
    ],
)
def test_a_planted_wrong_import_is_caught(tmp_path, file, code):
    plant(tmp_path, file, code)
    (violation,) = import_violations(tmp_path)
    assert violation.startswith(f"{file}:")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("data/corpora.py", "from cli.errors import UserError"),
        ("eval/metrics.py", "from eval.bootstrap import bootstrap\nimport numpy"),
        ("train/run.py", "import callbacks.journal, data.corpora\nfrom eval.metrics import Estimate"),
        ("space/app.py", "from eval.predictor import Predictor\nfrom callbacks.journal import x"),
        ("benchmarks/speed.py", "from train.run import main\nfrom space.app import app"),
        ("data/corpora.py", '"""import train.run"""'),
    ],
)
def test_an_import_downwards_is_allowed(tmp_path, file, code):
    plant(tmp_path, file, code)
    assert import_violations(tmp_path) == []


@pytest.mark.parametrize("code", ["import eval", "import numpy, eval as e", "def f():\n    import eval.metrics"])
def test_a_planted_bare_import_of_eval_is_caught(tmp_path, code):
    plant(tmp_path, "benchmarks/speed.py", code)
    plant(tmp_path, "train/run.py", "from eval.metrics import Estimate\nimport evaluate")
    assert len(bare_eval_imports(tmp_path)) == 1


@pytest.mark.parametrize("name", ["evaluate.py", "statistics.py", "data.py", "torch.py", "yaml/x.py", "benchmarks.py"])
def test_a_planted_hiding_name_is_caught(tmp_path, name):
    plant(tmp_path, f"eval/{name}", "")
    plant(tmp_path, "eval/metrics.py", "")
    plant(tmp_path, "data/statistics.py", "")  # no script lies in data/
    assert len(hiding_names(tmp_path)) == 1


def plant(root: Path, file: str, code: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(code, encoding="utf-8")
