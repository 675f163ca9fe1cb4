"""The app: try a model, see why it answered, find where it breaks.

python space/app.py                     the newest run under runs/, on http://127.0.0.1:7860
python space/app.py --model RUN|HUB_ID  another model
"""

import argparse
import gc
import os
import sys
from pathlib import Path
from unittest.mock import patch

# On a Space the project is not installed: its folders lie beside this one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cli.errors import UserError
from cli.script import run_script

# No request leaves the machine.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# After every event Gradio makes a table of the last 10,000, for a page of figures that nobody opens.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
# How often one function may run at once. Told to queue(), Gradio would make its server anew.
os.environ.setdefault("GRADIO_DEFAULT_CONCURRENCY_LIMIT", "4")
# Around every event Gradio asks Matplotlib for its backend, which would open pyplot to choose one.
os.environ.setdefault("MPLBACKEND", "agg")

MAX_UPLOAD = "2mb"
SESSIONS = 200
"""Open pages that are remembered; each takes some 100 KB."""
FONT, MONO = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
STYLE = Path(__file__).parent / "style.css"


def newest_run(runs: Path) -> str:
    """The run under `runs` whose classifier was finished last."""
    from space.clinic import holds_classifier

    finished = [path for path in runs.glob("*/metrics.json") if holds_classifier(path.parent)]
    if not finished:
        raise UserError(
            f"no finished run under {runs}/: train one with `make train`, or name a model with --model or MODEL_ID"
        )
    return str(max(finished, key=lambda path: path.stat().st_mtime).parent)


def import_gradio() -> None:
    """Import Gradio without the type stubs that it writes for its components each time, which takes a second.

    It writes none for a class that has no source file.
    """
    with patch("inspect.getfile", side_effect=OSError):
        import gradio  # noqa: F401


def build(clinic):
    """The page: a line on the model, and a tab for each question."""
    import gradio as gr

    from eval.markup import escape
    from space.address import ADDRESS_IS_OPEN, READ_ADDRESS, open_tab
    from space.page import Page
    from space.tabs import TAB_NAMES, load_tab

    # Uploads are deleted after an hour.
    with Page(title=f"Finetune Clinic: {clinic.title}", delete_cache=(3600, 3600)) as page:
        gr.Markdown(f"# Finetune Clinic\nSentiment of English sentences by **{escape(clinic.title)}**")
        address = gr.JSON(visible=False)
        tabs = {}
        with gr.Tabs() as bar:
            for name in TAB_NAMES:
                module = load_tab(name)
                with gr.Tab(module.TITLE, id=name) as item:
                    tab = tabs[name] = module.build(clinic)
                item.select(None, js=open_tab(name, TAB_NAMES[0]), api_visibility="private")
                if tab.load:
                    item.select(tab.load, tab.inputs, tab.outputs, api_visibility="private", show_progress="minimal")
        fields = [(name, key, component) for name, tab in tabs.items() for key, component in tab.fields.items()]

        def open_address(query: dict | None):
            query = query or {}
            wanted = query.get("tab") if query.get("tab") in TAB_NAMES else TAB_NAMES[0]
            values = [
                query[key] if name == wanted and key in query and _can_hold(component, query[key]) else gr.skip()
                for name, key, component in fields
            ]
            return [gr.Tabs(selected=wanted), *values]

        opened = page.load(
            open_address,
            address,
            [bar, *(component for *_, component in fields)],
            js=READ_ADDRESS,
            api_visibility="private",
            show_progress="hidden",
        )
        opened.success(None, js=ADDRESS_IS_OPEN, api_visibility="private")
        # It was opened before the address had filled its fields.
        first = tabs[TAB_NAMES[0]]
        if first.load:
            opened.success(first.load, first.inputs, first.outputs, api_visibility="private", show_progress="hidden")
    return page


def _can_hold(component, value: object) -> bool:
    """Whether a value from an address may be given to a component: of a choice, only what can be chosen."""
    choices = getattr(component, "choices", None)
    if not isinstance(value, str) or choices is None or getattr(component, "allow_custom_value", False):
        return isinstance(value, str)
    return value in [chosen for _, chosen in choices]


def serve(page, port: int | None = None, *, wait: bool = True):
    """Show a page until Ctrl-C, or until it is closed where `wait` is false; returns its local address."""
    import gradio as gr

    from space.sessions import share_no_session

    share_no_session(page)
    theme = gr.themes.Soft(font=FONT, font_mono=MONO)
    try:
        _, address, _ = page.launch(
            server_port=port,
            theme=theme,
            css_paths=STYLE,
            footer_links=["api"],
            run_history=False,
            state_session_capacity=SESSIONS,
            max_file_size=MAX_UPLOAD,
            show_error=True,
            prevent_thread_lock=not wait,
        )
    except OSError as error:
        raise UserError(f"port {port} cannot be opened (is it in use?): name another with --port") from error
    return address


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python space/app.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=os.environ.get("MODEL_ID"), help="a run, a folder or a Hub id")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of the runs that may be looked at")
    parser.add_argument("--studies", type=Path, help="the folder of the studies (default: studies/ beside the runs)")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--threads", type=int, default=1, help="torch threads a prediction may use")
    args = parser.parse_args()
    # Next to nothing that is made before the page is served becomes garbage: to look for it would take a second.
    gc.disable()
    model = args.model or newest_run(args.runs)

    from space.clinic import Clinic

    clinic = Clinic(model, args.runs, args.threads, args.studies)
    # A model that cannot be loaded is one line now, not an error on the page.
    clinic.predictor()
    import_gradio()
    page = build(clinic)
    gc.freeze()
    gc.enable()
    serve(page, args.port)


if __name__ == "__main__":
    run_script(main)
