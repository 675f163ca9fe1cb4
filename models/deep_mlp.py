"""The deep MLP over averaged embeddings: the plainest network in which gradients vanish, explode, or are kept."""

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput
from transformers.utils import can_return_tuple

from models.losses import cross_entropy
from models.parts import ACTIVATIONS, Connection, embed, initialise, mean_over_tokens
from models.reference_configs import DeepMLPConfig


class Embeddings(nn.Module):
    """Tokens as vectors."""

    def __init__(self, config: DeepMLPConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.width)

    def forward(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        return embed(self.tokens, input_ids, inputs_embeds)


class Block(GradientCheckpointingLayer):
    """One layer, as wide out as in."""

    def __init__(self, config: DeepMLPConfig):
        super().__init__()
        self.linear = nn.Linear(config.width, config.width)
        self.activation = ACTIVATIONS[config.activation]()
        self.around = Connection(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.around.leave(x, self.activation(self.linear(self.around.enter(x))))


class DeepMLPPreTrainedModel(PreTrainedModel):
    """What saving, loading and initialising need to know."""

    config_class = DeepMLPConfig
    base_model_prefix = "mlp"
    _no_split_modules = ["Block"]
    supports_gradient_checkpointing = True

    def _init_weights(self, module: nn.Module) -> None:
        initialise(module, self.config)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.base_model.embeddings.tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.base_model.embeddings.tokens = value


class DeepMLPModel(DeepMLPPreTrainedModel):
    """From token ids to one vector a text; the order of the tokens makes no difference."""

    def __init__(self, config: DeepMLPConfig):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width) if config.norm == "pre" else None
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> BaseModelOutputWithPooling:
        """input_ids, attention_mask (1 for a token, 0 for padding): (rows, tokens); pooler_output: (rows, width)."""
        embeddings = self.embeddings(input_ids, inputs_embeds)
        x = mean_over_tokens(embeddings, attention_mask)
        for block in self.blocks:
            x = block(x)
        x = x if self.norm is None else self.norm(x)
        return BaseModelOutputWithPooling(last_hidden_state=embeddings, pooler_output=x)


class DeepMLPForSequenceClassification(DeepMLPPreTrainedModel):
    """The deep MLP under a linear layer."""

    def __init__(self, config: DeepMLPConfig):
        super().__init__(config)
        self.mlp = DeepMLPModel(config)
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
    ) -> SequenceClassifierOutput:
        """labels: (rows,); logits: (rows, classes). token_type_ids, which a borrowed tokenizer gives, do nothing."""
        pooled = self.mlp(input_ids, attention_mask, inputs_embeds).pooler_output
        output = SequenceClassifierOutput(logits=self.classifier(pooled))
        if labels is not None:
            output.loss = cross_entropy(output, labels)
        return output
