"""What of the project a file needs, read from the source without running it: modules, and files that they open."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the project's packages."""


def needed_modules(entry: Path, root: Path = ROOT, *, packages: bool = True) -> set[Path]:
    """The project's source files without which `entry` cannot do all it does, itself included.

    Imports count wherever they stand, in functions too, and so does import_module: of a name that is put together,
    f"space.tabs.{name}", every module of the package. `packages` false leaves out the __init__.py around modules and
    what only they need.
    """
    found, waiting = set(), [entry]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            own = own_files(imported_names(file), root)
            waiting += [module for module in own if packages or module.name != "__init__.py"]
    return found


def needed_data(file: Path, root: Path = ROOT) -> set[Path]:
    """The files of the project that a source file names from where it lies, Path(__file__).parent / "style.css".

    Of a folder all files; what is not there is left out, and so is what is hidden or linked.
    """
    named = set(_paths_from_here(ast.parse(file.read_text(encoding="utf-8"), str(file)), file))
    found = set()
    for path in named:
        if path.is_relative_to(root):
            found |= {inside for inside in (path, *path.rglob("*")) if _is_data(inside, path)}
    return found


def imported_names(file: Path) -> set[str]:
    """The modules that a file imports, and what it takes from them, which may be modules too; pkg.* is all of pkg."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{file}:{node.lineno}: relative imports are not followed")
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and _name(node.func) == "import_module":
            names.add(_named_module(node.args[0], file))
    return names


def own_files(names: Iterable[str], root: Path = ROOT) -> Iterator[Path]:
    """The files of those modules that are the project's, the packages around them included."""
    for name in names:
        *packages, last = name.split(".")
        folders = [root.joinpath(*packages[: depth + 1]) for depth in range(len(packages))]
        files = [folder / "__init__.py" for folder in folders]
        if last == "*":
            files += folders[-1].glob("*.py")
        else:
            around = folders[-1] if folders else root
            files += [around / f"{last}.py", around / last / "__init__.py"]
        yield from filter(Path.is_file, files)


def _name(function: ast.expr) -> str | None:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def _named_module(argument: ast.expr, file: Path) -> str:
    """The name that import_module is given; `package.*` where it is put together behind `package.`."""
    if isinstance(argument, ast.Constant):
        return argument.value
    beginning = argument.values[0] if isinstance(argument, ast.JoinedStr) else None
    if not isinstance(beginning, ast.Constant) or not beginning.value.endswith("."):
        raise ValueError(f"{file}:{argument.lineno}: it cannot be told which modules import_module may load")
    return f"{beginning.value}*"


def _paths_from_here(node: ast.AST, file: Path) -> Iterator[Path]:
    """The longest paths in a piece of source that begin at its own file and go down from there."""
    path = _path(node, file) if isinstance(node, ast.BinOp) else None
    if path is not None:
        yield path
    else:
        for child in ast.iter_child_nodes(node):
            yield from _paths_from_here(child, file)


def _path(node: ast.AST, file: Path) -> Path | None:
    """What `Path(__file__)`, .resolve(), .parent, .parents[1] and / "name" come to; None for anything else."""
    match node:
        case ast.Call(func=ast.Name(id="Path"), args=[ast.Name(id="__file__")]):
            return file
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve")):
            return _path(inner, file)
        case ast.Attribute(value=inner, attr="parent"):
            path = _path(inner, file)
            return path and path.parent
        case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=index)):
            path = _path(inner, file)
            return path and path.parents[index]
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=name)):
            path = _path(left, file)
            return path and path / name
    return None


def _is_data(path: Path, base: Path) -> bool:
    parts = path.relative_to(base).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return path.is_file() and not path.is_symlink() and not hidden
