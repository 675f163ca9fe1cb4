"""A tokenizer trained on a corpus, for networks that come without one."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

PAD, BEGIN, END = "<pad>", "<bos>", "<eos>"


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer of at most `vocab_size` tokens, the same for the same texts.

    Texts are lower-cased: small corpora are, and a capital typed later would be a token never seen. No text is unknown
    to it, as all 256 bytes are tokens; with three special ones that is the smallest vocabulary. Every text begins with
    <bos>; <eos> is left to language models, which learn from it where a text ends, so that a prompt stays open. Raises
    ValueError for a smaller vocab_size.
    Source: Sennrich et al. 2016; on bytes, Radford et al. 2019 (GPT-2).
    """
    special = [PAD, BEGIN, END]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(alphabet) + len(special):
        raise ValueError(f"vocab_size is {vocab_size}: 256 bytes and {len(special)} special tokens need more")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, special.index(BEGIN))]),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, bos_token=BEGIN, eos_token=END)
