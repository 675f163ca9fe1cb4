import numpy as np
import pytest

from cli.errors import UserError
from eval.scaling_laws.table import completed, make_table, read_table
from eval.scaling_laws.units import PF_DAY
from tests.eval.scaling_laws.planted import WORKED

LOSSES = [2.5, 2.1, 1.75, 1.5]


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "runs.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_worked_table_is_read(written):
    table = read_table(written(WORKED))
    np.testing.assert_allclose(table.parameters, [1e8, 3e8, 1e9, 3e9])
    np.testing.assert_allclose(table.tokens, [1e10, 3e10, 1e11, 3e11])
    np.testing.assert_allclose(table.compute, np.array([0.1, 0.5, 2, 10]) * PF_DAY)
    np.testing.assert_allclose(table.loss, LOSSES)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("params,tokens,flops,loss", "1e9,2e10,1.2e20,2.5"),
        ("N,D,C,L", "1B,20B,1.2e20,2.5"),
        ("n_params;num_tokens;training_compute;val_loss", "1 billion;20 billion;1.2e20;2.5"),
        ("Params (M)\tTokens [B]\tFLOPs\tLoss (nats)", "1000\t20\t1.2e20\t2.5"),
        ("model size,tokens_B,compute (ZFLOP),final loss,seed", "1B,20,0.12,2.5,7"),
        ("non_embedding_parameters,tokens,flops,validation.loss,test.loss", "1e9,2e10,1.2e20,2.5,2.6"),
    ],
)
def test_columns_are_matched_kindly(written, header, row):
    table = read_table(written("\n".join([header, *[row] * 3, row.replace("2.5", "2.4")])))
    assert table.parameters[0] == pytest.approx(1e9)
    assert table.tokens[0] == pytest.approx(2e10)
    assert table.compute[0] == pytest.approx(1.2e20)
    assert table.loss[0] == 2.5


@pytest.mark.parametrize("header", ["pf_days", "PF-days", "PFdays", "compute, PF-days", "C (petaflop/s-days)", "pfd"])
def test_pf_days_are_known_by_their_header(written, header):
    lines = [f'"{header}",loss', *(f"{c},{loss}" for c, loss in zip((0.1, 0.5, 2, "10 PFd"), LOSSES, strict=True))]
    np.testing.assert_allclose(read_table(written("\n".join(lines))).compute, np.array([0.1, 0.5, 2, 10]) * PF_DAY)


def test_of_two_losses_one_is_taken_and_the_other_told(written):
    table = read_table(written("n,train_loss,eval_loss\n" + "1M,2,3\n" * 3 + "2M,1,2\n"))
    assert table.loss[0] == 3
    assert "left aside: train_loss" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WORKED.replace("1.50", "-1.50"), "row 4: loss is '-1.50': it takes a number above 0"),
        (WORKED.replace("1.50", "nan"), "row 4: loss is 'nan'"),
        (WORKED.replace("1.50", "good"), "row 4: loss is 'good': write a number"),
        (WORKED.replace("1.50", ""), "row 4: loss is ''"),
        (WORKED.replace("300B", "lots"), "row 4: tokens is 'lots': write a number such as 30B"),
        (WORKED.replace("100M", "0"), "row 1: parameters is '0'"),
        (WORKED.replace("100M", "1,000,000"), "row 1 has 6 cells and the header 4"),
        ("\n".join(WORKED.splitlines()[:4]), "3 runs are too few"),
        (WORKED.replace(",loss", ",quality"), "no column for the loss"),
        (WORKED.replace(", PF-days", ""), "row 1: compute is 0.1, and no run takes so few FLOP"),
        ("loss,colour\n" + "2,red\n" * 4, "neither parameters, tokens nor compute"),
        ("", "no column for the loss"),
        ("loss,n\n" + "".join(f"2.5,{n}M\n" for n in range(1, 6)), "every run has the same loss"),
    ],
)
def test_bad_input_gets_one_line(written, text, words):
    with pytest.raises(UserError) as caught:
        read_table(written(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_file_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "runs.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        read_table(path)


def test_the_missing_one_of_three_comes_from_6nd():
    n, d = np.array([1e6, 1e7, 1e8, 1e9]), np.array([1e9, 1e9, 1e10, 1e10])
    whole = make_table(LOSSES, n, d, 6 * n * d)
    for missing in ("parameters", "tokens", "compute"):
        columns = {name: getattr(whole, name) for name in ("parameters", "tokens", "compute") if name != missing}
        table = completed(make_table(LOSSES, **columns))
        np.testing.assert_allclose(getattr(table, missing), getattr(whole, missing))
        assert len(table.notes) == 1
    assert completed(make_table(LOSSES, n)).tokens is None


def test_columns_of_unlike_length_are_refused():
    with pytest.raises(UserError, match="differ in length"):
        make_table(LOSSES, [1e6, 1e7])
