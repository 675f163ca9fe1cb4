"""The modelling code of a reference network, for readers of the Hub who do not have this project."""

import inspect
import json
import re
from pathlib import Path

from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, MODEL_MAPPING

from eval.run_directory import RunDirectory, read_json
from models.reference_configs import REFERENCE_NETWORKS
from train.publishing.needs import ROOT, needed_modules

CONFIGS = {config.model_type: config for config in REFERENCE_NETWORKS.values()}
HEADS = {
    "AutoModelForSequenceClassification": MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    "AutoModelForCausalLM": MODEL_FOR_CAUSAL_LM_MAPPING,
}


def modelling_files(run: RunDirectory) -> dict[str, bytes]:
    """What a run of a reference network is published with so that it loads with trust_remote_code; else nothing.

    {file name: content}: the network's source files, and a config.json that names their classes (auto_map) in the
    place of the run's own. Raises UserError where the run's config.json cannot be read.
    """
    settings = read_json(run.path / "config.json")
    config = CONFIGS.get(settings.get("model_type"))
    if config is None:
        return {}
    network = MODEL_MAPPING[config]
    source = Path(inspect.getfile(network))
    # The configuration too is taken from there, where it is imported: of each file that is named transformers makes
    # a package of its own, and two copies of a configuration are two classes.
    classes = {"AutoConfig": config, "AutoModel": network} | {
        auto: mapping[config]
        for auto, mapping in HEADS.items()
        if config in mapping and mapping[config].__name__ in (settings.get("architectures") or [])
    }
    settings["auto_map"] = {auto: f"{source.stem}.{found.__name__}" for auto, found in classes.items()}
    files = {path.name: _relative(path).encode() for path in needed_modules(source, packages=False)}
    files["config.json"] = (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode()
    return dict(sorted(files.items()))


def _relative(file: Path) -> str:
    """The source of one of our modules, its imports of our others turned into those of files beside it."""

    def turned(found: re.Match) -> str:
        module = ROOT.joinpath(*found["module"].split("."))
        return f"from .{module.name} import" if module.with_suffix(".py").is_file() else found[0]

    return re.sub(r"^from (?P<module>[\w.]+) import", turned, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
