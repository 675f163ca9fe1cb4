import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from cli.errors import UserError
from data.tokenizer import train_tokenizer
from eval.run_directory import RunDirectory
from models.loading import new_network
from models.reference_configs import reference_config
from models.tuning import merge_lora
from tests.train.publishing.conftest import NET, as_run, held
from train.publishing.command import publish_model
from train.publishing.reading_back import SENTENCES, TOLERANCE, answers_at_home, read_back
from train.publishing.upload import Target

TARGET = Target(repo_id=NET)


def publish(run: RunDirectory, **settings):
    return publish_model(run, TARGET, license="apache-2.0", **settings)


@pytest.fixture
def reference_run(tmp_path):
    """A function that writes a run of a small reference network."""

    def make(kind: str, *flags: str) -> RunDirectory:
        causal = "--task" in flags
        torch.manual_seed(0)
        tokenizer = train_tokenizer(list(SENTENCES) * 3, 300)
        config = reference_config(kind, {"depth": 1, "width": 16}, causal=causal)
        names = None if causal else ["NEGATIVE", "POSITIVE"]
        new_network(config, tokenizer, max_length=24, label_names=names).save_pretrained(tmp_path / "model")
        tokenizer.save_pretrained(tmp_path / "model")
        return as_run(tmp_path / "model", tmp_path / "runs" / "ref", "--model", kind, *flags)

    return make


def test_there_are_twenty_different_sentences():
    assert len(set(SENTENCES)) == 20


def test_a_published_model_answers_as_it_did_at_home(hub, run, capsys):
    published = publish(run)
    assert read_back(run, NET, published.commit, answers_at_home(run)) <= TOLERANCE
    assert "the same probabilities on 20 sentences, within 1e-06" in capsys.readouterr().out
    assert any("/resolve/" + published.commit in asked.path for asked in hub.requests)


def test_a_private_model_is_read_back_with_the_token(hub, run):
    publish_model(run, Target(repo_id=NET, private=True, revision="v1"), license="mit", say=lambda text: None)
    assert hub.repos[NET].private and b"license: mit" in held(hub, revision="v1")["README.md"]


@pytest.mark.parametrize(
    ("kind", "flags"), [("transformer", ()), ("deep_mlp", ()), ("transformer", ("--task", "causal_lm"))]
)
def test_a_reference_network_comes_with_its_code_and_is_read_back_without_it(hub, reference_run, kind, flags):
    run = reference_run(kind, *flags)
    publish(run)
    files = held(hub)
    assert b'"auto_map"' in files["config.json"] and any(path.endswith(".py") for path in files)
    assert b'"auto_map"' not in (run.path / "config.json").read_bytes()
    # Nobody looked at the code to load it.
    assert not hub.asked(r"GET .*/resolve/.*\.py")


def test_a_run_with_lora_is_read_back_with_its_weights_merged(hub, tiny_classifier, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    tuned = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    run = as_run(tiny_classifier, tmp_path / "runs" / "lora", "--tuning", "lora")
    before = load_file(run.path / "model.safetensors")
    tuned.save_pretrained(run.path / "adapter")
    merge_lora(tuned).save_pretrained(run.path)
    publish(run)
    files = held(hub)
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= set(files)
    assert not any("README" in path and "adapter" in path for path in files)
    after = load_file(run.path / "model.safetensors")
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_other_weights_at_the_hub_are_one_line(hub, run):
    commit = publish(run).commit
    weights = load_file(run.path / "model.safetensors")
    weights["classifier.weight"][0] += 0.01
    save_file(weights, run.path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"{NET} was published and does not answer as .* does \\(probabilities differ"):
        read_back(run, NET, commit, answers_at_home(run))


def test_a_read_that_breaks_off_is_one_line_and_the_same_command_reads_again(hub, run, waits, capsys):
    hub.fail("HEAD .*/resolve/", 503, times=99)
    with pytest.raises(UserError, match="was published and could not be read back") as error:
        publish(run)
    assert "\n" not in str(error.value)
    hub._faults.clear()
    assert publish(run).plan.new == [] and "nothing was sent" in capsys.readouterr().out
