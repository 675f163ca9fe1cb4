"""What a Space needs: its front matter and requirements of its own."""

import ast
import sys
from pathlib import Path

import gradio
import yaml

ROOT = Path(__file__).parents[2]
OWN = ("cli", "data", "eval", "models", "space")
DISTRIBUTIONS = {
    "huggingface_hub": "huggingface-hub",
    "markdown_it": "markdown-it-py",
    "markupsafe": "jinja2",
    "yaml": "PyYAML",
}


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if "==" in line]
    return dict(line.split("==") for line in lines)


def modules_of(name: str) -> list[Path]:
    path = ROOT.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]


def imported(path: Path, seen: set[Path]) -> set[str]:
    """The packages of others that a file imports, itself or through our own modules."""
    if path in seen:
        return set()
    seen.add(path)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            first = name.split(".")[0]
            if first in OWN:
                for file in modules_of(name):
                    found |= imported(file, seen)
            elif first not in sys.stdlib_module_names:
                found.add(DISTRIBUTIONS.get(first, first))
    return found


def test_requirements_hold_all_that_the_app_imports():
    own, whole = pins(ROOT / "space" / "requirements.txt"), pins(ROOT / "requirements.txt")
    seen: set[Path] = set()
    needed = set().union(*(imported(file, seen) for file in (ROOT / "space").rglob("*.py")))
    assert "torch" in needed and needed <= set(own)
    assert {name: whole[name] for name in own} == own
    assert "-e" not in (ROOT / "space" / "requirements.txt").read_text().split()


def test_the_front_matter_names_what_is_there():
    _, front, _ = (ROOT / "space" / "README.md").read_text().split("---\n", 2)
    settings = yaml.safe_load(front)
    assert settings["sdk"] == "gradio" and settings["sdk_version"] == gradio.__version__
    assert settings["python_version"] == "3.11" and (ROOT / settings["app_file"]).is_file()
    assert settings["title"] and settings["emoji"] and settings["models"] and settings["license"] == "apache-2.0"
