"""Whether the Hub would take a card: the rules of its validator as far as they are known without asking it."""

import difflib
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from huggingface_hub import ModelCard
from huggingface_hub.errors import HFValidationError
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from huggingface_hub.utils import validate_repo_id

from cli.errors import UserError

MOST_BYTES = 1_000_000
"""Of a card; ours have some 20,000. A README.md is read in a browser, and is no place for data."""

# https://huggingface.co/docs/hub/repositories-licenses
_LICENSES = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma
    openmdw-1.0 unknown other
"""
LICENSES = frozenset(_LICENSES.split())

# https://huggingface.co/tasks: those of text.
_PIPELINE_TAGS = """
    text-classification token-classification table-question-answering question-answering zero-shot-classification
    translation summarization feature-extraction text-generation fill-mask sentence-similarity text-ranking
    multiple-choice text2text-generation other
"""
PIPELINE_TAGS = frozenset(_PIPELINE_TAGS.split())

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual")


def check_card(card: ModelCard) -> None:
    """Raise UserError, one line that says what to change, for a card that the Hub would refuse or misread."""
    content = str(card)
    if len(content.encode()) > MOST_BYTES:
        raise _refused(f"it has {len(content.encode()):,} bytes: {MOST_BYTES:,} at most")
    metadata = _front_matter(content)
    for path, value in _leaves(metadata):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            raise _refused(f"{path} is {'empty' if value is None else value}: leave it out")
    _check_license(metadata)
    _one_of(metadata, "pipeline_tag", PIPELINE_TAGS)
    for name in ("language", "tags", "metrics", "library_name"):
        for value in _listed(metadata, name):
            if name == "language" and not _LANGUAGE.fullmatch(value):
                raise _refused(f"language {value!r} is no code of two or three letters, such as en")
    for name in ("datasets", "base_model"):
        for value in _listed(metadata, name):
            _check_id(name, value)
    if "model-index" in metadata:
        _check_model_index(metadata["model-index"])


def _front_matter(content: str) -> dict[str, Any]:
    block = REGEX_YAML_BLOCK.search(content)
    if block is None:
        raise _refused("it has no metadata between two lines of --- at its beginning")
    try:
        metadata = yaml.safe_load(block[2])
    except yaml.YAMLError as error:
        raise _refused(f"its metadata is not valid YAML ({' '.join(str(error).split())[:100]})") from error
    if not isinstance(metadata, dict):
        raise _refused("its metadata is no list of `key: value` lines")
    return metadata


def _check_license(metadata: dict[str, Any]) -> None:
    for value in _listed(metadata, "license"):
        if value not in LICENSES:
            raise _refused(f"license {value!r} is none that the Hub knows{_nearest(value, LICENSES)}")
    if metadata.get("license") == "other" and not metadata.get("license_name"):
        raise _refused("license other needs a license_name, and the text in a LICENSE file: write both yourself")


def _check_id(name: str, value: str) -> None:
    try:
        validate_repo_id(value)
    except HFValidationError as error:
        raise _refused(f"{name} {value!r} is no id of the Hub, such as USER/NAME") from error


def _check_model_index(index: Any) -> None:
    """Read as the Hub reads it, and written again the same."""
    try:
        name, results = model_index_to_eval_results(index)
        again = model_index_to_eval_results(eval_results_to_model_index(name, results))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused(f"its model-index cannot be read ({type(error).__name__}: {error})") from error
    if again != (name, results):
        raise _refused("its model-index does not survive being read and written again")
    if not isinstance(name, str) or not name:
        raise _refused("its model-index has no name")
    for result in results:
        value = result.metric_value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _refused(f"metric {result.metric_type} has the value {value!r}: it must be a number")
        for part in (result.task_type, result.dataset_type, result.dataset_name, result.metric_type):
            if not isinstance(part, str) or not part:
                raise _refused(f"a result of its model-index has {part!r} where a name must be")


def _listed(metadata: dict[str, Any], name: str) -> list[str]:
    """The values of a field that may be one or several; all of them text."""
    value = metadata.get(name, [])
    values = value if isinstance(value, list) else [value]
    for each in values:
        if not isinstance(each, str) or not each:
            raise _refused(f"{name} holds {each!r}: it must be text (quote it)")
    return values


def _one_of(metadata: dict[str, Any], name: str, known: frozenset[str]) -> None:
    for value in _listed(metadata, name):
        if value not in known:
            raise _refused(f"{name} {value!r} is none that the Hub knows{_nearest(value, known)}")


def _nearest(value: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(value.lower(), sorted(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping and no list, with where it stands."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _refused(why: str) -> UserError:
    return UserError(f"the model card would not do: {why}")
