import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput

from cli.errors import UserError
from eval.attribution import attribute
from eval.predictor import Predictor
from models.loading import load_classifier, load_tokenizer

TEXT = "the film was very good and a dull plot is lovely"


class Linear(nn.Module):
    """Logits that are the sum of what every token's embedding says: the attributions are known."""

    def __init__(self, embedding: nn.Embedding):
        super().__init__()
        self.embedding = embedding
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(4 * torch.randn(embedding.embedding_dim, 2, generator=generator))
        self.bias = nn.Parameter(torch.tensor([0.3, -0.2]))

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def forward(self, inputs_embeds):
        return SequenceClassifierOutput(logits=(inputs_embeds @ self.weight).sum(1) + self.bias)


@pytest.fixture
def predictor(tiny_bert) -> Predictor:
    torch.manual_seed(1)
    model = load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    return Predictor(model, load_tokenizer(str(tiny_bert)), precision="fp32")


@pytest.fixture
def linear(predictor) -> Predictor:
    predictor.model = Linear(predictor.model.get_input_embeddings())
    return predictor


def embedding_of(predictor: Predictor, ids) -> np.ndarray:
    return predictor.model.get_input_embeddings().weight.detach().double().numpy()[ids]


def test_integrated_gradients_of_a_linear_network_have_their_closed_form(linear):
    found = attribute(linear, TEXT)
    ids = linear.tokenise(TEXT).ids[0].numpy()
    baseline = np.full_like(ids, linear.tokenizer.mask_token_id)
    baseline[[0, -1]] = ids[[0, -1]]
    weight = linear.model.weight.detach().double().numpy() @ [-1, 1]
    expected = (embedding_of(linear, ids) - embedding_of(linear, baseline)) @ weight
    assert np.ptp(expected) > 0.1
    assert found.scores == pytest.approx(expected, abs=1e-4)
    assert found.difference == pytest.approx(expected.sum(), abs=1e-4)
    assert found.completeness_error == pytest.approx(0, abs=1e-4)


def test_gradient_x_input_of_a_linear_network_has_its_closed_form(linear):
    found = attribute(linear, TEXT, "gradient_x_input")
    weight = linear.model.weight.detach().double().numpy() @ [-1, 1]
    expected = embedding_of(linear, linear.tokenise(TEXT).ids[0].numpy()) @ weight
    assert found.scores == pytest.approx(expected, abs=1e-4)
    assert found.difference == pytest.approx(expected.sum(), abs=1e-4)
    assert found.completeness_error == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_comprehensiveness_of_a_linear_network_has_its_closed_form(linear, share):
    found = attribute(linear, TEXT, share=share, draws=2000)
    ids = linear.tokenise(TEXT).ids[0].numpy()
    weight = linear.model.weight.detach().double().numpy() @ [-1, 1]
    whole = embedding_of(linear, ids).sum(0) @ weight - 0.5
    gains = found.scores[1:-1] * np.sign(whole)
    count = round(share * len(gains))

    def fall(taken: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-abs(whole))) - 1 / (1 + np.exp(taken - abs(whole)))

    assert found.masked == count
    assert found.comprehensiveness == pytest.approx(fall(np.sort(gains)[-count:].sum()), abs=1e-4)
    draw = np.random.default_rng(1)
    random = [fall(draw.choice(gains, count, replace=False).sum()) for _ in range(20_000)]
    assert found.random_comprehensiveness == pytest.approx(np.mean(random), abs=5 * np.std(random) / 2000**0.5)
    assert found.comprehensiveness > found.random_comprehensiveness


def test_integrated_gradients_agree_with_captums_own_hooks(predictor):
    tokenised = predictor.tokenise(TEXT)
    baseline = tokenised.ids.clone()
    baseline[:, 1:-1] = predictor.tokenizer.mask_token_id

    def difference(ids):
        return predictor.model(input_ids=ids).logits @ torch.tensor([-1.0, 1.0])

    rival = LayerIntegratedGradients(difference, predictor.model.get_input_embeddings())
    expected = rival.attribute(tokenised.ids, baseline, n_steps=32).sum(-1)[0].detach().numpy()
    found = attribute(predictor, TEXT)
    assert np.abs(expected).max() > 1e-2
    assert found.scores == pytest.approx(expected, abs=1e-4)


def test_integrated_gradients_are_complete(predictor):
    for text in (TEXT, "awful", "good " * 200):
        found = attribute(predictor, text)
        assert abs(found.completeness_error) < 0.03 * abs(found.difference)
        assert found.completeness_error == pytest.approx(found.scores.sum() - found.difference, abs=1e-9)
        assert found.scores[[0, -1]] == pytest.approx(0, abs=1e-9)


def test_gradient_x_input_is_that_of_autograd(predictor):
    embeddings = predictor.model.get_input_embeddings()(predictor.tokenise(TEXT).ids).detach().requires_grad_()
    (predictor.model(inputs_embeds=embeddings).logits @ torch.tensor([-1.0, 1.0])).sum().backward()
    expected = (embeddings.grad * embeddings.detach()).sum(-1)[0].numpy()
    assert attribute(predictor, TEXT, "gradient_x_input").scores == pytest.approx(expected, abs=1e-5)
    assert all(parameter.grad is not None for parameter in predictor.model.classifier.parameters())


def test_attribution_leaves_no_gradients(predictor):
    attribute(predictor, TEXT)
    attribute(predictor, TEXT, "gradient_x_input")
    assert all(parameter.grad is None for parameter in predictor.model.parameters())


def test_scores_speak_for_positive_whatever_the_order_of_the_columns(predictor):
    expected = attribute(predictor, TEXT)
    predictor.columns = [1, 0]
    found = attribute(predictor, TEXT)
    assert found.scores == pytest.approx(-expected.scores, abs=1e-5)
    assert found.difference == pytest.approx(-expected.difference, abs=1e-5)


def test_the_seed_decides_the_random_tokens(predictor):
    one, same, other = (attribute(predictor, TEXT, seed=seed, draws=3) for seed in (0, 0, 1))
    assert one.random_comprehensiveness == same.random_comprehensiveness != other.random_comprehensiveness
    assert one.comprehensiveness == other.comprehensiveness


def test_tokens_stand_where_they_are_in_the_text(predictor):
    text = "A good [SEP] film"
    found = attribute(predictor, text)
    assert [text[start:stop] for start, stop in found.offsets[1:-1]] == ["A", "good", "[", "SEP", "]", "film"]
    assert len(found.tokens) == len(found.scores) == len(found.offsets)


def test_bad_input_is_named(predictor):
    with pytest.raises(UserError, match="is empty"):
        attribute(predictor, " ")
    with pytest.raises(ValueError, match="saliency"):
        attribute(predictor, TEXT, "saliency")
