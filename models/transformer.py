"""The reference transformer, written for reading: an encoder classifier or a causal language model by configuration.

Shapes: `rows` texts of `tokens` tokens (padding included), each a vector of `width` numbers; `heads` times `head_width`
is `width`. Padding may stand on either side: no output at a token depends on it.
Source: Vaswani et al., "Attention Is All You Need" (NeurIPS 2017).
"""

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, SequenceClassifierOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import can_return_tuple

from models.losses import cross_entropy, next_token_cross_entropy
from models.parts import ACTIVATIONS, Connection, as_bool, embed, initialise, linear_weights, mean_over_tokens
from models.reference_configs import TransformerConfig


def positions_of(real: Tensor | None, tokens: int, device: torch.device) -> Tensor:
    """(rows, tokens), or (1, tokens) without padding: each token's place, counted from 0 without the padding."""
    if real is None:
        return torch.arange(tokens, device=device)[None]
    return (real.cumsum(-1) - 1).clamp(min=0)


def angles(positions: Tensor, width: int) -> Tensor:
    """(rows, tokens) to (rows, tokens, width / 2): position / 10000^(2i / width) (Vaswani et al. 2017, section 3.5)."""
    exponents = torch.arange(0, width, 2, device=positions.device) / width
    return positions[..., None] / 10_000**exponents


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turn each pair of numbers of every head by an angle that grows with the position.

    x: (rows, heads, tokens, head_width). The product of a query and a key then depends on their distance alone.
    Source: Su et al., "RoFormer" (2021), equation 34.
    """
    angle = angles(positions, x.shape[-1])[:, None]
    cos, sin = angle.cos(), angle.sin()
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


def visible(real: Tensor | None, tokens: int, *, causal: bool, device: torch.device) -> Tensor | None:
    """Which key (last dimension) each query (the one before) may look at; None where all see all.

    Boolean, (rows, 1, tokens, tokens), with 1 for a dimension that makes no difference. A causal query sees itself and
    what stands before it, never padding; padding on the left sees itself alone, so that no softmax is empty.
    """
    keys = None if real is None else real[:, None, None]
    if not causal:
        return keys
    past = torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()[None, None]
    return past if keys is None else past & (keys | torch.eye(tokens, dtype=torch.bool, device=device))


def eager_attention(module, query, key, value, attention_mask, dropout=0.0, scaling=1.0, **kwargs):
    """softmax(query key^T scaling) value, as the formula says (Vaswani et al. 2017, equation 1).

    query, key, value: (rows, heads, tokens, head_width). Returns the values' mixture (rows, tokens, heads, head_width)
    and the weights (rows, heads, tokens, tokens), each row of which sums to 1 before dropout.
    """
    scores = query @ key.mT * scaling
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    weights = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(query.dtype)
    mixture = nn.functional.dropout(weights, dropout, module.training) @ value
    return mixture.transpose(1, 2), weights


class Embeddings(nn.Module):
    """Tokens, and their positions where these are added, as vectors."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.kind = config.positions
        self.tokens = nn.Embedding(config.vocab_size, config.width)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.max_position_embeddings, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, input_ids: Tensor | None, inputs_embeds: Tensor | None, positions: Tensor) -> Tensor:
        x = embed(self.tokens, input_ids, inputs_embeds)
        if self.kind == "learned":
            x = x + embed(self.positions, positions, None)
        elif self.kind == "sinusoidal":
            angle = angles(positions, x.shape[-1])
            x = x + torch.cat([angle.sin(), angle.cos()], dim=-1).to(x.dtype)
        return self.dropout(x)


class Attention(nn.Module):
    """Multi-head self-attention; the attention itself is computed by the implementation that the config names."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        self.head_width = config.width // config.heads
        self.is_causal = config.mask == "causal"
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, mask: Tensor | None, positions: Tensor, output_attentions: bool):
        query, key, value = (
            layer(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        if self.config.positions == "rotary":
            query, key = rotate(query, positions), rotate(key, positions)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention)
        if output_attentions:
            # The fast ones keep no weights.
            attend = eager_attention
        dropout = self.config.dropout if self.training else 0.0
        mixture, weights = attend(
            self, query, key, value, mask, dropout=dropout, scaling=self.head_width**-0.5, is_causal=False
        )
        return self.out(mixture.flatten(2)), weights


class FeedForward(nn.Sequential):
    """Each token by itself through a layer four times as wide."""

    def __init__(self, config: TransformerConfig):
        super().__init__(
            nn.Linear(config.width, 4 * config.width),
            ACTIVATIONS[config.activation](),
            nn.Linear(4 * config.width, config.width),
        )


class Block(GradientCheckpointingLayer):
    """Attention, then the feed-forward layer."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.attention = Attention(config)
        self.around_attention = Connection(config)
        self.feed_forward = FeedForward(config)
        self.around_feed_forward = Connection(config)

    def forward(self, x: Tensor, mask: Tensor | None, positions: Tensor, output_attentions: bool = False):
        update, weights = self.attention(self.around_attention.enter(x), mask, positions, output_attentions)
        x = self.around_attention.leave(x, update)
        update = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, update), weights


