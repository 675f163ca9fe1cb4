"""What of a run is published: the files that are named here and no others, without paths of this machine."""

import functools
import hashlib
import json
import mmap
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml
from huggingface_hub import ModelCard

from cli.errors import UserError
from eval.cards.check import check_card
from eval.model_card import card_of, pictures_of
from eval.run_directory import RunDirectory, read_json, weights_fingerprint
from train.publishing.code import modelling_files
from train.publishing.leaks import find_leak, redact, without_paths, without_paths_in

CARD = "README.md"
WEIGHTS = r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json"
TOKENIZER = (
    r"tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(txt|json)|merges\.txt"
    r"|(spiece|sentencepiece\.bpe|tokenizer)\.model|chat_template\.jinja"
)
CONFIGURATION = r"config\.json|generation_config\.json"
ADAPTER = r"adapter_config\.json|adapter_model\.safetensors"
# Of the journal everything that a diagnosis, the card's curves and the app know is read again. trainer_state.json says
# the same, and test_predictions.csv no more than evaluation/.
RECORDS = r"config\.yaml|journal\.jsonl|metrics\.json|diagnosis\.json|incident\.md"
EVALUATION = r"[\w.-]+\.(json|png)|report\.(md|html)"
OURS = re.compile(
    rf"{CARD}|{WEIGHTS}|{TOKENIZER}|{CONFIGURATION}|{RECORDS}|adapter/({ADAPTER})|evaluation/({EVALUATION})"
    r"|(card|diagnosis|treatment)/[\w./-]+\.png"
)
"""The paths in a repository that are ours: one that a run has no more is deleted there."""
_TEXT = (".json", ".jsonl", ".yaml", ".md", ".html", ".txt", ".jinja", ".py")
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(([\w./-]+\.png)\)")


