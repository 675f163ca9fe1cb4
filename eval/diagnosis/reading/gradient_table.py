"""A CSV of gradient magnitudes by layer: a row a layer, or a column a layer."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cli.errors import UserError
from eval.diagnosis.history import Gradients
from eval.diagnosis.reading.names import EPOCHS, STEPS, meaning, normalised
from eval.diagnosis.reading.table import Table, united

INPUT, OUTPUT = "input", "output"
LAYERS = ["layer", "layer_id", "layer_index", "layer_idx", "layer_name", "block", "module", "param", "parameter"]
DEPTH = "depth"
FIGURES = {
    "norm": "((total|l2)_)?(grad|gradient)(_l2)?(_norm|_magnitude)?|(l2_)?norm|magnitude",
    "mean_abs": "(mean_abs|abs_mean|mean|avg)_(grad|gradient|magnitude)|(grad|gradient)_mean|mean_abs|abs_mean",
    "zero_fraction": "zero_fraction",
    "dead_fraction": "dead_fraction",
    "weight_norm": "weight_norm",
    "update_norm": "update_norm",
}
"""What a column of a magnitude may be called, and the other figures as the journal names them."""
MOST = 10**8
"""Recordings times layers up to which an array of them is made."""
LAYER_WORDS = "layer|block|grad|depth|weight|bias|conv|dense|linear|lstm|fc|hidden|embed|head|encoder|decoder"


def read_gradients(path: Path, table: Table, order: str | None) -> tuple[Gradients, list[str]] | None:
    """Gradients by layer with notes; None where the table holds none.

    `layer` counts from the input, `depth` from the output; names that differ by a number alone are taken as counting
    from the input. Anything else stands in the order of the file and needs `order`: where that begins. `order` given
    goes before all of this. Raises UserError, which names --order, where it is needed.
    """
    plain = {normalised(name): name for name in reversed([*table.values, *table.words])}
    column = next((name for name in [*LAYERS, DEPTH] if name in plain), None)
    position = next((plain[name] for name in [*STEPS, *EPOCHS] if plain.get(name) in table.values), None)
    figures = _figures(table)
    if column and figures.keys() & {"norm", "mean_abs"}:
        return _long(path, table, plain[column], position, figures, OUTPUT if column == DEPTH else None, order)
    layers = [name for name in table.values if name != position and meaning(name) is None]
    return _wide(path, table, layers, position, order) if _are_layers(table, layers, order) else None


def _long(path, table, column, position, figures, told, order) -> tuple[Gradients, list[str]]:
    notes = []
    kept = united(table.logged[name] for name in figures.values())
    kept &= np.isfinite(table.values[column]) if column in table.values else table.words[column] != ""
    if position:
        kept &= np.isfinite(table.values[position])
    table = table[kept]
    if column in table.values:
        numbers, layer = np.unique(table.values[column], return_inverse=True)
        names, reverse = [f"{number:.15g}" for number in numbers], (order or told or INPUT) == OUTPUT
    else:
        layer, names = pd.factorize(table.words[column])
        sorted_, reverse = _arrange(path, names, order or told)
        layer = np.argsort(sorted_)[layer]
        names = [names[index] for index in sorted_]
    if position:
        step, recording = np.unique(table.values[position], return_inverse=True)
    else:
        # Without a step, a layer that comes again is recorded again.
        by_layer = np.argsort(layer, kind="stable")
        starts = np.searchsorted(layer[by_layer], np.arange(len(names)))
        recording = np.empty(table.rows, dtype=int)
        recording[by_layer] = np.arange(table.rows) - starts[layer[by_layer]]
        step = np.arange(1.0, recording.max(initial=0) + 2)
    if len(np.unique(recording * len(names) + layer)) < table.rows:
        notes.append("some layers are there twice at a step: the later value stands")
    if len(step) * len(names) > MOST:
        raise UserError(
            f"{path} has {len(names)} layers at {len(step)} steps: give a column that has a layer in many rows"
        )
    arrays = {}
    for figure, name in figures.items():
        arrays[figure] = np.full((len(step), len(names)), np.nan)
        arrays[figure][recording, layer] = table.values[name]
    return _gradients(names, step, arrays, reverse, notes)


def _wide(path, table, layers, position, order) -> tuple[Gradients, list[str]]:
    sorted_, reverse = _arrange(path, layers, order)
    layers = [layers[index] for index in sorted_]
    kept = united(table.logged[name] for name in layers)
    if position:
        kept &= np.isfinite(table.values[position])
    table = table[kept]
    step = table.values[position] if position else np.arange(1.0, table.rows + 1)
    step, last = np.unique(step[::-1], return_index=True)
    values = np.column_stack([table.values[name] for name in layers])[::-1][last]
    return _gradients(layers, step, {"norm": values}, reverse, [])


def _gradients(layers, step, figures, reverse, notes) -> tuple[Gradients, list[str]]:
    if reverse:
        layers, figures = layers[::-1], {name: values[:, ::-1] for name, values in figures.items()}
    if "norm" not in figures:
        notes.append("the mean of |gradient| is read in the place of its norm")
        figures["norm"] = figures["mean_abs"]
    return Gradients(layers, step, figures), notes


def _figures(table: Table) -> dict[str, str]:
    """The column of each figure; the first where several could be it."""
    matches = (
        (figure, name)
        for figure, names in FIGURES.items()
        for name in reversed(list(table.values))
        if re.fullmatch(names, normalised(name))
    )
    return dict(matches)


def _are_layers(table: Table, names: list[str], order: str | None) -> bool:
    """Whether columns are layers: by their names, or because `order` says so."""
    return len(names) > 1 and (order is not None or all(re.search(LAYER_WORDS, normalised(name)) for name in names))


def _arrange(path: Path, names: Sequence[str], order: str | None) -> tuple[list[int], bool]:
    """The order of layers by their names, and whether that begins at the output."""
    parts = [re.fullmatch(r"(\D*)(\d+)(.*)", name) for name in names]
    numbered = all(parts) and len({part[1] for part in parts}) == 1
    if numbered:
        # The same words around all numbers: each counts. Else the first does, and the file's order behind it.
        alike = len({re.sub(r"\d+", "#", name) for name in names}) == 1
        keys = [[int(n) for n in re.findall(r"\d+", name)][: None if alike else 1] for name in names]
        sorted_ = sorted(range(len(names)), key=lambda index: keys[index])
        from_output = normalised(parts[0][1]).endswith("depth")
        return sorted_, (order or (OUTPUT if from_output else INPUT)) == OUTPUT
    if order is None:
        raise UserError(
            f"{path} does not tell where its layers begin: add --order input if the first one is next to the input, "
            "--order output if it is next to the output"
        )
    return list(range(len(names))), order == OUTPUT
