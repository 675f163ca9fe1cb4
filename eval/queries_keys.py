"""The queries and keys from which a head's attention comes."""

import numpy as np
import torch

from cli.errors import UserError
from eval.predictor import Predictor

FAMILIES = ("bert", "roberta", "gpt2")
"""The networks whose attention is softmax(query · key / √width) with nothing added, and whose layers we can name."""


def queries_and_keys(predictor: Predictor, text: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The queries and the keys of each layer, each (heads, tokens, width) float32.

    Raises UserError for a network of another family.
    """
    config = predictor.model.config
    if config.model_type not in FAMILIES:
        raise UserError(
            f"the neuron view shows the queries and keys of BERT, RoBERTa and GPT-2; this is {config.model_type}"
        )
    network = predictor.model.base_model
    queries, keys = [], []
    with torch.inference_mode():
        states = network(input_ids=predictor.tokenise(text).ids, output_hidden_states=True).hidden_states
        blocks = network.h if config.model_type == "gpt2" else network.encoder.layer
        # The last state is what comes out of the last block.
        for block, state in zip(blocks, states[:-1], strict=True):
            if config.model_type == "gpt2":
                query, key, _ = block.attn.c_attn(block.ln_1(state)).chunk(3, dim=-1)
            else:
                query, key = block.attention.self.query(state), block.attention.self.key(state)
            queries.append(_by_head(query[0], config.num_attention_heads))
            keys.append(_by_head(key[0], config.num_attention_heads))
    return queries, keys


def _by_head(vectors: torch.Tensor, heads: int) -> np.ndarray:
    return vectors.unflatten(-1, (heads, -1)).transpose(0, 1).float().cpu().numpy()
