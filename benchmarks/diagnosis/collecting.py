"""Making the runs of the scorecard: one after another in a warm process, each kept as its journal alone."""

import contextlib
import shutil
import time
import traceback
from pathlib import Path

from transformers import TrainerCallback

from benchmarks.diagnosis.recipes import TOKENIZER_ROWS, Recipe
from callbacks.non_finite import NonFinite
from cli.errors import UserError
from data.corpora import load_corpus
from data.splits import draw
from data.tokenizer import train_tokenizer
from eval.run_directory import read_json, write_json
from models.reference_configs import TransformerConfig
from train import run as one_run
from train.config import resolve
from train.isolation import fresh_state

DONE = "done.json"


class ChangeWeights(TrainerCallback):
    """Changes the network before the first step."""

    def __init__(self, change):
        self._change = change

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self._change(model)


def make_run(recipe: Recipe, folder: Path, work: Path) -> dict:
    """Train a recipe in `folder` and leave its journal and done.json there, without weights; returns done.json."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    with (
        open(folder / "log.txt", "w") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
        fresh_state(),
    ):
        settings = dict(recipe.settings)
        if recipe.rows is not None:
            settings["data_dir"] = str(write_rows(recipe, folder.with_name(folder.name + "-data")))
            del settings["max_train_samples"]
        if recipe.architecture != "pretrained":
            settings["tokenizer"] = str(shared_tokenizer(work))
        settings["output_dir"] = str(folder / "run")
        callbacks = [ChangeWeights(recipe.weights)] if recipe.weights else []
        end = "finished"
        try:
            args, trainer_args, resolved = resolve(settings, [], where="a recipe", name="scorecard")
            one_run.main(args, trainer_args, resolved, callbacks)
        except NonFinite as error:
            end = str(error)
        except Exception:
            traceback.print_exc(file=log)
            raise
        finally:
            shutil.rmtree(folder.with_name(folder.name + "-data"), ignore_errors=True)
    shutil.copy(folder / "run" / "journal.jsonl", folder / "journal.jsonl")
    shutil.rmtree(folder / "run")
    done = {"plan": recipe.plan, "end": end, "seconds": round(time.monotonic() - start, 2)}
    write_json(folder / DONE, done)
    return done


def write_rows(recipe: Recipe, folder: Path) -> Path:
    """A folder with the corpus of a recipe whose training rows are other ones."""
    corpus = load_corpus(str(recipe.settings["corpus"]))
    folder.mkdir(parents=True, exist_ok=True)
    rows = draw(corpus.train, int(recipe.settings["max_train_samples"])).to_pandas()
    recipe.rows(rows, recipe.seed).to_csv(folder / "train.csv", index=False)
    for split in ("validation", "test"):
        drawn = draw(getattr(corpus, split), int(recipe.settings["max_eval_samples"]))
        drawn.to_pandas().to_csv(folder / f"{split}.csv", index=False)
    return folder


def shared_tokenizer(work: Path) -> Path:
    """The reference networks' tokenizer, trained once: half of what a short run would take."""
    folder = work / "tokenizer"
    if not folder.exists():
        tokenizer = train_tokenizer(load_corpus("reviews").train["text"][:], TOKENIZER_ROWS)
        unfinished = work / f"tokenizer-{time.monotonic_ns()}"
        tokenizer.save_pretrained(unfinished)
        TransformerConfig(vocab_size=len(tokenizer)).save_pretrained(unfinished)
        with contextlib.suppress(OSError):
            unfinished.rename(folder)
    return folder


def done(folder: Path, recipe: Recipe) -> dict | None:
    """done.json of a run that was made by this very recipe."""
    with contextlib.suppress(UserError, OSError):
        content = read_json(folder / DONE)
        if content["plan"] == recipe.plan:
            return content
    return None
