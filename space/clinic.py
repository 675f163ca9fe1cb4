"""What the app knows: the model it serves and the runs that may be looked at."""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cli.errors import UserError
from eval.evidence import CONSTANTS, INDEX, Evidence
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, read_json, weights_fingerprint

KEPT = 3
"""Models that stay in memory at once."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the evaluation of a run says about its probabilities; without one they stay raw and nothing is withheld."""

    temperature: float = 1.0
    abstention_threshold: float | None = None
    """A calibrated confidence below it is "not sure"."""
    fitted: bool = False
    """Whether there was an evaluation to fit the temperature to."""


class Clinic:
    """The served model and the runs under one folder; nothing outside that folder can be named."""

    def __init__(self, model: str, runs: Path, threads: int = 1, studies: Path | None = None):
        self.model = model
        self.runs = runs
        self.studies = studies or runs.parent / "studies"
        self._threads = threads
        self._predictors: OrderedDict[tuple[str, int], Predictor] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        """The served model as people call it: a run's name or a Hub id."""
        return Path(self.model).resolve().name if Path(self.model).is_dir() else self.model

    def run_names(self, *, trained: bool = False) -> list[str]:
        """The runs, newest first; `trained`: only those with a classifier."""
        journals = {path: _written(path) for path in self.runs.glob("*/journal.jsonl")}
        newest_first = sorted(filter(journals.get, journals), key=journals.get, reverse=True)
        return [path.parent.name for path in newest_first if not trained or holds_classifier(path.parent)]

    def run(self, name: str) -> RunDirectory:
        """The run of a name; raises UserError for any other word, a path above all."""
        if name not in self.run_names():
            raise UserError(f"there is no run {name!r} here")
        return RunDirectory(self.runs / name)

    def predictor(self, name: str | None = None) -> Predictor:
        """The network of a run, the served one where none is named; loaded once, and again once trained again."""
        source = self.model if name is None else str(self.run(name).path)
        key = source, _written(Path(source) / "model.safetensors")
        with self._lock:
            if key not in self._predictors:
                self._predictors[key] = Predictor.load(source, threads=self._threads)
                for old in [other for other in self._predictors if other[0] == source and other != key]:
                    del self._predictors[old]
            self._predictors.move_to_end(key)
            while len(self._predictors) > KEPT:
                oldest = next(other for other in self._predictors if other[0] != self.model)
                del self._predictors[oldest]
            return self._predictors[key]

    @property
    def written(self) -> int:
        """When the weights of the served model were written, in nanoseconds; 0 where they do not lie here, or went."""
        return _written(Path(self.model) / "model.safetensors")

    def calibration(self, name: str | None = None) -> Calibration:
        """The temperature and the threshold from a run's evaluation, if it has one of these weights."""
        folder = Path(self.model) if name is None else self.run(name).path
        evaluation = RunDirectory(folder).evaluation
        # Asked for with every prediction, and changed by the next evaluation or training.
        paths = evaluation / "calibration.json", evaluation / "about.json", folder / "model.safetensors"
        return _calibration(folder, *paths[:2], tuple(map(_written, paths)))

    @property
    def serves_run(self) -> bool:
        """Whether the served model is a run, which `python eval/run.py` can evaluate as it is."""
        return RunDirectory(self.model).config.is_file()

    def evidence(self) -> Evidence | None:
        """The training sentences that the evaluation of the served model kept, if it has one of these weights."""
        folder = Path(self.model)
        evaluation = RunDirectory(folder).evaluation
        paths = evaluation / INDEX, evaluation / CONSTANTS, folder / "model.safetensors"
        return _evidence(folder, evaluation, tuple(map(_written, paths)))


def holds_classifier(folder: Path) -> bool:
    """Whether a folder holds a network that classifies: not a language model, nor a run that has none yet."""
    try:
        kinds = read_json(folder / "config.json").get("architectures") or []
    except (UserError, AttributeError):
        return False
    return any(str(kind).endswith("ForSequenceClassification") for kind in kinds)


@lru_cache(maxsize=64)
def _calibration(folder: Path, calibration: Path, about: Path, written: tuple[int, ...]) -> Calibration:
    """What the two files say; raw probabilities where they cannot be read, make no sense or tell of other weights."""
    try:
        data, judged = read_json(calibration), read_json(about)
        temperature, threshold = data["temperature"], data["abstention_threshold"]
        makes_sense = 0 < temperature < math.inf and (threshold is None or 0 <= threshold <= 1)
        if makes_sense and judged["weights"] == _fingerprint(folder, written[-1]):
            return Calibration(float(temperature), threshold, bool(data["temperature_fitted"]))
    except (UserError, KeyError, TypeError):
        pass
    return Calibration()


@lru_cache(maxsize=2)
def _evidence(folder: Path, evaluation: Path, written: tuple[int, ...]) -> Evidence | None:
    """What the evaluation kept; None where it kept nothing, or of other weights."""
    if not all(written):
        return None
    try:
        return Evidence.load(evaluation, _fingerprint(folder, written[-1]))
    except UserError:
        return None


@lru_cache(maxsize=64)
def _fingerprint(folder: Path, written: int) -> str:
    return weights_fingerprint(str(folder))


def _written(path: Path) -> int:
    """When a file was written last, in nanoseconds; 0 where there is none, which may have gone this moment."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