class TransformerPreTrainedModel(PreTrainedModel):
    """What saving, loading and initialising need to know."""

    config_class = TransformerConfig
    base_model_prefix = "transformer"
    _no_split_modules = ["Block"]
    _supports_sdpa = True
    supports_gradient_checkpointing = True

    def _init_weights(self, module: nn.Module) -> None:
        initialise(module, self.config)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.base_model.embeddings.tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.base_model.embeddings.tokens = value


class TransformerModel(TransformerPreTrainedModel):
    """From token ids to a vector for each token."""

    def __init__(self, config: TransformerConfig):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        # Before it, nothing has normalised the sum of all the layers.
        self.norm = nn.LayerNorm(config.width) if config.norm == "pre" else None
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
    ) -> BaseModelOutput:
        """input_ids, attention_mask (1 for a token, 0 for padding): (rows, tokens)."""
        given = input_ids if inputs_embeds is None else inputs_embeds
        real, tokens = as_bool(attention_mask), given.shape[1]
        positions = positions_of(real, tokens, given.device)
        mask = visible(real, tokens, causal=self.config.mask == "causal", device=given.device)
        keep = self.config.output_attentions if output_attentions is None else output_attentions

        x, attentions = self.embeddings(input_ids, inputs_embeds, positions), []
        for block in self.blocks:
            x, weights = block(x, mask, positions, keep)
            attentions.append(weights)
        x = x if self.norm is None else self.norm(x)
        return BaseModelOutput(last_hidden_state=x, attentions=tuple(attentions) if keep else None)

    def forward_flops(self, rows: int, tokens: int) -> int:
        """The FLOPs of the matrix products of one pass, padding included: those of the linear layers, and two
        products of each query with all keys."""
        attention = 2 * 2 * tokens * self.config.width * self.config.depth
        return rows * tokens * (2 * linear_weights(self) + attention)


class TransformerForSequenceClassification(TransformerPreTrainedModel):
    """The transformer under a linear layer on the mean over the tokens."""

    def __init__(self, config: TransformerConfig):
        super().__init__(config)
        self.transformer = TransformerModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.width, config.num_labels)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_attentions: bool | None = None,
    ) -> SequenceClassifierOutput:
        """labels: (rows,); logits: (rows, classes). token_type_ids, which a borrowed tokenizer gives, do nothing."""
        states = self.transformer(input_ids, attention_mask, inputs_embeds, output_attentions)
        pooled = mean_over_tokens(states.last_hidden_state, attention_mask)
        output = SequenceClassifierOutput(logits=self.classifier(self.dropout(pooled)), attentions=states.attentions)
        if labels is not None:
            output.loss = cross_entropy(output, labels)
        return output

    def training_flops(self, rows: int, tokens: int) -> int:
        """The FLOPs of a step on a batch: forward once, and twice that backward."""
        return 3 * (self.transformer.forward_flops(rows, tokens) + 2 * rows * linear_weights(self.classifier))


class TransformerForCausalLM(TransformerPreTrainedModel, GenerationMixin):
    """The transformer under a linear layer that predicts, at each token, the next one."""

    _tied_weights_keys = {"lm_head.weight": "transformer.embeddings.tokens.weight"}

    def __init__(self, config: TransformerConfig):
        super().__init__(config)
        self.transformer = TransformerModel(config)
        self.lm_head = nn.Linear(config.width, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self._keys_to_ignore_on_save = list(self._tied_weights_keys)  # or the Trainer misses it in checkpoints
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_attentions: bool | None = None,
    ) -> CausalLMOutput:
        """labels: (rows, tokens), the input_ids themselves with -100 for what is not to be predicted.

        logits: (rows, tokens, vocabulary). token_type_ids, which a borrowed tokenizer gives, do nothing.
        """
        states = self.transformer(input_ids, attention_mask, inputs_embeds, output_attentions)
        output = CausalLMOutput(logits=self.lm_head(states.last_hidden_state), attentions=states.attentions)
        if labels is not None:
            output.loss = next_token_cross_entropy(output, labels)
        return output

    def training_flops(self, rows: int, tokens: int) -> int:
        """The FLOPs of a step on a batch: forward once, and twice that backward."""
        head = 2 * rows * tokens * linear_weights(self.lm_head)
        return 3 * (self.transformer.forward_flops(rows, tokens) + head)

    def prepare_inputs_for_generation(self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs) -> dict:
        """The whole text anew for each token: no cache of keys and values."""
        return {"input_ids": input_ids, "attention_mask": attention_mask}
