"""Networks: loading and tuning pretrained ones, naming their layers, making them fast on a CPU; the reference networks.

Importing it tells transformers about the reference networks, so that AutoModel…from_pretrained and pipeline() load
them. That costs what `from transformers import PreTrainedModel` costs, which whoever loads a network pays anyhow.
"""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

from models.deep_mlp import DeepMLPForSequenceClassification, DeepMLPModel
from models.reference_configs import DeepMLPConfig, TransformerConfig
from models.transformer import TransformerForCausalLM, TransformerForSequenceClassification, TransformerModel

AutoConfig.register(TransformerConfig.model_type, TransformerConfig)
AutoModel.register(TransformerConfig, TransformerModel)
AutoModelForSequenceClassification.register(TransformerConfig, TransformerForSequenceClassification)
AutoModelForCausalLM.register(TransformerConfig, TransformerForCausalLM)

AutoConfig.register(DeepMLPConfig.model_type, DeepMLPConfig)
AutoModel.register(DeepMLPConfig, DeepMLPModel)
AutoModelForSequenceClassification.register(DeepMLPConfig, DeepMLPForSequenceClassification)
