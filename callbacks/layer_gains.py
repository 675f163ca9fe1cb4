"""What each layer of a deep MLP multiplies the gradient by, told from the forward pass and the weights alone."""

from collections import defaultdict

import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from eval.run_directory import Journal
from models.deep_mlp import Block
from models.layers import layer_of
from models.parts import Connection


class LayerGains(TrainerCallback):
    """Records at step 1, every so many steps and the last one how each block passes the gradient on; no backward pass.

    A record is one journal line of kind "layer_gains"; figures of a block, root mean squares over the rows of the step:

        slope    of the activation, over the units: what the gradient loses in it; a sigmoid's is a quarter at most
        weights  of the norm of a unit's incoming weights, over the units: what the gradient gains in the linear layer
        gain     of the gradient that leaves the block towards the input, over the one that enters it
        reach    of the gradient of the block's weights, over the one that enters the block
        spread   of the block's input: the distance of a row from the mean of all, over the size of a row

    eval.chain_rule multiplies them. With a gradient d at the block's output of n units, z = W h + b and a' the slopes,
    the one at its input is W^T (a'(z) * d): where d is independent of W and a' and has no direction of its own, its
    mean square is that of d times the mean over the units i of a'(z_i)^2 |W_i|^2. This is the mean-field theory of
    gradients (Schoenholz et al., Deep information propagation, ICLR 2017, equation 9; Glorot & Bengio 2010, equations
    5 and 6, with all slopes 1), with the slopes and weights that the network has in place of their expectations. A
    residual connection adds 1 to the square, its cross term being 0 in the mean. A norm divides by the standard
    deviation of its input and multiplies by its own weights; that it takes two directions of n away, and dropout, are
    left out.
    """

    def __init__(self, journal: Journal, *, every: int):
        self.journal = journal
        self.every = every
        self._handles: list = []
        self._squares: dict[str, dict[str, list[Tensor]]] = {}

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        step = state.global_step + 1
        if step in (1, state.max_steps) or step % self.every == 0:
            self._squares = defaultdict(lambda: defaultdict(list))
            for name, module in model.named_modules():
                if isinstance(module, Block):
                    self._handles.append(module.register_forward_hook(self._hook(layer_of(name))))

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        self._forget()

    def on_step_end(self, args, state, control, **kwargs):
        """Write the record, now that step and epoch have moved on."""
        squares, self._squares = self._squares, {}
        if squares and state.is_world_process_zero:
            layers = {
                layer: {name: torch.stack(values).mean().sqrt().item() for name, values in figures.items()}
                for layer, figures in squares.items()
            }
            self.journal.write("layer_gains", state.global_step, state.epoch, layers=layers)

    def on_train_end(self, args, state, control, **kwargs):
        self._forget()

    def _forget(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _hook(self, layer: str):
        def look(block: Block, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            with torch.no_grad(), torch.autocast(output.device.type, enabled=False):
                for name, square in squared_gains(block, inputs[0].float()).items():
                    self._squares[layer][name].append(square)

        return look


def squared_gains(block: Block, x: Tensor) -> dict[str, Tensor]:
    """The squares of slope, weights, gain and reach (LayerGains) of a block at its input x (rows, width), scalars."""
    around, linear = block.around, block.linear
    h = around.enter(x)
    z = linear(h)
    # Of an element-wise function, its slope at each place.
    y, slopes = torch.func.jvp(block.activation, (z,), (torch.ones_like(z),))
    before = _gain_of_norm(around, x) if around.order == "pre" else torch.ones_like(h)
    after = _gain_of_norm(around, x + y if around.residual else y) if around.order == "post" else torch.ones_like(h)
    slopes = slopes.square()
    # (rows, units): of each unit's incoming weights as x meets them.
    weights = before.square() @ linear.weight.square().T
    into = after.square().mean(1)
    branch = (slopes * weights).mean(1)
    return {
        "slope": slopes.mean(),
        "weights": linear.weight.square().sum(1).mean(),
        "gain": ((branch + around.residual) * into).mean(),
        "reach": (slopes.mean(1) * (1 + h.square().sum(1)) * into).mean(),
        "spread": (x - x.mean(0)).square().sum() / x.square().sum(),
    }


def _gain_of_norm(around: Connection, x: Tensor) -> Tensor:
    """(rows, width): what a norm multiplies each entry's deviation by."""
    norm: nn.LayerNorm = around.norm
    return norm.weight / (x.var(1, keepdim=True, unbiased=False) + norm.eps).sqrt()
