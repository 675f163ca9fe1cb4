import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

from callbacks.dead_units import DeadUnits
from models.fast_cpu import speed_up_training
from models.layers import non_embedding_parameters, parameters_by_layer
from models.losses import IGNORED, next_token_cross_entropy
from models.reference_configs import TransformerConfig
from models.short_attention import NAME as SHORT_ROWS
from models.transformer import Block, angles

POSITIONS = ("learned", "sinusoidal", "rotary", "none")
MASKS = ("bidirectional", "causal")
NORMS = ("pre", "post", "none")
HEADS = {"classifier": AutoModelForSequenceClassification, "language model": AutoModelForCausalLM}


def network(head="classifier", *, attn_implementation=None, **settings):
    """A network of double precision whose every weight differs from 0, so that whatever should matter does."""
    torch.manual_seed(0)
    defaults = {"vocab_size": 40, "depth": 3, "width": 16, "heads": 2, "dropout": 0.0, "max_position_embeddings": 24}
    config = TransformerConfig(**defaults | settings)
    model = HEADS[head].from_config(config, attn_implementation=attn_implementation).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def rows(*lengths, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, 40, (length,), generator=generator) for length in lengths]


def padded(texts, *, to=None, left=False, filler=0):
    """input_ids and attention_mask of texts padded on one side."""
    width = to or max(map(len, texts))
    ids, mask = torch.full((len(texts), width), filler), torch.zeros(len(texts), width, dtype=torch.int64)
    for row, text in enumerate(texts):
        place = slice(width - len(text), width) if left else slice(len(text))
        ids[row, place], mask[row, place] = text, 1
    return {"input_ids": ids, "attention_mask": mask}


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_logits_depend_neither_on_padding_nor_on_batch_mates(attention, mask, positions, left):
    texts = rows(5, 9, 2)
    for head in HEADS if mask == "causal" else ("classifier",):
        model = network(head, mask=mask, positions=positions, attn_implementation=attention)
        alone = [model(input_ids=text[None]).logits[0] for text in texts]
        for batch in (
            padded(texts, left=left),
            padded(texts, to=17, left=left),
            padded(texts, left=left, filler=7),
            padded([texts[0], rows(12, seed=5)[0], texts[2]], left=left),
        ):
            logits = model(**batch).logits
            for row in (0, 2):
                own = logits[row] if head == "classifier" else logits[row][batch["attention_mask"][row] == 1]
                close(own, alone[row])


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_only_a_bidirectional_network_sees_the_tokens_that_follow(attention, norm, positions):
    (text,) = rows(10)
    for mask in MASKS:
        model = network(mask=mask, positions=positions, norm=norm, attn_implementation=attention).transformer
        states = model(input_ids=text[None]).last_hidden_state[0]
        for t in (0, 4, 8):
            changed = text.clone()
            changed[t + 1 :] = (changed[t + 1 :] + 5) % 40
            others = model(input_ids=changed[None]).last_hidden_state[0]
            if mask == "causal":
                close(others[: t + 1], states[: t + 1])
            else:
                assert (others[: t + 1] - states[: t + 1]).abs().max() > 1e-3
            assert (others[t + 1 :] - states[t + 1 :]).abs().max() > 1e-3


@pytest.mark.parametrize("positions", POSITIONS)
def test_only_positions_make_the_order_of_the_tokens_matter(positions):
    model, (text,) = network(positions=positions), rows(9)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    difference = (model(input_ids=text[None]).logits - model(input_ids=text[order][None]).logits).abs().max()
    assert difference < 1e-12 if positions == "none" else difference > 1e-4


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_attention_rows_sum_to_one_and_never_touch_pads(mask, positions):
    for left in (False, True):
        batch = padded(rows(5, 9, 2), to=11, left=left)
        model = network(mask=mask, positions=positions)
        attentions = model(**batch, output_attentions=True).attentions
        assert len(attentions) == 3
        real = batch["attention_mask"].bool()
        for weights in attentions:
            assert weights.shape == (3, 2, 11, 11)
            close(weights.sum(-1), torch.ones(3, 2, 11, dtype=torch.float64))
            of_real = weights.transpose(1, 2)[real]  # (real queries, heads, keys)
            pads = ~real[:, None].expand(-1, 11, -1)[real]
            assert of_real.masked_select(pads[:, None].expand_as(of_real)).abs().max() == 0
            if mask == "causal":
                assert weights.triu(1).abs().max() == 0


