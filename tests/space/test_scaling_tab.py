import csv
import io
import json

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

import space.tabs
from cli.errors import UserError
from eval import scaling as command
from eval.scaling_laws.plane import plane_of
from space import scaling_questions, scaling_tables
from space.app import build, serve
from space.batch import MOST_BYTES
from space.clinic import Clinic
from space.scaling_charts import fit_chart, plane_chart, residual_chart
from space.scaling_questions import Questions, analysis_of, read_questions
from space.scaling_tables import EXAMPLES, MOST_RUNS, example_choices, example_table, read_text, read_upload
from space.scaling_view import answer_html, law_html
from space.tabs.scaling import NOTHING_HERE

HOSTILE = '<img src=x onerror="window.hacked = 1">'
RESAMPLES = 50
UPLOADS = "scaling_uploads"
ASKED = Questions(1.728e21, (1e10, 1e12))
E, A, B, ALPHA, BETA = 1.69, 406.4, 410.7, 0.34, 0.28


def text_of(names, columns) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([names, *zip(*columns, strict=True)])
    return file.getvalue()


def planted(noise=0.002) -> str:
    """Five sizes at four token counts, by Hoffmann's law."""
    n, d = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 4)))
    error = np.exp(noise * np.random.default_rng(0).standard_normal(n.size))
    return text_of(["params", "tokens", "flops", "loss"], [n, d, 6 * n * d, (E + A / n**ALPHA + B / d**BETA) * error])


def of_compute() -> str:
    compute = np.geomspace(1e18, 1e22, 6)
    return text_of(["flops", "loss"], [compute, 1.5 + 300 * compute**-0.15])


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling_questions, "RESAMPLES", RESAMPLES)
        yield


@pytest.fixture(scope="module")
def separate():
    """The analysis of a table whose N and D moved apart."""
    return analysis_of(read_text(planted()), ASKED)


@pytest.fixture(scope="module")
def hypothetical():
    return analysis_of(example_table("hypothetical"), ASKED)


def test_what_is_typed_becomes_numbers():
    assert read_questions("20PFd", " 10B ", "1T") == Questions(pytest.approx(1.728e21), (1e10, 1e12))
    assert read_questions("1e21", "", None) == Questions(1e21, None)
    assert read_questions(None, None, " ") == Questions()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("20 apples", "", ""), "budget: '20 apples' has the unknown unit 'apples'; write a compute such as 20PFd"),
        (("20", "", ""), "budget: 20 would be 20 FLOP; name the unit, such as 20PFd"),
        (("-1e21", "", ""), "budget: '-1e21' is no compute"),
        (("1e999", "", ""), "budget: '1e999' is no compute"),
        (("", "10B", ""), "a prediction needs parameters N and tokens D"),
        (("", "", "1T"), "a prediction needs parameters N and tokens D"),
        (("", "ten", "1T"), "parameters N: 'ten' is no number"),
        (("", "1e10", "0"), "tokens D: '0' is no size of a run"),
        (("", "1e300", "1"), "parameters N: '1e300' is no size of a run"),
        ((f"1{'0' * 60}", "", ""), "budget has 61 characters"),
        ((21, "", ""), "budget must be a string such as 10B, not int"),
    ],
)
def test_what_cannot_be_asked_is_one_line(typed, words):
    with pytest.raises(UserError) as raised:
        read_questions(*typed)
    assert str(raised.value).startswith(words) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "runs.csv has no column for the loss"),
        (b"\x89PNG\x00\xff", "runs.csv cannot be read (not UTF-8 text)"),
        (b"n,loss\n1e6,3\n1e7,2\n1e8,1\n", "runs.csv: 3 runs are too few to fit anything"),
        (b"n,loss\n1e6,3\n1e7,-2\n1e8,1\n1e9,1\n", "runs.csv, row 2: loss is '-2'"),
        (b'"a\nb",loss\n1,2\n', "runs.csv: "),
        (b"n,loss\n1e6," + b"x" * 9000 + b"\n", "runs.csv, row 1: loss is 'xxx"),
        (b"n,loss\n" + b"1e6,3\n" * (MOST_BYTES // 6), "runs.csv is larger than 2 MB"),
        (b"n,loss\n" + b"1e6,3\n1e7,2\n" * MOST_RUNS, f"runs.csv has {2 * MOST_RUNS:,} runs: cut it to"),
    ],
    ids=["empty", "picture", "few", "negative", "lines", "long", "huge", "rows"],
)
def test_what_is_no_table_is_one_line(tmp_path, content, words):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_upload(path)
    assert not path.exists()
    assert str(raised.value).startswith(words) and len(str(raised.value).splitlines()) == 1
    assert str(tmp_path) not in str(raised.value) and len(str(raised.value)) <= scaling_tables.LONGEST


