import ast
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from data.tokenizer import train_tokenizer

TEXTS = ["the film is great", "the plot was dull", "a great film, and greatly moving", "the the the"] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 300)


@pytest.mark.parametrize("text", ["the film", "unseen words, 日本 and 😀", "tab\tand  two spaces"])
def test_no_text_is_unknown_and_each_can_be_read_back(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[1:]).strip() == text


def test_case_makes_no_difference_and_frequent_words_are_one_token(tokenizer):
    assert tokenizer("The FILM")["input_ids"] == tokenizer("the film")["input_ids"]
    assert tokenizer.tokenize("the") == ["Ġthe"]


def test_offsets_point_into_the_text(tokenizer):
    text = "A great Film"
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    assert offsets[0] == (0, 0)
    assert "".join(text[begin:end] for begin, end in offsets[1:]) == "AgreatFilm"


def test_the_size_is_kept_and_the_networks_inputs_are_plain(tokenizer):
    assert len(tokenizer) <= 300 and len(train_tokenizer(TEXTS, 270)) == 270
    assert tokenizer.pad_token_id == 0
    assert set(tokenizer("a film")) == {"input_ids", "attention_mask"}
    with pytest.raises(ValueError, match="vocab_size is 258: 256 bytes and 3 special tokens need more"):
        train_tokenizer(TEXTS, 258)


def test_a_typed_special_token_is_text(tokenizer):
    ids = tokenizer("<eos>", split_special_tokens=True)["input_ids"]
    assert tokenizer.eos_token_id not in ids


def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again("A great, unseen 日本")["input_ids"] == tokenizer("A great, unseen 日本")["input_ids"]
    assert (again.pad_token_id, again.bos_token_id, again.eos_token_id) == (0, 1, 2)


def test_another_process_trains_the_same_one(tokenizer):
    code = f"from data.tokenizer import train_tokenizer; print(train_tokenizer({TEXTS!r}, 300).get_vocab())"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert ast.literal_eval(done.stdout) == tokenizer.get_vocab(), done.stderr
