"""From texts to probabilities: the one way in which every part of the project asks a model."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from functools import cached_property
from threading import Lock, get_ident

import numpy as np
import torch
from torch import distributed, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from cli.errors import UserError
from data.batching import PadToLongest
from data.checks import has_visible_text
from models.cpu import cpu_has_fast_bf16
from models.loading import COUNTED_BEHIND_PADDING, load_classifier, load_config, load_tokenizer

NEGATIVE_NAMES = ("negative", "neg", "label_0", "0")
POSITIVE_NAMES = ("positive", "pos", "label_1", "1")
NEAR_BOUNDARY = 0.02
TOKENS_A_BATCH = {"cpu": 1024}
TOKENS_A_GPU_BATCH = 16_384
# Texts that are tokenised and sorted together: what bounds the memory.
TEXTS_AT_ONCE = 4096
# For networks that read any length.
LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says to n texts, and what it could not read of them."""

    probabilities: np.ndarray
    """(n, 2) float64: negative, positive."""
    tokens: np.ndarray
    """(n,) tokens read, special ones included."""
    truncated: np.ndarray
    """(n,) of bool: the text was longer than the model reads."""
    unknown: np.ndarray
    """(n,) tokens that the tokenizer does not know."""
    logits: np.ndarray | None = None
    """(n, 2) float64, what the softmax was taken of: it keeps their difference only, and energy needs both."""
    states: np.ndarray | None = None
    """(n, width) float32, where asked for: the mean over a text's tokens of what the network's body says of them."""


@dataclass(frozen=True, slots=True)
class TokenisedText:
    """One text as the model reads it."""

    ids: torch.Tensor
    """(1, tokens) int64, on the model's device."""
    tokens: tuple[str, ...]
    special: np.ndarray
    """(tokens,) of bool: [CLS], [SEP] and the like, which the tokenizer added."""
    offsets: tuple[tuple[int, int], ...] | None
    """First and one past the last character of each token, (0, 0) for special ones; None where unknown."""


