import pytest
from transformers import AutoConfig

from cli.errors import UsageError
from models.reference_configs import REFERENCE_NETWORKS, SHAPE, reference_config


def test_what_may_be_set_is_there_to_be_set():
    for name, settings in SHAPE.items():
        config = REFERENCE_NETWORKS[name]()
        assert all(hasattr(config, setting) for setting in settings)


def test_settings_reach_the_config_under_their_usual_names_too():
    config = reference_config("transformer", {"depth": 3, "width": 48, "heads": 6, "positions": "rotary"})
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (3, 48, 6)
    assert (config.positions, config.mask, config.norm) == ("rotary", "bidirectional", "pre")


def test_a_language_model_is_causal_and_may_tie_its_head():
    config = reference_config("transformer", {"tied_head": True}, causal=True)
    assert config.mask == "causal" and config.tie_word_embeddings


@pytest.mark.parametrize("name", REFERENCE_NETWORKS)
def test_transformers_reads_what_was_saved(name, tmp_path):
    config = reference_config(name, {"depth": 7, "norm": "post"})
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is REFERENCE_NETWORKS[name] and again.depth == 7 and again.norm == "post"


@pytest.mark.parametrize(
    ("name", "values", "causal", "message"),
    [
        ("transformer", {"depht": 2}, False, "unknown setting 'depht'; did you mean depth?"),
        ("deep_mlp", {"positions": "none"}, False, "unknown setting 'positions': deep_mlp has depth, width"),
        ("transformer", {"positions": "rotory"}, False, "'positions' expected one of ('learned', 'sinusoidal'"),
        ("transformer", {"depth": "two"}, False, "'depth' expected int, got str"),
        ("transformer", {"depth": 0}, False, "depth is 0: it must be 1 or more"),
        ("transformer", {"dropout": 1}, False, "dropout is 1: it must be 0 or more and below 1"),
        ("transformer", {"width": 30}, False, "width is 30, which 4 heads do not divide"),
        ("transformer", {"width": 12, "positions": "rotary"}, False, "a head is 3 wide: an odd number"),
        ("transformer", {"width": 9, "heads": 3, "positions": "sinusoidal"}, False, "width is 9: odd"),
        ("transformer", {"tied_head": True}, False, "a classifier's has no words"),
        ("transformer", {"mask": "bidirectional"}, True, "sees the tokens it is to predict"),
        ("deep_mlp", {}, True, "--model transformer, not deep_mlp"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(name, values, causal, message):
    with pytest.raises(UsageError) as error:
        reference_config(name, values, causal=causal)
    assert message in str(error.value) and "\n" not in str(error.value)
