"""The logs of the scorecard's runs in two parquet files, small enough to lie in the repository."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.diagnosis.history import History
from eval.diagnosis.reading.run import history_of_records

FOLDER = Path(__file__).with_name("traces")
CLASSES = 2
OF_LAYERS = ("norm", "mean_abs", "zero_fraction", "dead_fraction", "weight_norm", "update_norm")
OF_EVALUATIONS = ("loss", "accuracy", "f1", "precision", "recall", "auc", "mcc")
OF_TRAINING = ("loss", "learning_rate", "grad_norm")
OF_EVENTS = {"train_begin": "max_steps", "non_finite": "value"}
NOT_KEPT = {"corpus", "data_dir", "tokenizer", "output_dir", "overwrite", "rows", "weights", "cpu_threads"}
"""Settings that would tell a diagnosis what was planted, or where a file lay."""
SCHEMA = pa.schema(
    [
        *(("run", pa.dictionary(pa.int32(), pa.string())), ("line", pa.int32())),
        *(("kind", pa.dictionary(pa.int32(), pa.string())), ("step", pa.int32()), ("epoch", pa.float64())),
        *(("layer", pa.dictionary(pa.int32(), pa.string())), ("figure", pa.dictionary(pa.int32(), pa.string()))),
        ("value", pa.float32()),
    ]
)
RUNS = b"runs"
"""The key under which a file's metadata hold what is known of each run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A run's log: the lines of its journal that a diagnosis reads, and how it was made."""

    key: str
    """fault-architecture-seed, or kind-architecture-seed."""
    plan: dict[str, Any]
    """The plan of its recipe (benchmarks/diagnosis/recipes.py)."""
    records: Sequence[Mapping[str, Any]] = field(repr=False)
    seconds: float = 0.0

    @property
    def of(self) -> str:
        """The fault, or the kind of control."""
        return self.key.rsplit("-", 2)[0]

    @property
    def architecture(self) -> str:
        return self.key.rsplit("-", 2)[1]

    @property
    def seed(self) -> int:
        return int(self.key.rsplit("-", 2)[2])

    @property
    def settings(self) -> dict[str, Any]:
        """What the run's config.yaml would tell."""
        return {name: value for name, value in self.plan.items() if name not in NOT_KEPT}

    def history(self) -> History:
        """The run as its log tells it."""
        return history_of_records(self.records, self.key, self.settings, CLASSES)


def compact(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines and figures of a journal that are kept."""
    kept = []
    for record in records:
        places = {name: record[name] for name in ("kind", "step", "epoch")}
        match record["kind"]:
            case "grad_norms":
                layers = {
                    layer: {name: figures[name] for name in OF_LAYERS if name in figures}
                    for layer, figures in record["layers"].items()
                }
                kept.append(places | {"total": record["total"], "layers": layers})
            case "train" | "eval" as kind:
                names = OF_TRAINING if kind == "train" else OF_EVALUATIONS
                kept.append(places | {name: record[name] for name in names if name in record})
            case "event" if record["event"] in OF_EVENTS:
                figure = OF_EVENTS[record["event"]]
                kept.append(places | {"event": record["event"], figure: record[figure]})
    return kept


def write_traces(path: Path, traces: Sequence[Trace]) -> None:
    """Write traces sorted by key: equal traces make equal files."""
    columns: dict[str, list] = {name: [] for name in SCHEMA.names}
    for trace in (traces := sorted(traces, key=lambda trace: trace.key)):
        for number, record in enumerate(trace.records):
            for layer, figure, value in _figures(record):
                row = (trace.key, number, _kind(record), record["step"], record["epoch"], layer, figure, value)
                for name, cell in zip(SCHEMA.names, row, strict=True):
                    columns[name].append(cell)
    runs = {trace.key: {"plan": trace.plan, "seconds": trace.seconds} for trace in traces}
    table = pa.table(columns, schema=SCHEMA).replace_schema_metadata({RUNS: json.dumps(runs).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".writing")
    pq.write_table(table, unfinished, compression="zstd", compression_level=19)
    unfinished.rename(path)


def read_traces(path: Path) -> dict[str, Trace]:
    """The traces of a file by key; {} where there is none."""
    if not path.exists():
        return {}
    table = pq.read_table(path)
    runs = json.loads(table.schema.metadata[RUNS])
    columns = [table[name].to_pylist() for name in SCHEMA.names]
    records: dict[str, dict[int, dict]] = {key: {} for key in runs}
    for key, number, kind, step, epoch, layer, figure, value in zip(*columns, strict=True):
        kind, _, event = kind.partition(":")
        record = records[key].setdefault(number, {"kind": kind, "step": step, "epoch": epoch})
        if event:
            record |= {"event": event, figure: int(value) if figure == "max_steps" else value}
        elif layer is None:
            record[figure] = value
        else:
            record.setdefault("layers", {}).setdefault(layer, {})[figure] = value
    return {
        key: Trace(key=key, plan=run["plan"], records=list(records[key].values()), seconds=run["seconds"])
        for key, run in runs.items()
    }


def _kind(record: Mapping[str, Any]) -> str:
    return f"{record['kind']}:{record['event']}" if "event" in record else record["kind"]


def _figures(record: Mapping[str, Any]) -> Iterator[tuple[str | None, str, float]]:
    places = ("kind", "step", "epoch", "event", "layers")
    yield from ((None, name, _float32(value)) for name, value in record.items() if name not in places)
    for layer, figures in record.get("layers", {}).items():
        yield from ((layer, name, _float32(value)) for name, value in figures.items())


def _float32(value: float) -> float:
    """As near as 32 bits come; what is too large for them stays the largest they hold, and finite."""
    largest = float(np.finfo(np.float32).max)
    return max(-largest, min(largest, value)) if math.isfinite(value) else value