class Predictor:
    """A sentiment classifier and its tokenizer; safe to use from several threads.

    The weights are taken as they are at the start: a network that is trained further needs a new Predictor.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, precision: str = "auto"):
        """precision: "bf16", "fp32", or "auto": bf16 where the device multiplies it in hardware."""
        if precision not in ("auto", "bf16", "fp32"):
            raise ValueError(f"precision is {precision!r}, not auto, bf16 or fp32")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.max_length = min(longest_input(model.config), tokenizer.model_max_length)
        self.columns = class_columns(model.config)
        self.device = model.device
        if precision == "auto":
            precision = "bf16" if _has_fast_bf16(self.device) else "fp32"
        self.precision = precision
        self._fast_model = _with_bf16_products(model) if precision == "bf16" else model
        self._pad = PadToLongest(pad_token_id=tokenizer.pad_token_id)
        # A tokenizer keeps the settings of a call in itself: two calls at once fail with "Already borrowed".
        self._tokenizer_lock = Lock()

    @classmethod
    def load(
        cls,
        name: str,
        *,
        threads: int | None = None,
        device: str | torch.device | None = None,
        precision: str = "auto",
    ) -> "Predictor":
        """The classifier of a run, a model folder or a Hub id.

        threads: for torch in this whole process; left alone by default. device: the GPU by default, if there is one.
        Raises UserError where there is no model, no tokenizer, or no classifier of two classes.
        """
        config = load_config(name)
        if not any(kind.endswith("ForSequenceClassification") for kind in config.architectures or []):
            raise UserError(f"{name} holds no classifier: name a run of train/run.py, or a fine-tuned model")
        if config.num_labels != 2:
            classes = "class" if config.num_labels == 1 else "classes"
            raise UserError(
                f"{name} has {config.num_labels} {classes}: a sentiment classifier has two, negative and positive"
            )
        if threads is not None:
            torch.set_num_threads(threads)
        model = load_classifier(name, [config.id2label[index] for index in range(2)])
        return cls(model.to(device or _best_device()), load_tokenizer(name), precision=precision)

    def predict(self, texts: Sequence[str], *, states: bool = False) -> Predictions:
        """Probabilities of any number of texts, in their order, raw: not calibrated; `states` too where asked for.

        Rows go through the network sorted by length, in batches of about as many tokens; what a row gets does not
        depend on its neighbours beyond rounding. Under bf16, rows within 0.02 of the boundary are asked again in fp32.
        A "[SEP]" typed in a text is text. Under torch.distributed every process passes the same texts, predicts its
        share of them and gets the whole. Raises UserError for an empty text, for what is no text, and where the
        model says NaN.
        """
        texts = _checked(texts)
        rank, world_size = 0, 1
        if distributed.is_available() and distributed.is_initialized():
            rank, world_size = distributed.get_rank(), distributed.get_world_size()
        own = texts[rank::world_size]
        # One round at least: no texts make empty arrays.
        starts = range(0, max(len(own), 1), TEXTS_AT_ONCE)
        predictions = _concatenated([self._predict(own[start : start + TEXTS_AT_ONCE], states) for start in starts])
        if world_size > 1:
            shares: list = [None] * world_size
            distributed.all_gather_object(shares, predictions)
            order = np.concatenate([np.arange(len(texts))[rank::world_size] for rank in range(world_size)])
            predictions = _rows(_concatenated(shares), np.argsort(order))
        if not np.isfinite(predictions.probabilities).all():
            raise UserError("the model answers NaN: its weights are broken, or its training diverged")
        return predictions

    def tokenise(self, text: str) -> TokenisedText:
        """One text as the model reads it, cut at the model's limit. Raises UserError as predict does."""
        with self._tokenizer_lock:
            encoded = self.tokenizer(
                *_checked([text]),
                truncation=True,
                max_length=self.max_length,
                split_special_tokens=True,
                return_special_tokens_mask=True,
                return_offsets_mapping=self.tokenizer.is_fast,
            )
        ids = encoded["input_ids"]
        return TokenisedText(
            torch.tensor([ids], device=self.device),
            tuple(self.tokenizer.convert_ids_to_tokens(ids)),
            np.array(encoded["special_tokens_mask"], dtype=bool),
            tuple(map(tuple, encoded["offset_mapping"])) if "offset_mapping" in encoded else None,
        )

    def attentions(self, text: str) -> tuple[tuple[str, ...], list[np.ndarray]]:
        """The tokens of a text, and each layer's attention: (heads, tokens, tokens) float32, from row to column."""
        tokenised = self.tokenise(text)
        with torch.inference_mode():
            layers = self._eager_model(input_ids=tokenised.ids, output_attentions=True).attentions
        return tokenised.tokens, [layer[0].float().cpu().numpy() for layer in layers]

    @cached_property
    def _eager_model(self) -> PreTrainedModel:
        # The other attention kernels return no weights, and to switch the one network would disturb other threads.
        model = copy.deepcopy(self.model, _shared(self.model))
        model.set_attn_implementation("eager")
        return model

    def _predict(self, texts: list[str], states: bool = False) -> Predictions:
        ids, truncated = self._token_ids(texts)
        logits, means = self._outputs(self._fast_model, ids, self.precision, states)
        if self.precision == "bf16":
            near = np.flatnonzero(np.abs(_softmax(logits)[:, 1] - 0.5) < NEAR_BOUNDARY)
            logits[near], _ = self._outputs(self.model, [ids[row] for row in near], "fp32", False)
        unknown = self.tokenizer.unk_token_id
        return Predictions(
            _softmax(logits),
            np.array([len(row) for row in ids], dtype=np.int64),
            truncated,
            np.array([0 if unknown is None else row.count(unknown) for row in ids], dtype=np.int64),
            logits,
            means,
        )

    def _token_ids(self, texts: list[str]) -> tuple[list[list[int]], np.ndarray]:
        if not texts:
            return [], np.zeros(0, dtype=bool)

        def encode(texts: list[str], max_length: int) -> list[list[int]]:
            return self.tokenizer(
                texts,
                truncation=True,
                max_length=max_length,
                split_special_tokens=True,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]

        with self._tokenizer_lock:
            # One token more than the model reads tells a text that was cut from one that just fits.
            ids = encode(texts, self.max_length + 1)
            truncated = np.array([len(row) > self.max_length for row in ids])
            cut = np.flatnonzero(truncated)
            if len(cut):
                for row, shorter in zip(cut, encode([texts[row] for row in cut], self.max_length), strict=True):
                    ids[row] = shorter
        return ids, truncated

    def _outputs(
        self, model: PreTrainedModel, ids: list[list[int]], precision: str, states: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The logits, (n, 2), and the states."""
        logits, means = np.empty((len(ids), 2)), [np.empty(0)] * len(ids)
        budget = TOKENS_A_BATCH.get(self.device.type, TOKENS_A_GPU_BATCH)
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")
        with torch.inference_mode(), autocast, _states_of(model.base_model) if states else nullcontext([]) as seen:
            for rows in token_batches(np.array([len(row) for row in ids]), budget):
                batch = self._pad([{"input_ids": ids[row]} for row in rows])
                mask = batch["attention_mask"].to(self.device)
                found = model(
                    input_ids=batch["input_ids"].to(self.device),
                    attention_mask=None if bool(batch["attention_mask"].all()) else mask,
                ).logits
                logits[rows] = found.cpu().double()[:, self.columns].numpy()
                if states:
                    for row, mean in zip(rows, _mean_over_tokens(seen.pop(), mask).cpu().numpy(), strict=True):
                        means[row] = mean
        return logits, (np.stack(means) if ids else np.zeros((0, 0), np.float32)) if states else None


def class_columns(config) -> list[int]:
    """The columns of a two-class network's logits: that of negative, that of positive.

    Known by the names of its labels (negative, neg, LABEL_0 or 0; positive, pos, LABEL_1 or 1; in any case); under
    other names 0 is negative, the convention of SST-2.
    """
    first, second = (str(config.id2label[index]).strip().lower() for index in range(2))
    return [1, 0] if first in POSITIVE_NAMES or second in NEGATIVE_NAMES else [0, 1]


def longest_input(config) -> int:
    """The tokens that a network can read, special ones included; LONGEST where it sets no limit."""
    positions = getattr(config, "max_position_embeddings", None) or LONGEST
    if config.model_type in COUNTED_BEHIND_PADDING:
        positions -= config.pad_token_id + 1
    # XLNet says -1 for "any number".
    return positions if positions > 0 else LONGEST


def token_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Row numbers in batches of like length, the longest first: one row, or at most `budget` tokens with padding."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start:stop]
        start = stop


def _checked(texts: Sequence[str]) -> list[str]:
    """The texts as a list, each a string that has something in it."""
    if isinstance(texts, str):
        raise TypeError("texts is one string: pass a list of texts")
    texts = list(texts)
    for row, text in enumerate(texts, start=1):
        where = f"text {row} of {len(texts)}"
        if not isinstance(text, str):
            raise UserError(f"{where} is no text but {type(text).__name__}: every text is a string")
        if not has_visible_text(text):
            raise UserError(f"{where} is empty: write something in it, or leave it out")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UserError(f"{where} holds half a character (a lone surrogate): read the texts as UTF-8") from None
    return texts


@contextmanager
def _states_of(body: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collect what the body of a network says when this thread asks it; others may ask it at the same time."""
    found, thread = [], get_ident()

    def keep(module: nn.Module, given: tuple, output) -> None:
        if get_ident() == thread:
            found.append(output[0])

    handle = body.register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def _mean_over_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(rows, tokens, width), or (rows, width) where the body has one vector a text, to (rows, width) float32."""
    states = states.float()
    if states.ndim == 2:
        return states
    weights = mask[..., None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(-1).numpy()


def _concatenated(parts: Sequence[Predictions]) -> Predictions:
    # No texts have states of no width.
    parts = [part for part in parts if len(part.tokens)] or parts[:1]
    return Predictions(*(_joined([getattr(part, f.name) for part in parts]) for f in fields(Predictions)))


def _joined(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return None if arrays[0] is None else np.concatenate(arrays)


def _rows(predictions: Predictions, rows: np.ndarray) -> Predictions:
    arrays = (getattr(predictions, f.name) for f in fields(Predictions))
    return Predictions(*(None if array is None else array[rows] for array in arrays))


def _best_device() -> torch.device:
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cpu":
        return cpu_has_fast_bf16()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _with_bf16_products(model: PreTrainedModel) -> PreTrainedModel:
    """The same network for use under autocast, its linear layers in bf16 and all other weights shared.

    As fast as a network all in bf16 and as exact as plain autocast: sums between the layers and norms stay fp32.
    """
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    own = {id(parameter) for module in linear for parameter in module.parameters()}
    memo = {key: tensor for key, tensor in _shared(model).items() if key not in own}
    fast = copy.deepcopy(model, memo)
    for module in fast.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
    return fast


def _shared(model: nn.Module) -> dict[int, torch.Tensor]:
    """A memo for copy.deepcopy under which the copy shares all weights."""
    return {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
