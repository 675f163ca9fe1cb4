"""The shapes of the reference networks: every design decision that a study may vary, one field each."""

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig

from cli.errors import UsageError

Activation = Literal["gelu", "relu", "leaky_relu", "tanh", "sigmoid"]
Initialisation = Literal["he", "xavier", "small_normal"]
Norm = Literal["pre", "post", "none"]


@strict
class TransformerConfig(PreTrainedConfig):
    """The shape of the reference transformer; docs/reference_networks.md says what each choice means."""

    model_type = "reference_transformer"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "width",
        "num_hidden_layers": "depth",
        "num_attention_heads": "heads",
        "tied_head": "tie_word_embeddings",
    }
    classifier_pooling: ClassVar[str] = "mean"

    vocab_size: int = 4096
    depth: int = 4
    width: int = 128
    heads: int = 4
    positions: Literal["learned", "sinusoidal", "rotary", "none"] = "learned"
    mask: Literal["bidirectional", "causal"] = "bidirectional"
    norm: Norm = "pre"
    residual: bool = True
    activation: Activation = "gelu"
    init: Initialisation = "xavier"
    dropout: float | int = 0.1
    tie_word_embeddings: bool = False
    max_position_embeddings: int = 128
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None

    def validate_shape(self) -> None:
        """Raise ValueError for sizes that fit no network; called on construction."""
        _require_sizes(self, "vocab_size", "depth", "width", "heads", "max_position_embeddings")
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}, which {self.heads} heads do not divide")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(
                f"rotary positions turn pairs, and a head is {self.width // self.heads} wide: an odd number"
            )
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(f"sinusoidal positions are pairs of sine and cosine, and width is {self.width}: odd")


@strict
class DeepMLPConfig(PreTrainedConfig):
    """The shape of the deep MLP; where a field has a name of TransformerConfig it means the same."""

    model_type = "deep_mlp"
    attribute_map: ClassVar[dict[str, str]] = {"hidden_size": "width", "num_hidden_layers": "depth"}

    vocab_size: int = 4096
    depth: int = 30
    width: int = 128
    norm: Norm = "none"
    residual: bool = False
    activation: Activation = "relu"
    init: Initialisation = "he"
    dropout: float | int = 0.0
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None

    def validate_shape(self) -> None:
        """Raise ValueError for sizes that fit no network; called on construction."""
        _require_sizes(self, "vocab_size", "depth", "width")


REFERENCE_NETWORKS = {"transformer": TransformerConfig, "deep_mlp": DeepMLPConfig}
"""What --model calls them."""

SHAPE = {
    "transformer": (
        *("depth", "width", "heads", "positions", "mask", "norm", "residual", "activation", "init", "dropout"),
        *("tied_head", "vocab_size"),
    ),
    "deep_mlp": ("depth", "width", "norm", "residual", "activation", "init", "dropout", "vocab_size"),
}
"""What a user may set of each; the rest follows from the tokenizer and from --max_length."""


def reference_config(name: str, values: Mapping[str, Any], *, causal: bool = False) -> PreTrainedConfig:
    """The configuration of the reference network `name` with the settings `values`, the defaults for the rest.

    causal: for a language model, whose mask is causal. Raises UsageError, one line, for an unknown setting, with the
    nearest name, for a value that no network can have, and for a language model that would see the answer.
    """
    for key in values:
        if key not in SHAPE[name]:
            close = difflib.get_close_matches(str(key), SHAPE[name], n=1)
            hint = f"; did you mean {close[0]}?" if close else f": {name} has {', '.join(SHAPE[name])}"
            raise UsageError(f"--model_config: unknown setting {key!r}{hint}")
    if causal:
        if name != "transformer":
            raise UsageError(f"--task causal_lm needs a network that reads in order: --model transformer, not {name}")
        if values.get("mask", "causal") != "causal":
            raise UsageError(
                "--model_config: with mask bidirectional a language model sees the tokens it is to predict"
            )
        values = {"mask": "causal", **values}
    elif values.get("tied_head"):
        raise UsageError("--model_config: tied_head ties a language model's head; a classifier's has no words")
    try:
        return REFERENCE_NETWORKS[name](**values)
    except (StrictDataclassError, ValueError) as error:
        raise UsageError(f"--model_config: {' '.join(str(error.__cause__ or error).split())}") from error


def _require_sizes(config: PreTrainedConfig, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} is {getattr(config, name)}: it must be 1 or more")
    if not 0 <= config.dropout < 1:
        raise ValueError(f"dropout is {config.dropout}: it must be 0 or more and below 1")
