import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.constants import REPOCARD_NAME

from cli.errors import UserError
from eval.cards.check import LICENSES, MOST_BYTES, check_card

SOUND = """\
license: apache-2.0
language: en
datasets: [stanfordnlp/sst2, glue]
base_model: google-bert/bert-base-uncased
pipeline_tag: text-classification
library_name: transformers
tags: [sentiment-analysis]
model-index:
- name: mine
  results:
  - task: {type: text-classification}
    dataset: {type: stanfordnlp/sst2, name: SST-2, split: validation}
    metrics: [{type: accuracy, value: 0.9, args: {low: 0.8, high: 0.95}}]
"""


def card(metadata: str, text: str = "# Mine\n") -> ModelCard:
    return ModelCard(f"---\n{metadata}---\n{text}")


def test_a_sound_card_passes():
    check_card(card(SOUND))
    check_card(card("{}\n"))
    check_card(card(SOUND.replace("apache-2.0", "other\nlicense_name: ours")))


def test_a_card_made_by_the_library_passes(tmp_path):
    result = EvalResult(
        task_type="text-generation",
        dataset_type="custom",
        dataset_name="x",
        metric_type="perplexity",
        metric_value=12.5,
    )
    made = ModelCard.from_template(
        ModelCardData(model_name="m", license="mit", eval_results=[result]),
        template_str="---\n{{ card_data }}\n---\n# M",
    )
    made.save(tmp_path / REPOCARD_NAME)
    check_card(ModelCard.load(tmp_path / REPOCARD_NAME))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("apache-2.0", "apache2", "did you mean apache-2.0"),
        ("apache-2.0", "other", "license_name"),
        ("apache-2.0", "2.0", "must be text"),
        ("language: en", "language: English", "'English'"),
        ("language: en", "language: no", "quote it"),
        ("stanfordnlp/sst2, glue", "a/b/c", "'a/b/c'"),
        ("stanfordnlp/sst2, glue", "null", "datasets.0 is empty"),
        ("google-bert/bert-base-uncased", "/home/x/bert", "base_model"),
        ("tag: text-classification", "tag: text-clasification", "did you mean text-classification"),
        ("[sentiment-analysis]", "[1]", "must be text"),
        ("value: 0.9,", "value: .nan,", "is nan"),
        ("value: 0.9,", "value: [0.9],", "must be a number"),
        ("value: 0.9,", "value: true,", "must be a number"),
        ("high: 0.95", "high: .inf", "is inf"),
        ("name: SST-2", "name: 2", "where a name must be"),
        ("- name: mine", "- name: 7", "no name"),
    ],
)
def test_what_the_hub_would_refuse_is_named_in_one_line(old, new, said):
    assert old in SOUND
    with pytest.raises(UserError, match=said) as caught:
        check_card(card(SOUND.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_a_card_without_metadata_or_too_long_is_refused():
    with pytest.raises(UserError, match="bytes"):
        check_card(card(SOUND, "x" * (MOST_BYTES + 1)))
    broken = card(SOUND)
    broken.data.eval_results[0].metric_value = float("nan")
    with pytest.raises(UserError, match="is nan"):
        check_card(broken)


def test_the_licenses_are_ids():
    assert {"apache-2.0", "mit", "cc-by-4.0", "gpl-3.0", "other"} <= LICENSES
    assert all(name == name.lower() and " " not in name for name in LICENSES)
