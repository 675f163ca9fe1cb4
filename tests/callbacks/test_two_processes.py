"""The callbacks in two gloo processes: DDP, and parameters that FSDP2 has sharded."""

import json
import math
import os
import signal
import socket
from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor

from callbacks.grad_norms import GradNorms, refuse_hidden_gradients
from callbacks.interrupt import NOTICE, Interrupt, Interrupted
from callbacks.non_finite import NonFinite, NonFiniteGuard
from callbacks.tensor_sums import total_gradient_norm
from cli.errors import UserError
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
    state = SimpleNamespace(global_step=0, max_steps=3, epoch=0.0, is_world_process_zero=rank == 0)
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


def sharded_network():
    model = network()
    mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert all(isinstance(parameter, DTensor) for parameter in model.parameters())
    return model


def fsdp(rank, folder):
    model = sharded_network()
    return record_steps(model, tokens().chunk(2)[rank], Journal(folder / "fsdp.jsonl"), rank, world_size=2)


def stop(journal, rank, bare, model):
    """One step under the guard; returns what it says."""
    args = SimpleNamespace(world_size=2)
    state = SimpleNamespace(global_step=4, epoch=0.5, is_world_process_zero=rank == 0)
    callback = NonFiniteGuard(journal)
    callback.on_train_begin(args, state, None, model=bare)
    callback.on_step_begin(args, state, None)
    model(tokens().chunk(2)[rank]).pow(2).mean().backward()
    try:
        callback.on_gradients(args, state, None, model=model)
    except NonFinite as error:
        return str(error)


def guard(rank, folder):
    """Only the second process has the bad batch; both must stop and say the same."""
    bare = network()
    bare.layers[1].register_forward_hook(
        lambda module, inputs, output: output * (math.nan if dist.get_rank() == 1 else 1)
    )
    model = nn.parallel.DistributedDataParallel(bare)
    return stop(Journal(folder / "guard.jsonl"), rank, bare, model)


def guard_of_shards(rank, folder):
    """Only the second process holds the bad weight, and only the first would run the network again."""
    model = sharded_network()
    if rank == 1:
        model.layers[1][0].weight.to_local().data.fill_(math.nan)
    return stop(Journal(folder / "guard_of_shards.jsonl"), rank, model, model)


def guard_of_gradient_shards(rank, folder):
    """Only the second process holds the bad rows of a gradient."""
    model = sharded_network()

    def spoil(weight):
        if rank == 1:
            weight.grad.to_local().fill_(math.nan)

    model.layers[1][0].weight.register_post_accumulate_grad_hook(spoil)
    return stop(Journal(folder / "guard_of_gradient_shards.jsonl"), rank, model, model)


def fsdp1(rank, folder):
    wrapped = FullyShardedDataParallel(network(), device_id=torch.device("cpu"))
    try:
        refuse_hidden_gradients(SimpleNamespace(deepspeed_plugin=None), wrapped)
    except UserError as error:
        return str(error)


def interrupt(rank, folder):
    """Only the second process gets a signal, then a save comes before the two would have agreed."""
    args = SimpleNamespace(world_size=2, device=torch.device("cpu"))
    os.environ["RANK"] = str(rank)
    with Interrupt(agree_every=10) as callback, (folder / f"stderr{rank}").open("w") as errors:
        kept = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            if rank == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            for step in range(1, 21):
                control = SimpleNamespace(should_save=step % 7 == 0, should_training_stop=False)
                state = SimpleNamespace(global_step=step, epoch=step / 100)
                callback.on_step_end(args, state, control)
                if control.should_save:
                    callback.on_save(args, state, control)
        except Interrupted as stopped:
            os.kill(os.getpid(), signal.SIGTERM)  # which a launcher passes on
            return [stopped.step, stopped.exit_status]
        finally:
            os.dup2(kept, 2)


TASKS = (ddp, fsdp, guard, guard_of_shards, guard_of_gradient_shards, fsdp1, interrupt)


def work(rank, port, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    assert dist.get_world_size() == 2
    results = {task.__name__: task(rank, folder) for task in TASKS}
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


def results(folder, task):
    return [json.loads((folder / f"{rank}.json").read_text())[task] for rank in (0, 1)]


@pytest.mark.parametrize(
    ("task", "quantity", "where"),
    [
        ("guard", "output", "the output of block.1 (layers.1)"),
        ("guard_of_shards", "weights", "the weights of block.1 (layers.1.0.weight)"),
        ("guard_of_gradient_shards", "gradient", "the gradient of block.1 (layers.1.0.weight)"),
    ],
)
def test_both_stop_and_name_the_layer_that_one_of_them_saw(folder, task, quantity, where):
    messages = results(folder, task)
    assert messages[0] == messages[1]
    assert messages[0].startswith(f"step 5: {where} became NaN first")
    (event,) = read_journal(folder / f"{task}.jsonl")
    assert (event["quantity"], event["layer"]) == (quantity, "block.1")


def test_fsdp_before_version_2_is_refused(folder):
    for message in results(folder, "fsdp1"):
        assert message.startswith("FSDP version 1 hides the gradients")


def test_both_leave_at_the_same_save_although_one_got_the_signal(folder):
    assert results(folder, "interrupt") == [[7, 128 + signal.SIGTERM]] * 2
    assert [(folder / f"stderr{rank}").read_text() for rank in (0, 1)] == [NOTICE, ""]
