import pytest
import torch

from cli.errors import UserError
from models.loading import load_classifier, load_tokenizer
from models.tuning import add_lora, freeze_encoder, merge_lora


@pytest.fixture
def model(tiny_bert):
    return load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"], dropout=0.0).eval()


@pytest.fixture
def batch():
    return {"input_ids": torch.tensor([[2, 5, 16, 3], [2, 11, 17, 3]])}


def test_frozen_trains_the_head_alone(model):
    freeze_encoder(model)
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"classifier.weight", "classifier.bias"}


def test_lora_starts_as_the_plain_network(model, batch):
    before = model(**batch).logits
    lora = add_lora(model, rank=2, alpha=4, dropout=0.0)
    assert torch.allclose(lora(**batch).logits, before)


def test_lora_trains_adapters_and_the_head_alone(model):
    lora = add_lora(model, rank=2, alpha=4, dropout=0.0)
    trained = {name for name, p in lora.named_parameters() if p.requires_grad}
    assert trained and all("lora_" in name or "classifier" in name for name in trained)


def test_merged_network_equals_the_adapted_one(model, batch, tiny_bert, tmp_path):
    lora = add_lora(model, rank=2, alpha=4, dropout=0.0)
    with torch.no_grad():
        for parameter in lora.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    adapted = lora.eval()(**batch).logits
    merged = merge_lora(lora)
    assert torch.allclose(merged(**batch).logits, adapted, atol=1e-5)
    merged.save_pretrained(tmp_path)
    load_tokenizer(str(tiny_bert)).save_pretrained(tmp_path)
    again = load_classifier(str(tmp_path), ["NEGATIVE", "POSITIVE"]).eval()
    assert torch.allclose(again(**batch).logits, adapted, atol=1e-5)


def test_an_unknown_target_module_is_one_line(model):
    with pytest.raises(UserError, match="lora_target_modules"):
        add_lora(model, rank=2, alpha=4, dropout=0.0, target_modules=["no_such_layer"])