def test_only_the_examples_that_are_here_can_be_named(tmp_path, monkeypatch):
    assert "hypothetical" in [key for _, key in example_choices()]
    for key in ("../runs", "/etc/passwd", "", None):
        with pytest.raises(UserError, match="there is no table"):
            example_table(key)
    monkeypatch.setitem(EXAMPLES, "measured", ("Measured", tmp_path / "runs.csv"))
    assert [key for _, key in example_choices()] == ["hypothetical"]
    (tmp_path / "runs.csv").write_text(of_compute())
    assert [key for _, key in example_choices()] == ["hypothetical", "measured"]
    assert len(example_table("measured").table) == 6


def test_a_table_is_asked_only_what_its_columns_can_answer():
    chosen = read_text(of_compute())
    assert analysis_of(chosen, Questions(1e23))["budget"]["loss"]["value"] == pytest.approx(1.61, abs=0.05)
    with pytest.raises(UserError, match="a prediction needs columns for parameters and tokens"):
        analysis_of(chosen, ASKED)
    only_sizes = read_text(text_of(["n", "loss"], [[1e6, 1e7, 1e8, 1e9], [4, 3, 2.5, 2.2]]))
    with pytest.raises(UserError, match="a budget needs a column for compute"):
        analysis_of(only_sizes, Questions(1e21))
    data = analysis_of(only_sizes, Questions())
    assert plane_chart(data) is None and "Type a budget" in answer_html(data, "runs")


def test_the_answer_says_what_the_command_says(hypothetical, capsys):
    told = answer_html(hypothetical, "runs.csv") + law_html(hypothetical)
    path = str(EXAMPLES["hypothetical"][1])
    command.main([path, "--predict", "10B", "1T", "--budget", "1.728e21", "--resamples", str(RESAMPLES)])
    for line in capsys.readouterr().out.splitlines()[:4]:
        assert line[16:].strip() in told
    assert "The 4 runs cannot tell parameters from tokens" in told
    assert "3.3 times beyond the largest run" in told and "not known: of laws that fit" in told


def test_names_are_escaped(hypothetical):
    data = hypothetical | {"notes": [HOSTILE]}
    assert answer_html(data, HOSTILE).count("&lt;img") == 2
    assert "<img" not in answer_html(data, HOSTILE) + law_html(data)


def test_lines_of_equal_loss_have_that_loss(separate):
    plane = plane_of(separate)
    law = {name: estimate["value"] for name, estimate in separate["law"]["constants"].items()}
    assert separate["law"]["name"] in ("hoffmann", "tied") and len(plane.equal) > 5
    beta = law.get("beta", law["alpha"])
    for loss, (n, d) in plane.equal.items():
        assert np.allclose(law["E"] + law["A"] / n ** law["alpha"] + law["B"] / d**beta, loss)
    # On the best line the loss rises whichever way N and D are exchanged.
    n, d = plane.optima["compute-optimal"]

    def at(n, d):
        return law["E"] + law["A"] / n ** law["alpha"] + law["B"] / d**beta

    assert (at(n, d) < at(1.1 * n, d / 1.1)).all() and (at(n, d) < at(n / 1.1, 1.1 * d)).all()


def test_without_a_law_of_both_only_published_splits_are_drawn(hypothetical):
    plane = plane_of(hypothetical)
    assert not plane.equal and list(plane.optima) == ["Hoffmann et al. 2022", "Besiroglu et al. 2024"]
    names = [trace.name.replace("<br>", " ") for trace in plane_chart(hypothetical).data]
    assert names[2:] == ["runs", "asked for", *(words for *_, words in plane.marked[1:])] and len(names) == 6


@pytest.mark.parametrize("which", ["separate", "hypothetical"])
def test_charts_hold_every_run_and_only_numbers(which, request):
    data = request.getfixturevalue(which)
    charts = {chart: chart(data) for chart in (fit_chart, residual_chart, plane_chart)}
    for chart in charts.values():
        assert next(len(trace.x) for trace in chart.data if trace.name == "runs") == data["law"]["rows"]
        assert "NaN" not in chart.to_json()
    fit = {trace.name: trace for trace in charts[fit_chart].data}
    assert fit["beyond the runs"].x.min() > max(row[data["curve"]["variable"]] for row in data["rows"])
    assert ("asked for" in fit) is (which == "hypothetical")
    residuals = charts[residual_chart].data[0].y
    assert np.allclose(residuals, [100 * row["residual"] for row in data["rows"]])


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the tab is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.getbasetemp() / UPLOADS))
        # Not the first tab, which is opened before the address has filled its fields.
        patch.setattr(space.tabs, "TAB_NAMES", ("studies", "scaling"))
        page = build(Clinic("none", tmp_path_factory.mktemp("runs")))
        yield serve(page, wait=False)
        page.close()