def test_the_formula_and_the_fast_attentions_are_the_same():
    batch, logits = padded(rows(5, 9, 2)), {}
    for attention in ("eager", "sdpa", SHORT_ROWS):
        for mask in MASKS:
            model = network(mask=mask, attn_implementation=attention).train().float()
            model(**batch).logits.sum().backward()
            logits[attention, mask] = model(**batch).logits, model.transformer.blocks[0].attention.query.weight.grad
    for (_attention, mask), found in logits.items():
        for ours, rival in zip(found, logits["eager", mask], strict=True):
            close(ours, rival, 1e-5)


def copy_into_torchs(block: Block, rival: nn.TransformerEncoderLayer) -> None:
    attention, feed_forward = block.attention, block.feed_forward
    projections = [attention.query, attention.key, attention.value]
    pairs = {
        rival.self_attn.in_proj_weight: torch.cat([layer.weight for layer in projections]),
        rival.self_attn.in_proj_bias: torch.cat([layer.bias for layer in projections]),
        rival.self_attn.out_proj.weight: attention.out.weight,
        rival.self_attn.out_proj.bias: attention.out.bias,
        rival.linear1.weight: feed_forward[0].weight,
        rival.linear1.bias: feed_forward[0].bias,
        rival.linear2.weight: feed_forward[2].weight,
        rival.linear2.bias: feed_forward[2].bias,
        rival.norm1.weight: block.around_attention.norm.weight,
        rival.norm1.bias: block.around_attention.norm.bias,
        rival.norm2.weight: block.around_feed_forward.norm.weight,
        rival.norm2.bias: block.around_feed_forward.norm.bias,
    }
    with torch.no_grad():
        for target, source in pairs.items():
            target.copy_(source)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_block_equals_torchs_layer_on_copied_weights(attention, mask, activation, norm):
    model = network(mask=mask, activation=activation, norm=norm, positions="none", attn_implementation=attention)
    batch = padded(rows(5, 9, 2))
    real = batch["attention_mask"].bool()
    x = rival_x = model.transformer.embeddings(batch["input_ids"], None, None)
    causal = nn.Transformer.generate_square_subsequent_mask(9).isinf() if mask == "causal" else None
    for block in model.transformer.blocks:
        rival = nn.TransformerEncoderLayer(
            16, 2, 64, dropout=0.0, activation=activation, batch_first=True, norm_first=norm == "pre"
        )
        copy_into_torchs(block, rival.double())
        rival_x = rival(rival_x, src_mask=causal, src_key_padding_mask=~real, is_causal=False)
    if norm == "pre":
        rival_x = model.transformer.norm(rival_x)
    ours = model.transformer(**batch).last_hidden_state
    close(ours[real], rival_x[real])
    assert (ours[real] - x[real]).abs().max() > 0.1


