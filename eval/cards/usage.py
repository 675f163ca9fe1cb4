"""How a card says that the model is loaded, and how its training is repeated."""

from eval.cards.facts import Facts
from eval.cards.training import versions
from eval.diagnosis.words import line
from eval.markup import escape

PIPELINE = """\
```python
{imports}from transformers import pipeline

{name} = pipeline("{task}", model={model}{trust})
{name}({text})
```"""
CLASSIFIER = """\
The probabilities themselves{scaled}:

```python
{imports}import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({model}{trust})
model = AutoModelForSequenceClassification.from_pretrained({model}{trust})
texts = ["a lovely, moving film"]
inputs = tokenizer(texts, truncation=True, max_length={length}, return_tensors="pt")
with torch.no_grad():
    {order} = {logits}.softmax(dim=-1)[0]
```"""
LANGUAGE_MODEL = """\
```python
{imports}from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({model}{trust})
model = AutoModelForCausalLM.from_pretrained({model}{trust})
```"""
TRUSTED = """\
The network is none of transformers': `trust_remote_code=True` runs the Python files of this repository on your \
machine. Read them first, and add `revision="COMMIT"`, so that what you read is what runs. In a checkout of the \
project that trained it, `import models` before loading does without: leave `trust_remote_code` out there."""
IMPORTED = """\
The network is none of transformers': `import models`, in a checkout of this project, tells transformers about it."""
OUR_MODELS = "import models  # tells transformers about the network\n"


def usage(facts: Facts) -> str:
    """Code that loads the model: a pipeline, the network itself, the app."""
    python, shell = facts.quoted
    published = facts.is_reference and facts.repo_id
    common = {
        "model": python,
        "trust": (f', revision="{facts.revision}"' if facts.revision else "")
        + (", trust_remote_code=True" if published else ""),
        "imports": OUR_MODELS if facts.is_reference and not published else "",
    }
    blocks = [TRUSTED if published else IMPORTED] if facts.is_reference else []
    if facts.is_language_model:
        blocks.append(PIPELINE.format(name="write", task="text-generation", text='"the film"', **common))
        blocks.append(LANGUAGE_MODEL.format(**common))
    else:
        text = '"a lovely, moving film"'
        blocks.append(PIPELINE.format(name="classify", task="text-classification", text=text, **common))
        blocks.append(_classifier(facts, common))
        if not facts.revision:
            blocks.append(f"The app of the project that trained it: `python space/app.py --model {shell}`.")
    if facts.tuning == "lora" and (facts.run.path / "adapter").is_dir():
        blocks.append("The LoRA adapter alone lies in `adapter/`, for peft; the weights here have it merged in.")
    return "\n\n".join(blocks)


def reproduce(facts: Facts) -> str:
    """The commands that train and judge it again."""
    processes = [event["world_size"] for event in facts.events if event.get("world_size")]
    launched = f" --num_processes {processes[-1]}" if processes and processes[-1] > 1 else ""
    data = " --data_dir DIR" if facts.settings.get("data_dir") is not None else ""
    folder = not facts.is_reference and facts.base is None
    model = " --model DIR" if folder else ""
    blocks = [
        "config.yaml, beside this card, holds every setting. In a checkout of the project (Finetune Clinic):",
        f"    accelerate launch{launched} train/run.py --config config.yaml --output_dir runs/again{model}{data}"
        + ("" if facts.is_language_model else "\n    python eval/run.py runs/again"),
    ]
    needed = [f"the texts “{escape(facts.corpus)}”"] if data else []
    if folder:
        needed.append(f"the model “{escape(line(facts.model).rstrip('/').rsplit('/', 1)[-1])}”")
    if needed:
        blocks.append(f"DIR stands for the folder of {' or '.join(needed)}.")
    blocks.append(f"{versions(facts)}The project's requirements.txt pins the versions of all libraries.")
    return "\n\n".join(blocks)


def _classifier(facts: Facts, common: dict[str, str]) -> str:
    logits, scaled = "model(**inputs).logits", ""
    calibration = facts.parts.get("calibration", {})
    gain = calibration.get("change", {}).get("log_loss", {}).get("high")
    if gain is not None and gain < 0 and not calibration.get("temperature_at_bound"):
        logits = f"({logits} / {calibration['temperature']:.3f})"
        scaled = ", calibrated by the temperature that was fitted on the validation rows"
    # Python's own identifiers only: a label may be anything.
    labels = [label.lower() for label in facts.labels]
    order = ", ".join(labels) if labels and all(label.isidentifier() for label in labels) else "probabilities"
    length = facts.settings.get("max_length", 128)
    return CLASSIFIER.format(logits=logits, scaled=scaled, order=order, length=length, **common)
