"""What of a network is trained: all of it, low-rank adapters, or the head."""

from collections.abc import Sequence

from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from cli.errors import UserError


def freeze_encoder(model: PreTrainedModel) -> PreTrainedModel:
    """Train the classification head alone."""
    for parameter in model.base_model.parameters():
        parameter.requires_grad_(False)
    return model


def add_lora(
    model: PreTrainedModel, *, rank: int, alpha: int, dropout: float, target_modules: Sequence[str] | None = None
) -> PeftModel:
    """Train low-rank adapters (Hu et al. 2021) on `target_modules`, by default all linear layers, and the head.

    A language model's head gets no weights of its own: it is the way back to the vocabulary.
    """
    causal = "ForCausalLM" in type(model).__name__
    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM if causal else TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(target_modules) if target_modules else "all-linear",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError(f"--lora_target_modules: {' '.join(str(error).split())[:200]}") from error


def merge_lora(model: PeftModel) -> PreTrainedModel:
    """The plain network with the adapters added into its weights."""
    return model.merge_and_unload()
