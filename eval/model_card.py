"""The model card of a run: README.md for the Hub, made of the run's files alone; what they lack it leaves out."""

import re
from pathlib import Path

import yaml
from huggingface_hub import ModelCard, ModelCardData

from cli.errors import UserError
from eval.cards.facts import Facts
from eval.cards.judged import metrics_table, not_measured, sections
from eval.cards.metadata import card_data
from eval.cards.opening import first_lines, limits, what_it_is
from eval.cards.training import compute, curves, data, incidents, settings_table
from eval.cards.usage import reproduce, usage
from eval.diagnosis.words import line
from eval.markup import escape
from eval.pages import png
from eval.plots.diagnosis import draw_loss
from eval.run_directory import RunDirectory, write_bytes, write_text

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
OURS = "<!-- Written by eval/run.py"
"""How the mark of every card of ours begins."""
MARK = f"{OURS} and train/publish.py, which write it again: delete this line to keep your own text. -->"
LICENSE = "apache-2.0"
LOSS = "card/loss.png"
"""The curves of a run, beside its card."""
_IMAGE = re.compile(r"^!\[[^\]\n]*\]\(((?:card|evaluation)/[\w.-]+\.png)\)$", re.MULTILINE)


def card_of(
    run: RunDirectory,
    *,
    repo_id: str | None = None,
    revision: str | None = None,
    license: str = LICENSE,  # noqa: A002 (the Hub's word)
) -> ModelCard:
    """The card of a finished run; nothing is written.

    repo_id: USER/NAME, from where the snippets load the model, and revision its branch where that is not main; the run
    directory when left out. A README.md without our mark is its owner's: of it, only the model-index is brought up to
    date. Raises UserError where a file of the run is missing or not in shape.
    """
    try:
        facts = Facts(run, repo_id, revision)
        metadata = card_data(facts, license)
        if (own := _owners_card(run)) is None:
            return _our_card(facts, metadata)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise UserError(
            f"{run.path} holds a file that is not in shape ({type(error).__name__}: {line(error)}): mend its "
            "config.yaml, or judge it again with `python eval/run.py`"
        ) from error
    if metadata.eval_results:
        own.data.model_name, own.data.eval_results = metadata.model_name, metadata.eval_results
    return own


def pictures_of(run: RunDirectory, card: ModelCard) -> dict[str, bytes]:
    """The pictures that a card of the run shows, {path from the card: PNG}; nothing is written.

    A link that leads out of the run is none.
    """
    facts, pictures = Facts(run), {}
    for path in dict.fromkeys(_IMAGE.findall(card.text)):
        if path == LOSS and facts.history is not None and (figure := draw_loss(facts.history, facts.findings)):
            pictures[path] = png(figure)
        elif (run.path / path).is_file() and (run.path / path).resolve().is_relative_to(run.path.resolve()):
            pictures[path] = (run.path / path).read_bytes()
    return pictures


def write_model_card(run: RunDirectory) -> None:
    """Write the card of a run, and the picture of its curves; raises UserError as card_of does."""
    card = card_of(run)
    if LOSS in (pictures := pictures_of(run, card)):
        write_bytes(run.path / LOSS, pictures[LOSS])
    write_text(run.model_card, str(card))


def _our_card(facts: Facts, metadata: ModelCardData) -> ModelCard:
    return ModelCard.from_template(
        metadata,
        template_str=TEMPLATE.read_text(encoding="utf-8"),
        mark=MARK,
        title=escape(facts.name),
        what_it_is=what_it_is(facts),
        first_lines=first_lines(facts),
        usage=usage(facts),
        limits=limits(facts),
        sections=_sections(facts),
    )


def _sections(facts: Facts) -> dict[str, str]:
    """{heading: body in Markdown}; an empty one has nothing to say."""
    shown = f"![Training and evaluation loss against the step]({LOSS})"
    drawn = facts.history is not None and (len(facts.history.train) or len(facts.history.validation))
    return {
        "Metrics": "\n\n".join(filter(None, [metrics_table(facts), not_measured(facts)])),
        **sections(facts),
        "Training data": data(facts),
        "Training": "\n\n".join(filter(None, [curves(facts), shown if drawn else "", settings_table(facts)])),
        "Incidents": incidents(facts),
        "Compute": compute(facts),
        "How to reproduce": reproduce(facts),
    }


def _owners_card(run: RunDirectory) -> ModelCard | None:
    """The README.md of a run whose owner took our mark out; None where there is none."""
    if not run.model_card.is_file():
        return None
    try:
        card = ModelCard.load(run.model_card)
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UserError(
            f"{run.model_card} cannot be read ({' '.join(str(error).split())[:100]}): mend or delete it"
        ) from error
    return None if OURS in card.content else card
