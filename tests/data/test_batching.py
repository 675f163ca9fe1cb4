import numpy as np
import pytest
import torch
from accelerate import skip_first_batches
from accelerate.data_loader import BatchSamplerShard, prepare_data_loader
from torch.utils.data import BatchSampler, DataLoader
from transformers import DataCollatorWithPadding
from transformers.trainer_pt_utils import LengthGroupedSampler

from data.batching import BucketSampler, PadToLongest


@pytest.fixture
def lengths():
    """Skewed like SST-2's: many short rows, few long ones."""
    return np.random.default_rng(0).geometric(1 / 13, 1_000).tolist()


def padded_tokens(sampler, lengths, batch_size):
    return sum(max(lengths[row] for row in rows) * len(rows) for rows in BatchSampler(sampler, batch_size, False))


def batches_of(loader):
    return [batch.tolist() for batch in loader]


def test_collator_equals_the_one_of_transformers(embedded_tokenizer):
    texts = ["good", "a long and winding road of a film", "bad , bad"]
    rows = [
        {"input_ids": embedded_tokenizer(text)["input_ids"], "labels": number % 2} for number, text in enumerate(texts)
    ]
    batch = PadToLongest(pad_token_id=embedded_tokenizer.pad_token_id)(rows)
    rival = DataCollatorWithPadding(embedded_tokenizer)([dict(row) for row in rows])
    assert batch.keys() == rival.keys()
    for name, tensor in batch.items():
        assert tensor.dtype == torch.int64 and torch.equal(tensor, rival[name]), name


def test_collator_pads_with_the_given_id_and_does_without_labels():
    batch = PadToLongest(pad_token_id=9)([{"input_ids": [1, 2, 3]}, {"input_ids": [4]}])
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert "labels" not in batch


def test_sampler_yields_every_row_once_in_another_order_each_epoch(lengths):
    sampler = BucketSampler(lengths, 32)
    first = list(sampler)
    assert len(sampler) == 1_000 and sorted(first) == list(range(1_000))
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert sorted(second := list(sampler)) == list(range(1_000)) and second != first
    assert list(BucketSampler(lengths, 32, seed=1)) not in (first, second)


def test_sampler_pads_less_than_the_trainers_own(lengths):
    samplers = (BucketSampler(lengths, 16), LengthGroupedSampler(16, lengths=lengths, generator=torch.Generator()))
    ours, theirs = (padded_tokens(sampler, lengths, 16) - sum(lengths) for sampler in samplers)
    assert ours < theirs / 2


def test_batches_come_in_random_order_behind_the_longest(lengths):
    rows = list(BucketSampler(lengths, 10))
    means = np.array(lengths)[rows].reshape(-1, 10).mean(axis=1)
    assert max(lengths) in np.array(lengths)[rows[:10]]
    assert abs(np.corrcoef(means[1:], np.arange(len(means) - 1))[0, 1]) < 0.3


def test_rows_of_one_length_change_their_partners():
    sampler = BucketSampler([5] * 64, 8)
    first = {frozenset(rows) for rows in BatchSampler(sampler, 8, False)}
    sampler.set_epoch(1)
    assert not first & {frozenset(rows) for rows in BatchSampler(sampler, 8, False)}


@pytest.mark.parametrize("count", [0, 1, 5, 8, 9])
def test_sampler_takes_few_rows(count):
    assert sorted(BucketSampler(list(range(count)), 8)) == list(range(count))


def test_an_epoch_resumed_in_the_middle_goes_on_with_the_same_rows(lengths):
    def loader():
        rows = torch.arange(1_000)
        return prepare_data_loader(DataLoader(rows, batch_size=32, sampler=BucketSampler(lengths, 32)))

    torch.manual_seed(0)
    uninterrupted = loader()
    first, second = batches_of(uninterrupted), batches_of(uninterrupted)
    torch.manual_seed(1)
    resumed = skip_first_batches(loader(), 7)
    resumed.set_epoch(1)
    assert second != first and batches_of(resumed) == second[7:]


def test_two_processes_together_take_the_batches_of_one(lengths):
    lengths = lengths[:960]
    alone = list(BatchSampler(BucketSampler(lengths, 32), 32, False))
    shards = [BatchSamplerShard(BatchSampler(BucketSampler(lengths, 32), 16, False), 2, rank) for rank in (0, 1)]
    assert [first + second for first, second in zip(*shards, strict=True)] == alone
