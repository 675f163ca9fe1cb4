import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from cli.errors import UserError
from space.app import build, newest_run, serve
from space.clinic import Clinic
from space.tabs import TAB_NAMES, load_tab

ROOT = Path(__file__).parents[2]


def test_the_newest_finished_run_is_shown(tmp_path):
    for age, name in enumerate(["new", "old"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text("{}")
        (tmp_path / name / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
        os.utime(tmp_path / name / "metrics.json", (1000 - age, 1000 - age))
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "language_model").mkdir()
    (tmp_path / "language_model" / "metrics.json").write_text("{}")
    (tmp_path / "language_model" / "config.json").write_text('{"architectures": ["TransformerForCausalLM"]}')
    assert newest_run(tmp_path) == str(tmp_path / "new")


def test_without_a_run_it_says_how_to_train_one(tmp_path):
    with pytest.raises(UserError, match="make train"):
        newest_run(tmp_path)


def test_only_five_functions_are_public(tiny_classifier, tmp_path):
    page = build(Clinic(str(tiny_classifier), tmp_path))
    public = {event.api_name for event in page.fns.values() if event.api_visibility == "public"}
    assert public == {"predict", "explain", "probe", "diagnose", "scaling"}


def test_every_tab_has_the_same_shape(tiny_classifier, tmp_path):
    clinic = Clinic(str(tiny_classifier), tmp_path)
    for name in TAB_NAMES:
        module = load_tab(name)
        with gr.Blocks():
            tab = module.build(clinic)
        assert isinstance(module.TITLE, str)
        assert (tab.load is None) == (tab.outputs == [])


@pytest.mark.parametrize("name", ["../outside", "/etc", "a/../../outside", "nowhere", "", "."])
def test_nothing_outside_the_runs_can_be_named(tiny_classifier, tmp_path, name):
    runs = tmp_path / "runs"
    for folder in (runs / "a", tmp_path / "outside"):
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("")
    clinic = Clinic(str(tiny_classifier), runs)
    assert clinic.run("a").path == runs / "a"
    with pytest.raises(UserError, match="there is no run"):
        clinic.run(name)


def test_a_network_without_a_head_is_refused(tiny_bert, tmp_path):
    with pytest.raises(UserError, match=r"holds no classifier: name a run of train/run\.py"):
        Clinic(str(tiny_bert), tmp_path).predictor()


def test_a_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* --port"):
            serve(gr.Interface(str, "text", "text"), port)


@pytest.mark.slow
def test_without_a_model_the_command_is_one_line(tmp_path):
    command = [sys.executable, ROOT / "space" / "app.py", "--runs", tmp_path]
    environment = {key: value for key, value in os.environ.items() if key != "MODEL_ID"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "make train" in done.stderr and "Traceback" not in done.stderr


START = """
import json, os, sys, threading, time
from urllib.request import Request, urlopen

stubs = set()
sys.addaudithook(lambda event, details: event == "open" and str(details[0]).endswith(".pyi") and stubs.add(details[0]))

from space.app import main

app = threading.Thread(target=main, daemon=True)
app.start()
address = f"http://127.0.0.1:{sys.argv[-1]}/gradio_api/run/predict"
ask = Request(address, b'{"data": ["a good film"]}', {"Content-Type": "application/json"})
while app.is_alive():
    try:
        urlopen(ask).read()
        break
    except OSError:
        time.sleep(0.1)
print(json.dumps([app.is_alive(), list(sys.modules), len(stubs)]), file=sys.stderr, flush=True)
os._exit(0)
"""
NOT_NEEDED = {
    *("bertviz", "captum", "datasets", "evaluate", "matplotlib.figure", "peft", "plotly", "scipy.stats", "sklearn"),
    "statsmodels",
}


@pytest.mark.slow
def test_a_first_prediction_waits_for_nothing_that_it_does_not_need(tiny_classifier, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-c", START, "--model", tiny_classifier, "--runs", tmp_path, "--port", port]
    environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=100)
    answered, modules, stubs = json.loads(done.stderr.splitlines()[-1])
    assert answered, done.stderr
    assert NOT_NEEDED & set(modules) == set()
    # Of some eighty; these are of classes that are made later.
    assert stubs <= 2
