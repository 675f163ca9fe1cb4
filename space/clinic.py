"""What the app knows: the model it serves and the runs that may be looked at."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cli.errors import UserError
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, read_json

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

    def __init__(self, model: str, runs: Path, threads: int = 1):
        self.model = model
        self.runs = runs
        self._threads = threads
        self._predictors: OrderedDict[str, Predictor] = OrderedDict()
        self._calibrations: dict[Path, tuple[int, Calibration]] = {}
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        """The served model as people call it: a run's name or a Hub id."""
        return Path(self.model).resolve().name if Path(self.model).is_dir() else self.model

    def run_names(self, *, trained: bool = False) -> list[str]:
        """The runs, newest first; `trained`: only those with a model."""
        journals = [path for path in self.runs.glob("*/journal.jsonl") if path.is_file()]
        journals.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        names = [path.parent.name for path in journals]
        return [name for name in names if not trained or (self.runs / name / "config.json").is_file()]

    def run(self, name: str) -> RunDirectory:
        """The run of a name; raises UserError for any other word, a path above all."""
        if name not in self.run_names():
            raise UserError(f"there is no run {name!r} here")
        return RunDirectory(self.runs / name)

    def predictor(self, name: str | None = None) -> Predictor:
        """The network of a run, the served one where no run is named; loaded once."""
        source = self.model if name is None else str(self.run(name).path)
        with self._lock:
            if source not in self._predictors:
                self._predictors[source] = Predictor.load(source, threads=self._threads)
            self._predictors.move_to_end(source)
            while len(self._predictors) > KEPT:
                oldest = next(key for key in self._predictors if key != self.model)
                del self._predictors[oldest]
            return self._predictors[source]

    def calibration(self, name: str | None = None) -> Calibration:
        """The temperature and the threshold from a run's evaluation, if it has one."""
        folder = Path(self.model) if name is None else self.run(name).path
        path = RunDirectory(folder).evaluation / "calibration.json"
        if not path.is_file():
            return Calibration()
        # Asked for with every prediction, and changed by the next evaluation.
        written = path.stat().st_mtime_ns
        if self._calibrations.get(path, (None,))[0] != written:
            data = read_json(path)
            found = Calibration(data["temperature"], data["abstention_threshold"], data.get("temperature_fitted", True))
            self._calibrations[path] = written, found
        return self._calibrations[path][1]
