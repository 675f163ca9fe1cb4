"""The traces of a scenario: small files from which its story is told without training anything."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from eval.diagnosis.finding import Diagnosis, Finding
from eval.diagnosis.history import History
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose
from eval.run_directory import read_json, remove, write_json, write_text

PHASES = ("experiment", "alone", "cure")
"""The studies of a treatment, by their folders."""
RUN, STUDIES = "run", "studies"
"""The folders of a scenario's runs: the sick one, and what was studied beside its treatment."""
SCENARIO = "scenario.json"
"""Which scenario it is, the command, and the seconds that each part took."""


class Traces:
    """The folder that keep() wrote: the sick run's log, its treatment, and the tables of all runs."""

    def __init__(self, path: Path):
        self.path = path

    @cached_property
    def about(self) -> dict[str, Any]:
        return read_json(self.path / SCENARIO)

    @cached_property
    def history(self) -> History:
        """The log of the sick run."""
        return replace(read_history(self.path), source=self.about["run"])

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What that log says, judged anew."""
        return diagnose(self.history)

    @cached_property
    def finding(self) -> Finding:
        """The finding of that diagnosis which was treated."""
        return next(one for one in self.diagnosis.findings if one.name == self.treatment["finding"])

    @cached_property
    def treatment(self) -> dict[str, Any]:
        """treatment.json."""
        return read_json(self.path / "treatment.json")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The outcomes of every run of the treatment; `phase` is its study, `seed` a number."""
        return self.frame("cells.csv")

    def study(self, name: str) -> pd.DataFrame:
        """The runs.csv of a further study."""
        return self.frame(f"{STUDIES}/{name}.csv")

    def frame(self, name: str) -> pd.DataFrame:
        """A trace in CSV."""
        return pd.read_csv(self.path / name)

    def json(self, name: str) -> Any:
        """A trace in JSON."""
        return read_json(self.path / name)


def keep(runs: Path, traces: Path, about: Mapping[str, Any], further: Mapping[str, str]) -> Traces:
    """Write the traces of a scenario's runs; `further` are those of its own, {file name: text}. What lay there goes."""
    files = {
        "config.yaml": (runs / RUN / "config.yaml").read_text(encoding="utf-8"),
        "journal.jsonl": (runs / RUN / "journal.jsonl").read_text(encoding="utf-8"),
        "treatment.json": (runs / RUN / "treatment" / "treatment.json").read_text(encoding="utf-8"),
        "cells.csv": _cells(runs / RUN / "treatment"),
    }
    if (model := runs / RUN / "config.json").exists():  # it says how many classes there are
        files["config.json"] = model.read_text(encoding="utf-8")
    for table in sorted((runs / STUDIES).glob("*/runs.csv")):
        files[f"{STUDIES}/{table.parent.name}.csv"] = table.read_text(encoding="utf-8")
    for left_over in [*traces.glob("*.*"), *traces.glob(f"{STUDIES}/*.csv")]:
        remove(left_over)
    for name, text in (files | dict(further)).items():
        write_text(traces / name, text)
    write_json(traces / SCENARIO, dict(about))
    return Traces(traces)


def _cells(treatment: Path) -> str:
    tables = {
        phase: pd.read_csv(treatment / phase / "cells.csv")
        for phase in PHASES
        if (treatment / phase / "cells.csv").exists()
    }
    joined = pd.concat([table.assign(phase=phase) for phase, table in tables.items()], ignore_index=True)
    return joined.drop(columns="run").to_csv(index=False, float_format="%.6g")
