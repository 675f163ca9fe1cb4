"""What the reference networks have in common: how a layer is joined to the others, activations, initial weights."""

import math

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, initialization

# As modules, so that whoever looks for dead units can watch them.
ACTIVATIONS = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
SMALL = 0.02


class Connection(nn.Module):
    """How a layer f stands in the network; `residual` false leaves out the "x +".

    | norm | what comes out                                                               |
    |------|------------------------------------------------------------------------------|
    | pre  | x + dropout(f(norm(x))): nothing on the way of the gradient past the layers  |
    | post | norm(x + dropout(f(x))), the original                                        |
    | none | x + dropout(f(x))                                                            |

    Source: Xiong et al., "On Layer Normalization in the Transformer Architecture" (ICML 2020), figure 1.
    """

    def __init__(self, config: PreTrainedConfig):
        super().__init__()
        self.order = config.norm
        self.residual = config.residual
        self.norm = None if config.norm == "none" else nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def enter(self, x: Tensor) -> Tensor:
        """What the layer gets to see."""
        return self.norm(x) if self.order == "pre" else x

    def leave(self, x: Tensor, update: Tensor) -> Tensor:
        """What becomes of x and the layer's output."""
        update = self.dropout(update)
        joined = x + update if self.residual else update
        return self.norm(joined) if self.order == "post" else joined


def mean_over_tokens(states: Tensor, attention_mask: Tensor | None) -> Tensor:
    """(rows, tokens, width) to (rows, width): the mean over the tokens that are not padding."""
    if attention_mask is None:
        return states.mean(1)
    real = attention_mask.to(states.dtype).unsqueeze(-1)
    return (states * real).sum(1) / real.sum(1)


def initialise(module: nn.Module, config: PreTrainedConfig) -> None:
    """Draw the first weights of one module.

    | init         | standard deviation   | keeps the variance of activations with         | source               |
    |--------------|----------------------|------------------------------------------------|----------------------|
    | he           | sqrt(2 / inputs)     | relu, leaky_relu                               | He et al. 2015, (10) |
    | xavier       | sqrt(2 / (in + out)) | tanh near 0, and where norms or residuals help | Glorot 2010, (12)    |
    | small_normal | 0.02                 | nothing: it relies on norms and residuals      | BERT, GPT-2          |

    Biases begin at zero. Embeddings have variance 1 / width whatever `init` says: the networks multiply them by
    sqrt(width), and a tied head needs them small.
    """
    if isinstance(module, nn.Linear):
        outputs, inputs = module.weight.shape
        if config.init == "he":
            std = math.sqrt(2 / inputs)
        elif config.init == "xavier":
            std = math.sqrt(2 / (inputs + outputs))
        else:
            std = SMALL
        initialization.normal_(module.weight, std=std)
        if module.bias is not None:
            initialization.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        initialization.normal_(module.weight, std=config.width**-0.5)
    elif isinstance(module, nn.LayerNorm):
        initialization.ones_(module.weight)
        initialization.zeros_(module.bias)


def linear_weights(module: nn.Module) -> int:
    """The weights of all linear layers: half of the FLOPs that a token costs in them."""
    return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Linear))


def embed(table: nn.Embedding, ids: Tensor | None, embeddings: Tensor | None) -> Tensor:
    """(rows, tokens, width): the ids' vectors, or those that are given instead, with variance 1 to begin with."""
    if (ids is None) == (embeddings is None):
        raise ValueError("pass input_ids or inputs_embeds, one of the two")
    vectors = table(ids) if embeddings is None else embeddings
    return vectors * math.sqrt(table.embedding_dim)


def as_bool(attention_mask: Tensor | None) -> Tensor | None:
    """(rows, tokens), True where there is a token; None where there is no padding."""
    return None if attention_mask is None else attention_mask.to(torch.bool)