@dataclass(frozen=True)
class File:
    """A file to publish: its content, or where it lies."""

    source: bytes | Path

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    @functools.cached_property
    def sha256(self) -> str:
        """What the Hub calls a large file."""
        return self._digest("sha256", b"")

    @functools.cached_property
    def git_oid(self) -> str:
        """What git calls a small one."""
        return self._digest("sha1", b"blob %d\0" % self.size)

    def _digest(self, kind: str, beginning: bytes) -> str:
        digest = hashlib.new(kind, beginning)
        if isinstance(self.source, bytes):
            digest.update(self.source)
        else:
            with open(self.source, "rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
        return digest.hexdigest()


def files_of(
    run: RunDirectory,
    *,
    repo_id: str,
    license: str,  # noqa: A002 (the Hub's word)
    revision: str | None = None,
) -> dict[str, File]:
    """Everything that is published of a finished run, {path in the repository: File}, sorted by path.

    Nothing is written. Raises UserError, one line, for a run that is not finished, a card that the Hub would refuse,
    and a file that holds a secret.
    """
    if not run.metrics.is_file():
        raise UserError(f"{run.path} is no finished run: it holds no metrics.json")
    card = card_of(run, repo_id=repo_id, revision=revision, license=license)
    check_card(card)
    files = model_files(run.path, card)
    if not any(re.fullmatch(WEIGHTS, path) for path in files):
        if (run.path / "model.safetensors").is_symlink():
            raise UserError(f"{run.path}/model.safetensors is a link that leads out of the run: put the file there")
        raise UserError(f"{run.path} holds no model.safetensors: train it again")
    if _is_inside(run.path / "adapter", run.path):
        files |= {f"adapter/{path}": file for path, file in adapter_files(run.path / "adapter", card).items()}
    files |= _found(run.path, RECORDS)
    if "incident.md" in files:
        shown = filter(OURS.fullmatch, _PICTURE.findall(run.incident.read_text(encoding="utf-8", errors="replace")))
        files |= {path: File(run.path / path) for path in shown if _is_file_inside(run.path / path, run.path)}
    if _is_of_these_weights(run):
        files |= {f"evaluation/{path}": file for path, file in _found(run.evaluation, EVALUATION).items()}
    files |= {path: File(picture) for path, picture in pictures_of(run, card).items()}
    return ready(files, run.path)


def model_files(folder: Path, card: ModelCard) -> dict[str, File]:
    """A model with its tokenizer, its modelling code where transformers has none, and its card."""
    files = _found(folder, "|".join((WEIGHTS, CONFIGURATION, TOKENIZER)))
    if "config.json" in files:
        files |= {path: File(content) for path, content in modelling_files(RunDirectory(folder)).items()}
    return files | {CARD: File(str(card).encode())}


def adapter_files(folder: Path, card: ModelCard) -> dict[str, File]:
    """A LoRA adapter; what it was trained on is named as in the card where it was a folder of this machine."""
    files = _found(folder, ADAPTER)
    if "adapter_config.json" in files:
        settings = read_json(folder / "adapter_config.json")
        if not isinstance(settings, dict):
            raise UserError(f"{folder / 'adapter_config.json'} is not a JSON object: train it again")
        if str(settings.get("base_model_name_or_path")).startswith(("/", "~")) and card.data.base_model:
            settings["base_model_name_or_path"] = card.data.base_model
            files["adapter_config.json"] = File((json.dumps(settings, indent=2, sort_keys=True) + "\n").encode())
    return files


def ready(files: dict[str, File], folder: Path) -> dict[str, File]:
    """The files without the paths of this machine; raises UserError, naming the file, where one holds a secret."""
    cleaned = {path: _without_paths(path, file, folder) for path, file in sorted(files.items())}
    check_leaks(cleaned)
    return cleaned


def check_leaks(files: dict[str, File]) -> None:
    """Raise UserError, naming the file, where one holds a secret, or its name; the secret itself is not told."""
    for path, file in files.items():
        if leak := find_leak(path.encode()):
            raise UserError(f"the name of {redact(path)} holds {leak}: rename it, and run the same command again")
        if leak := _leak(path, file):
            raise UserError(f"{path} holds {leak}: take it out, and run the same command again")


def size_in_words(size: int) -> str:
    """3.2 kB, 90.9 MB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            break
        size, unit = size / 1000, {"B": "kB", "kB": "MB", "MB": "GB"}[unit]
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _found(folder: Path, names: str) -> dict[str, File]:
    return {path.name: File(path) for path in _files_in(folder) if re.fullmatch(names, path.name)}


def _files_in(folder: Path) -> Iterable[Path]:
    """The files of a folder; a link to elsewhere may be to anything, so it is none."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in paths if _is_file_inside(path, folder)]


def _is_file_inside(path: Path, folder: Path) -> bool:
    return path.is_file() and _is_inside(path, folder)


def _is_inside(path: Path, folder: Path) -> bool:
    return path.exists() and path.resolve().is_relative_to(folder.resolve())


def _is_of_these_weights(run: RunDirectory) -> bool:
    """Whether the evaluation there judged the weights that are there."""
    about = run.evaluation / "about.json"
    if not _is_file_inside(about, run.path):
        return False
    judged = read_json(about)
    return isinstance(judged, dict) and judged.get("weights") == weights_fingerprint(str(run.path))


def _without_paths(path: str, file: File, folder: Path) -> File:
    if PurePosixPath(path).suffix not in _TEXT or path in ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"):
        return file
    old = file.source if isinstance(file.source, bytes) else file.source.read_bytes()
    text = old.decode("utf-8", "replace")
    if path == "config.yaml":
        text = _settings_without_paths(text)
    new = without_paths(text, folder)
    return file if new == old.decode("utf-8", "replace") else File(new.encode())


def _settings_without_paths(text: str) -> str:
    settings = yaml.safe_load(text)
    cleaned = without_paths_in(settings)
    if cleaned == settings:
        return text
    heading = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return heading + yaml.safe_dump(cleaned)


def _leak(path: str, file: File) -> str | None:
    if isinstance(file.source, bytes):
        return find_leak(file.source)
    if not file.size:
        return None
    with open(file.source, "rb") as opened:
        if path.endswith(".safetensors"):
            # What follows the header is numbers.
            (length,) = struct.unpack("<Q", opened.read(8).ljust(8, b"\0"))
            return find_leak(opened.read(min(length, 2**27)))
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return find_leak(content)
