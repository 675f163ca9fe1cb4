"""Which layer of a network a parameter belongs to, counted from the input: embeddings, blocks, head."""

import re
from itertools import pairwise

from torch import nn

# What the lists of blocks are called: encoder.layer.3, model.layers.3, h.3, blocks.3, albert_layer_groups.0, XLM's
# attentions.3, ffns.3, layer_norm1.3.
BLOCK_LIST = re.compile(r"h|\w*(layers?|blocks?|layer_groups)|attentions|ffns|layer_norm[12]")
HEADS = {"classifier", "head", "lm_head", "pooler", "score"}
POSITIONS_AND_TOKENS = {"wte", "wpe", "shared", "relative_attention_bias"}
WRAPPERS = re.compile(r"^(module\.)+|\b(_orig_mod|_fsdp_wrapped_module)\.")


def layer_of(name: str) -> str:
    """Name the layer of a parameter or module: "embeddings", "block.0", "block.1", …, "head".

    Whatever is neither an embedding nor in a block (pooler, final norm, classifier) is head. The prefixes of DDP, peft
    and torch.compile do not matter. Block i of an encoder and block i of a decoder share one name.
    """
    for part, following in pairwise([*name.split("."), ""]):
        if part in HEADS:
            return "head"
        if BLOCK_LIST.fullmatch(part) and following.isdigit():
            return f"block.{int(following)}"
        if "embed" in part or part in POSITIONS_AND_TOKENS:
            return "embeddings"
    return "head"


def parameters_by_layer(model: nn.Module) -> dict[str, list[tuple[str, nn.Parameter]]]:
    """Group the named parameters of a model by layer, from input to output; shared parameters count once.

    Names are those of the bare model, without what DDP, FSDP or torch.compile put in front.
    """
    layers: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in model.named_parameters():
        layers.setdefault(layer_of(name), []).append((WRAPPERS.sub("", name), parameter))
    return {layer: layers[layer] for layer in sorted(layers, key=_depth)}


def non_embedding_parameters(model: nn.Module) -> int:
    """The parameters without the tables of tokens and positions and without the way back to the vocabulary.

    What scaling laws call N (Kaplan et al. 2020, section 2.1). A classifier's head counts.
    """
    back = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    vocabulary = set() if back is None else {id(parameter) for parameter in back.parameters()}
    layers = parameters_by_layer(model)
    counted = [pair for layer, pairs in layers.items() if layer != "embeddings" for pair in pairs]
    return sum(parameter.numel() for _, parameter in counted if id(parameter) not in vocabulary)


def _depth(layer: str) -> tuple[int, int]:
    kind, _, index = layer.partition(".")
    return ("embeddings", "block", "head").index(kind), int(index or 0)