def ask(address: str, *data) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/run/scaling", json={"data": list(data)}, timeout=60)


def test_programs_get_what_the_command_prints(address, capsys):
    path = EXAMPLES["hypothetical"][1]
    command.main([str(path), "--predict", "10B", "1T", "--budget", "20PFd", "--json", "--resamples", str(RESAMPLES)])
    printed = json.loads(capsys.readouterr().out)
    assert ask(address, path.read_text(), "20PFd", "10B", "1T").json()["data"] == [printed]
    assert ask(address, of_compute()).json()["data"][0]["budget"] is None
    shown = httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]
    assert list(shown) == ["/scaling"]
    assert [each["parameter_name"] for each in shown["/scaling"]["parameters"]] == ["table", "budget", "n", "d"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ([None], "the table must be a string, not NoneType"),
        (["  \n"], "the table has no column for the loss"),
        (["\ud800"], "the table has no column for the loss"),
        ([of_compute(), "much"], "budget: 'much' is no number"),
        ([of_compute(), "", "<b>", "1T"], "parameters N: '<b>' is no number"),
    ],
)
def test_what_programs_get_wrong_is_one_line(address, data, line):
    body, headers = json.dumps({"data": data}), {"Content-Type": "application/json"}
    answered = httpx.post(f"{address}gradio_api/run/scaling", content=body, headers=headers, timeout=60)
    assert answered.status_code == 500 and answered.json()["error"].startswith(line)


@pytest.fixture
def uploads(tmp_path_factory):
    """A function that lists the uploads which are still there."""
    folder = tmp_path_factory.getbasetemp() / UPLOADS
    return lambda: [path for path in folder.rglob("*.csv") if path.stat().st_size]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_table_is_asked_and_deleted(tmp_path, address, uploads, new_page, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"{address}?tab=scaling&budget=20PFd&n=10B&d=1T")
    headline, charts = page.locator(".scaling .headline"), page.locator(".js-plotly-plot:visible")

    def drawn(name: str) -> None:
        charts.nth(2).locator(".scatterlayer .point").first.wait_for(state="attached")
        expect(page.get_by_text("Working: laws")).not_to_be_visible()
        # Plotly draws once more when it has its width.
        page.wait_for_timeout(300)
        page.screenshot(path=f"tests/screenshots/scaling-{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    headline.get_by_text("The 4 runs cannot tell parameters from tokens").wait_for()
    expect(page.get_by_text("10B parameters on 1T tokens: 1.282")).to_be_visible()
    expect(page.get_by_label("Hypothetical")).to_be_checked()
    drawn("hypothetical")

    (tmp_path / "runs.csv").write_text(planted())
    file = page.locator("input[type=file][accept*='.txt']")
    file.set_input_files(tmp_path / "runs.csv")
    page.get_by_text("laws are fitted to the 20 runs of runs.csv").wait_for()
    headline.get_by_text("fits 20 runs").wait_for()
    expect(page.get_by_text("tokens a parameter, at C = 6 N D")).to_be_visible()
    drawn("upload")
    assert uploads() == []
    expect(page.get_by_label("Hypothetical")).not_to_be_checked()

    # The table is asked again without its file.
    page.get_by_label("Budget").fill("1e22")
    page.keyboard.press("Enter")
    page.get_by_text("116 PF-days (1e+22 FLOP)").wait_for()
    page.wait_for_function("location.search.includes('budget=1e22')")
    assert "table=" not in page.url
    page.get_by_label("Budget").fill(HOSTILE[:40])
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text("budget: '<img src=x")
    assert charts.count() == 0 and not headline.is_visible()

    page.get_by_label("Budget").fill("")
    (tmp_path / "words.csv").write_text("The film is good.")
    file.set_input_files(tmp_path / "words.csv")
    expect(page.get_by_role("alert")).to_contain_text("words.csv has no column for the loss")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text(NOTHING_HERE)
    page.get_by_label("Hypothetical").check()
    headline.wait_for()
    page.wait_for_function("location.search.includes('table=hypothetical')")
    assert uploads() == [] and page.evaluate("window.hacked") is None