def test_without_residual_a_block_that_says_nothing_passes_nothing_on():
    for residual in (True, False):
        block = network(residual=residual, norm="none").transformer.blocks[0]
        for layer in (block.attention.out, block.feed_forward[2]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        x = torch.randn(2, 5, 16, dtype=torch.float64)
        out, _ = block(x, None, None)
        close(out, x if residual else torch.zeros_like(x))


def test_rotary_products_depend_on_the_distance_alone():
    model, (text,) = network(positions="rotary").transformer, rows(6)
    embeddings = model.embeddings.tokens(text)[None]
    ahead = {"input_ids": torch.cat([torch.zeros(7, dtype=torch.int64), text])[None]}
    near = model(inputs_embeds=embeddings, output_attentions=True)
    far = model(**ahead, output_attentions=True).attentions[0][0, :, 7:, 7:]
    far = far / far.sum(-1, keepdim=True)
    close(far, near.attentions[0][0], 1e-6)  # the angles are float32


def test_sinusoids_are_those_of_the_paper():
    positions, width = torch.arange(24)[None], 16
    ours = angles(positions, width)
    for place in (0, 3, 23):
        for i in range(width // 2):
            assert ours[0, place, i].item() == pytest.approx(place / 10_000 ** (2 * i / width), rel=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("counts", [(4, 4), (1, 3, 2, 2)])
def test_accumulated_micro_batches_are_one_batch_weighted_by_tokens(counts, tied):
    texts = rows(3, 12, 5, 2, 9, 7, 4, 11)

    def labelled(texts):
        batch = padded(texts)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, IGNORED)
        return batch, labels

    def gradients(parts):
        model = network("language model", mask="causal", tied_head=tied)
        model.tie_weights()
        total = sum(len(text) - 1 for text in texts)
        loss = 0
        for part in parts:
            batch, labels = labelled(part)
            share = next_token_cross_entropy(model(**batch), labels, torch.tensor(total))
            share.backward()
            loss += share.item()
        return loss, {name: parameter.grad for name, parameter in model.named_parameters()}

    starts = [sum(counts[:part]) for part in range(len(counts))]
    parts = [texts[start : start + count] for start, count in zip(starts, counts, strict=True)]
    loss, whole = gradients([texts])
    other_loss, accumulated = gradients(parts)
    assert other_loss == pytest.approx(loss, abs=1e-6)
    assert whole.keys() == accumulated.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(accumulated[name], gradient, rtol=1e-6, atol=1e-12)

    model = network("language model", mask="causal", tied_head=tied)
    batch, labels = labelled(texts)
    assert model(**batch, labels=labels).loss.item() == pytest.approx(loss, abs=1e-9)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("norm", NORMS)
def test_layers_are_found_from_input_to_output(head, norm):
    model = network(head, norm=norm, mask="causal", depth=11)
    layers = parameters_by_layer(model)
    assert list(layers) == ["embeddings", *(f"block.{i}" for i in range(11)), "head"]
    assert {name.split(".")[1] for name, _ in layers["embeddings"]} == {"embeddings"}
    blocks = [sorted(tuple(p.shape) for _, p in layers[f"block.{i}"]) for i in range(11)]
    assert all(shapes == blocks[0] for shapes in blocks)
    assert layers["head"][-1][0].split(".")[0] in ("classifier", "lm_head")


@pytest.mark.parametrize("tied", [False, True])
def test_parameters_without_the_vocabulary_are_kaplans(tied):
    model = network("language model", mask="causal", tied_head=tied, depth=5, width=64)
    weights = 12 * 5 * 64**2
    biases_and_norms = 5 * (9 * 64 + 4 * 64) + 2 * 64
    assert non_embedding_parameters(model) == weights + biases_and_norms
    both_tables = (1 if tied else 2) * 40 * 64 + 24 * 64
    assert model.num_parameters() == weights + biases_and_norms + both_tables


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shape", [(1, 5), (3, 9)])
def test_flops_are_those_that_torch_counts(head, shape, tied):
    tied = tied and head == "language model"
    model = network(head, mask="causal", tied_head=tied, attn_implementation="eager", positions="none").train()
    with FlopCounterMode(display=False) as counter:
        model(input_ids=torch.randint(40, shape)).logits.sum().backward()
    assert model.training_flops(*shape) == counter.get_total_flops()


def test_dead_rectifiers_are_counted_in_their_blocks():
    model = network(activation="relu")
    with torch.no_grad():
        model.transformer.blocks[1].feed_forward[0].bias[:10] = -1e6
    watcher = DeadUnits()
    watcher.watch(model)
    model(**padded(rows(5, 9)))
    found = {
        layer: (units, dead.item()) for layer, (units, dead) in watcher.count(type("", (), {"world_size": 1})).items()
    }
    assert found["block.1"] == (64, pytest.approx(10, abs=3)) and found["block.1"][1] >= 10
    assert list(found) == ["block.0", "block.1", "block.2"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tied", [False, True])
def test_saved_and_loaded_it_is_the_same_network(head, tied, tmp_path):
    tied = tied and head == "language model"
    model = network(head, mask="causal", tied_head=tied, positions="rotary", norm="post")
    model.save_pretrained(tmp_path)
    again = HEADS[head].from_pretrained(tmp_path).eval()
    batch = padded(rows(5, 9))
    assert torch.equal(again(**batch).logits, model(**batch).logits)
    assert again.config.to_diff_dict() == model.config.to_diff_dict()
    if tied:
        assert again.lm_head.weight is again.transformer.embeddings.tokens.weight
    states = AutoModel.from_pretrained(tmp_path)(**batch).last_hidden_state
    assert torch.equal(states, model.transformer(**batch).last_hidden_state)


def test_embeddings_may_be_given_in_place_of_ids():
    model, batch = network(), padded(rows(5, 9))
    embeddings = model.get_input_embeddings()(batch["input_ids"])
    given = model(inputs_embeds=embeddings, attention_mask=batch["attention_mask"]).logits
    assert torch.equal(given, model(**batch).logits)


def test_recomputed_activations_give_the_same_gradients():
    gradients = []
    for recompute in (False, True):
        model = network().train()
        if recompute:
            model.gradient_checkpointing_enable()
        model(**padded(rows(5, 9)), labels=torch.tensor([0, 1])).loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        close(gradients[1][name], gradient)


def test_a_language_model_writes_on():
    model = network("language model", mask="causal")
    (text,) = rows(4)
    written = model.generate(text[None], max_new_tokens=5, do_sample=False, pad_token_id=0, eos_token_id=None)[0]
    assert torch.equal(written[:4], text) and len(written) == 9
    for end in range(4, 9):
        assert written[end] == model(input_ids=written[None, :end]).logits[0, -1].argmax()


@pytest.mark.parametrize(("init", "variance"), [("he", 2 / 256), ("xavier", 2 / 512), ("small_normal", 0.02**2)])
def test_first_weights_have_the_variance_that_the_name_says(init, variance):
    torch.manual_seed(0)
    config = TransformerConfig(width=256, heads=4, depth=1, init=init)
    model = AutoModelForCausalLM.from_config(config)
    assert model.transformer.blocks[0].attention.key.weight.var().item() == pytest.approx(variance, rel=0.05)
    assert model.get_input_embeddings().weight.var().item() == pytest.approx(1 / 256, rel=0.05)
    assert all(p.abs().max() == 0 for name, p in model.named_parameters() if name.endswith("bias"))


def test_the_first_loss_is_about_that_of_guessing():
    torch.manual_seed(0)
    for tied in (False, True):
        model = AutoModelForCausalLM.from_config(
            TransformerConfig(mask="causal", tied_head=tied, vocab_size=500)
        ).eval()
        ids = torch.randint(500, (8, 30))
        assert model(input_ids=ids, labels=ids).loss.item() == pytest.approx(math.log(500), abs=1)


def test_dropout_acts_in_training_alone_and_what_speeds_training_up_finds_its_places(monkeypatch):
    monkeypatch.setattr("models.fast_cpu.cpu_has_fast_bf16", lambda: True)
    model, batch = network(dropout=0.3).float(), padded(rows(5, 9))
    before = model(**batch).logits
    with speed_up_training(model) as speed_up:
        said = str(speed_up)
        assert "in 8 layers" in said and "short rows" in said and "bf16 activations" in said
        model.train()
        assert not torch.equal(model(**batch).logits, model(**batch).logits)
    assert torch.equal(model.eval()(**batch).logits, before)
