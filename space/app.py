"""The app: `python space/app.py [--model RUN|HUB_ID]` opens on http://127.0.0.1:7860."""

import argparse
import os
from pathlib import Path

from cli.errors import UserError
from cli.script import run_script


def newest_run(runs: Path = Path("runs")) -> str:
    """The run under `runs` whose model was finished last."""
    finished = sorted(runs.glob("*/metrics.json"), key=lambda path: path.stat().st_mtime)
    if not finished:
        raise UserError("there is no finished run under runs/: train one with `make train`, or name one with --model")
    return str(finished[-1].parent)


def build(model: str):
    """The page: a text in, its label and the probability of each class out."""
    import gradio as gr
    from transformers import pipeline

    from models.loading import load_classifier, load_config, load_tokenizer

    config = load_config(model)
    if not any(name.endswith("ForSequenceClassification") for name in config.architectures or []):
        raise UserError(f"{model} holds no classifier: name a run of train/run.py")
    network = load_classifier(model, [config.id2label[index] for index in range(config.num_labels)])
    classify = pipeline("text-classification", model=network, tokenizer=load_tokenizer(model), top_k=None)

    def predict(text: str) -> dict[str, float]:
        if not text.strip():
            raise gr.Error("Type a sentence first.")
        return {answer["label"]: answer["score"] for answer in classify([text], truncation=True, max_length=512)[0]}

    return gr.Interface(
        predict,
        inputs=gr.Textbox(label="Text", lines=3, max_length=10_000),
        outputs=gr.Label(label="Sentiment"),
        examples=["a lovely, moving film", "a dull and clumsy plot"],
        title="Finetune Clinic",
        description=f"Sentiment by {model}",
        flagging_mode="never",
    )


def serve(page, port: int) -> None:
    """Show the page on `port` until Ctrl-C."""
    try:
        page.launch(server_port=port)
    except OSError as error:
        raise UserError(f"port {port} cannot be opened (is it in use?): name another with --port") from error


def main() -> None:
    parser = argparse.ArgumentParser(prog="python space/app.py", description=__doc__)
    parser.add_argument("--model", default=os.environ.get("MODEL_ID"), help="a run, a folder or a Hub id")
    parser.add_argument("--port", type=int, default=7860)
    args = parser.parse_args()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    serve(build(args.model or newest_run()), args.port)


if __name__ == "__main__":
    run_script(main)
