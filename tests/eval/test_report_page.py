"""The report in a real browser: no request leaves it, no image is broken, nothing is wider than a phone."""

import shutil

import pytest

from eval.run import main, parse_args


@pytest.fixture(scope="module")
def report(tiny_classifier, tiny_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    main(parse_args([str(tiny_classifier), "--data_dir", str(tiny_corpus), "--output_dir", str(folder)]))
    return folder / "report.html"


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
def test_the_report_reads_well(report, new_page, tmp_path, width, scheme):
    alone = shutil.copy(report, tmp_path / "alone.html")  # one file: nothing beside it is needed
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"file://{alone}")
    broken = "images => images.filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.locator("img").count() >= 8
    assert page.locator("img").evaluate_all(broken) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
    headings = page.locator("h2").all_inner_texts()
    assert {"Metrics", "Calibration", "Behavioural probes"} <= set(headings)
    assert page.locator("nav a").count() == len(headings)
    assert page.locator("script").count() == 0
    page.screenshot(path=f"tests/screenshots/report-{width}-{scheme}.png", full_page=True)
