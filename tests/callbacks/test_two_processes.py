"""The callbacks in two gloo processes: DDP, and parameters that FSDP2 has sharded."""

import json
import math
import os
import socket
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from callbacks.grad_norms import GradNorms
from callbacks.non_finite import NonFinite, NonFiniteGuard
from callbacks.tensor_sums import total_gradient_norm
from eval.run_directory import Journal, read_journal

pytestmark = pytest.mark.multiprocess


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(9, 7)  # neither divides by two
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(7, 7), nn.ReLU()) for _ in range(2))
        self.classifier = nn.Linear(7, 2)

    def forward(self, tokens):
        x = self.embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x.mean(1))


def network():
    torch.manual_seed(0)
    return Network()


def tokens():
    return torch.arange(8 * 3).reshape(8, 3) % 9


def record_steps(model, batch, journal, rank, world_size):
    """Three recorded AdamW steps; returns the total norms on the way."""
    args = SimpleNamespace(world_size=world_size, max_grad_norm=1.0, deepspeed_plugin=None)
    state = SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=rank == 0)
    callback = GradNorms(journal, every=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    totals = []
    callback.on_train_begin(args, state, None, model=model)
    for step in range(3):
        callback.on_step_begin(args, state, None, model=model)
        optimizer.zero_grad()
        model(batch).pow(2).mean().backward()
        totals.append(total_gradient_norm(model))
        callback.on_gradients(args, state, None, model=model, optimizer=optimizer)
        optimizer.step()
        callback.on_optimizer_step(args, state, None, optimizer=optimizer)
        state.global_step = step + 1
        callback.on_step_end(args, state, None)
    callback.on_epoch_end(args, state, None)
    return totals


def ddp(rank, folder):
    model = nn.parallel.DistributedDataParallel(network())
    return record_steps(model, tokens().chunk(2)[rank], Journal(folder / "ddp.jsonl"), rank, world_size=2)


def fsdp(rank, folder):
    model = network()
    mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert all(isinstance(parameter, DTensor) for parameter in model.parameters())
    return record_steps(model, tokens().chunk(2)[rank], Journal(folder / "fsdp.jsonl"), rank, world_size=2)


def guard(rank, folder):
    """Only the second process has the bad batch; both must stop and say the same."""
    bare = network()
    bare.layers[1].register_forward_hook(
        lambda module, inputs, output: output * (math.nan if dist.get_rank() == 1 else 1)
    )
    model = nn.parallel.DistributedDataParallel(bare)
    args = SimpleNamespace(world_size=2)
    state = SimpleNamespace(global_step=4, epoch=0.5, is_world_process_zero=rank == 0)
    callback = NonFiniteGuard(Journal(folder / "guard.jsonl"))
    callback.on_train_begin(args, state, None, model=bare)
    callback.on_step_begin(args, state, None)
    model(tokens().chunk(2)[rank]).pow(2).mean().backward()
    try:
        callback.on_gradients(args, state, None, model=model)
    except NonFinite as error:
        return str(error)


def work(rank, port, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    assert dist.get_world_size() == 2
    results = {task.__name__: task(rank, folder) for task in (ddp, fsdp, guard)}
    (folder / f"{rank}.json").write_text(json.dumps(results))
    dist.barrier()
    os._exit(
        0
    )  # an orderly exit now and then aborts in gloo's threads ("terminate called without an active exception")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(work, args=(port, folder), nprocs=2)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same three steps in one process."""
    journal = Journal(tmp_path_factory.mktemp("alone") / "journal.jsonl")
    return record_steps(network(), tokens(), journal, rank=0, world_size=1), read_journal(journal.path)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_record_what_one_does(folder, alone, kind):
    totals, expected = alone
    for rank in (0, 1):
        assert json.loads((folder / f"{rank}.json").read_text())[kind] == pytest.approx(totals, rel=1e-4)
    written = read_journal(folder / f"{kind}.jsonl")
    assert [line["kind"] for line in written] == ["grad_norms"] * 3 + ["event"]
    for line, single in zip(written[:3], expected[:3], strict=True):
        assert list(line["layers"]) == list(single["layers"]) == ["embeddings", "block.0", "block.1", "head"]
        assert line["total"] == pytest.approx(single["total"], rel=1e-4)
        for layer, figures in single["layers"].items():
            assert line["layers"][layer] == pytest.approx(figures, rel=1e-3)


def test_both_stop_and_name_the_layer_that_one_of_them_saw(folder):
    messages = [json.loads((folder / f"{rank}.json").read_text())["guard"] for rank in (0, 1)]
    assert messages[0] == messages[1]
    assert messages[0].startswith("step 5: the output of block.1 (layers.1) became NaN first")
    (event,) = read_journal(folder / "guard.jsonl")
    assert (event["quantity"], event["layer"]) == ("output", "block.1")
