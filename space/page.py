"""Gradio's page, with arguments that a program may leave out."""

import gradio as gr


class Page(gr.Blocks):
    """Blocks whose public functions keep their defaults over plain HTTP, where Gradio asks for every argument."""

    async def preprocess_data(self, block_fn, inputs, *args, **kwargs):
        """Fill up what was left out behind, and go on as Gradio does."""
        left_out = [getattr(block, "value", None) for block in block_fn.inputs[len(inputs) :]]
        if block_fn.api_visibility == "public" and None not in left_out:
            inputs = [*inputs, *left_out]
        return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
