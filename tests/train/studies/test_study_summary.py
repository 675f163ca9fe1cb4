import pytest

from eval.run_directory import write_json
from train.studies.summary import closing, verdict_table


def effect(verdict, factor="dropout", level="0", baseline="0.1", value=0.012, seeds=None, **more):
    figures = {"value": value, "low": value and value - 0.01, "high": value and value + 0.01, "n": 5}
    known = {"factor": factor, "level": level, "baseline": baseline, "verdict": verdict, "estimate": figures}
    return known | {"bound": 0.022, "seeds_needed": seeds, "depends_on": []} | more


@pytest.fixture
def shown(tmp_path):
    def write(*effects, metric="test.accuracy", design="full factorial", **more):
        resolution = {"detectable": 0.02}
        data = {"metric": metric, "design": design, "margin": 0.01, "resolution": resolution, "effects": list(effects)}
        write_json(tmp_path / "effects.json", data)
        return verdict_table(tmp_path, **more)

    return write


def test_a_line_a_level_with_its_difference_and_the_seeds_that_would_tell(shown):
    table = shown(effect("helps"), effect("not_resolvable", "tuning", "lora", "full", -0.003, 12))
    assert table.split("\n") == [
        "factor   level  against  difference [95%], points  verdict         seeds needed",
        "-------  -----  -------  ------------------------  --------------  ------------",
        "dropout  0      0.1             +1.2 [+0.2, +2.2]  helps",
        "tuning   lora   full            -0.3 [-1.3, +0.7]  not resolvable            12",
    ]


def test_seeds_are_not_spoken_of_where_everything_is_told(shown):
    table = shown(effect("hurts"), effect("no_effect_larger_than", depends_on=["tuning"]))
    assert "seeds needed" not in table
    assert "no effect larger than 2.2 points on average; depends on tuning" in table


def test_a_loss_has_no_unit_and_an_effect_without_runs_no_figure(shown):
    table = shown(effect("not_resolvable", value=None), metric="test.log_loss")
    assert "difference [95%]  verdict" in table and "undefined" in table and table.endswith(" -")


def test_a_search_compares_settings(shown):
    table = shown(effect("hurts", "setting", "tpe-best", "baseline"), design="search")
    assert table.startswith("setting") and "TPE's best  the baseline" in table and "behind" in table


def test_long_names_give_way_to_the_figures(shown):
    names = ["gradient_accumulation_steps" * 2, "x" * 60, "y" * 60]
    table = shown(*(effect("not_resolvable", *names, seeds=1234) for _ in range(25)))
    assert max(map(len, table.split("\n")[:-1])) <= 100
    assert "+1.2 [+0.2, +2.2]  not resolvable         1,200" in table
    assert table.split("\n")[-1].startswith("5 more are in ")


def test_the_last_lines_of_a_study_name_the_report(shown, tmp_path):
    shown(effect("helps"))
    first, *_, last = closing(tmp_path, "Helps: dropout 0.").strip().split("\n")
    assert first == "Helps: dropout 0." and last == f"{tmp_path / 'report.html'} says how it was found."
    shown()
    assert closing(tmp_path, "They do not yet tell.").strip().split("\n\n") == ["They do not yet tell.", last]
