import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.errors import UserError
from data.files import read_file, read_folder

ROWS = [('a "fine" film, really', 1), ("null", 0), ("two\nlines", 1), ("caf\u00e9 \u2028 noir", 0)]


def write(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def rows_of(table):
    return list(zip(table["text"].to_pylist(), table["label"].to_pylist(), strict=True))


def refusal(path):
    with pytest.raises(UserError) as error:
        read_file(path)
    assert "\n" not in str(error.value) and path.name in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("text_name", ["text", "sentence"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_formats_give_the_same_rows(tmp_path, suffix, text_name):
    path = tmp_path / f"train.{suffix}"
    table = pa.table({"idx": range(4), text_name: [text for text, _ in ROWS], "label": [label for _, label in ROWS]})
    if suffix == "parquet":
        pq.write_table(table, path)
    elif suffix == "csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        table.to_pandas().to_json(path, orient="records", lines=True, force_ascii=False)
    assert rows_of(read_file(path)) == ROWS


def test_tsv_holds_bare_quotes_as_in_glue(tmp_path):
    path = write(tmp_path, "train.tsv", 'sentence\tlabel\n"bare quotes \t1\nit \'s , well , " odd " \t0\n')
    assert rows_of(read_file(path)) == [('"bare quotes', 1), ('it \'s , well , " odd "', 0)]


def test_marks_blank_lines_and_windows_line_ends_are_borne(tmp_path):
    path = write(tmp_path, "train.csv", "\ufefftext,label\r\n\r\ngood,1\r\n\r\n bad ,0\r\n\r\n")
    assert rows_of(read_file(path)) == [("good", 1), ("bad", 0)]
    path = write(tmp_path, "train.jsonl", '\ufeff{"text": "good", "label": 1}\r\n\r\n{"text": "bad", "label": 0}\r\n')
    assert rows_of(read_file(path)) == [("good", 1), ("bad", 0)]


@pytest.mark.parametrize(("negative", "positive"), [("0", "1"), ("0.0", "1.0"), ("Negative", " POSITIVE ")])
def test_labels_in_csv(tmp_path, negative, positive):
    path = write(tmp_path, "train.csv", f"label,text\n{negative},bad\n{positive},good\n")
    assert rows_of(read_file(path)) == [("bad", 0), ("good", 1)]


@pytest.mark.parametrize("labels", [[0.0, 1.0], ["NEGATIVE", "positive"], pa.array(["0", "1"]).dictionary_encode()])
def test_labels_and_types_in_parquet(tmp_path, labels):
    texts = pa.array(["bad", "good"], pa.large_string()).dictionary_encode()
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "train.parquet")
    assert rows_of(read_file(tmp_path / "train.parquet")) == [("bad", 0), ("good", 1)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("text,label\n", "no rows"),
        ("review,label\ngood,1\n", "no column text or sentence (the columns are: review, label)"),
        ("text,stars\ngood,1\n", "no column label (the columns are: text, stars)"),
        ("text,label,label\ngood,1,1\n", "more than one column label"),
        ("text,sentence,label\ngood,good,1\n", "keep one"),
        ("text,label\ngood,1\n  ,0\n,1\n", "line 3: the text is empty (1 more like it)"),
        ('text,label\n"a\nb",1\n\n"",0\n', "line 5: the text is empty"),
        ("text,label\ngood,1\nbad,\n", "line 3: the label is missing"),
        ("text,label\ngood,1\nbad,NaN\n", "line 3: the label is missing"),
        ("text,label\ngood,1\nbad,2\n", "line 3: the label is '2', not one of 0, 1, negative, positive"),
        ("text,label\ngood,1\nbad,0.5\n", "line 3: the label is '0.5'"),
        ("text,label\ngood,-1\nbad,-1\n", "line 2: the label is -1; GLUE hides its test labels"),
        ("text,label\ngood,1\nfine,positive\n", "every label is 1 (POSITIVE), and both classes are needed"),
        ("text,label\ngood,1\nbad, really,0\n", "line 3: 3 fields where the header has 2; a text that holds a comma"),
        ("text,label\ngood,1\nbad\n", "line 3: 1 fields where the header has 2"),
        ('text,label\ngood,1\n"bad,0\nfine,1\n', "line 3: unexpected end of data; is a quote left open?"),
        ('text,label\ngood,1\n"bad" film,0\n', "line 3: ',' expected after '\"'"),
        (b"text,label\ngood,1\ncaf\xe9,0\n", "line 3: not UTF-8 (byte 0xe9)"),
        ("text,label\ngood,1\nbad,0\n".encode("utf-16"), "line 1: not UTF-8"),
    ],
)
def test_faults_of_csv_are_named_with_their_line(tmp_path, content, said):
    assert said in refusal(write(tmp_path, "train.csv", content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "good", "label": 1}\n{"text": "bad", "label": 0\n', "line 2: not a JSON object (Expecting"),
        ('[{"text": "good", "label": 1}]\n', "line 1: not a JSON object"),
        ('{"text": "good", "label": 1}\n\n{"text": "bad"}\n', "line 3: no column label (the columns are: text)"),
        ('{"text": "good", "label": 1}\n{"text": null, "label": 0}\n', "line 2: the text is empty"),
        ('{"text": "good", "label": 1}\n{"text": 5, "label": 0}\n', "line 2: the text is not a string"),
        ('{"text": "good", "label": 1}\n{"text": "bad \\ud83d", "label": 0}\n', "line 2: the text holds half"),
        ('{"text": "good", "label": 1}\n{"text": "bad", "label": null}\n', "line 2: the label is missing"),
        ('{"text": "good", "label": 1}\n{"text": "bad", "label": NaN}\n', "line 2: the label is missing"),
        ('{"text": "good", "label": 1}\n{"text": "bad", "label": false}\n', "line 2: the label is 'false'"),
    ],
)
def test_faults_of_jsonl_are_named_with_their_line(tmp_path, content, said):
    assert said in refusal(write(tmp_path, "train.jsonl", content))


def test_hidden_test_labels_of_glue_are_explained(tmp_path):
    assert "move the file away" in refusal(write(tmp_path, "test.tsv", "index\tsentence\n0\tgood\n1\tbad\n"))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"review": ["good"], "label": [1]}, "no column text or sentence"),
        ({"text": ["good", None], "label": [1, 0]}, "row 2: the text is empty"),
        ({"text": ["good", "bad"], "label": [1.0, float("nan")]}, "row 2: the label is missing"),
        ({"text": ["good", "bad"], "label": [1, None]}, "row 2: the label is missing"),
        ({"text": [1, 2], "label": [1, 0]}, "column text holds int64, not text"),
        ({"text": ["good"], "label": [[1]]}, "Unsupported cast from list"),
    ],
)
def test_faults_of_parquet_are_named_with_their_row(tmp_path, columns, said):
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    assert said in refusal(tmp_path / "train.parquet")


def test_a_file_that_is_not_parquet(tmp_path):
    assert "cannot be read: " in refusal(write(tmp_path, "train.parquet", "text,label\ngood,1\n"))


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = write(tmp_path, "train.csv", "text,label\n")

    def deny(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", deny)
    assert refusal(path) == f"{path} cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "none of train as .csv, .tsv, .jsonl, .parquet (the folder holds nothing)"),
        (["training.csv"], "(the folder holds training.csv)"),
        (["train.csv"], "none of validation, dev, test as .csv"),
        (["train.csv", "train.jsonl", "test.csv"], "train.csv and train.jsonl are both there"),
        (["train.csv", "validation.csv", "dev.csv"], "validation.csv and dev.csv are both there"),
    ],
)
def test_folders_without_the_files_they_need(tmp_path, names, said):
    for name in names:
        write(tmp_path, name, "text,label\ngood,1\nbad,0\n")
    with pytest.raises(UserError) as error:
        read_folder(tmp_path)
    assert said in str(error.value) and str(tmp_path) in str(error.value)


def test_a_folder_that_is_not_there_or_is_a_file(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(UserError, match="a file, not a folder"):
        read_folder(write(tmp_path, "train.csv", ""))


def test_dev_is_another_name_of_validation(tmp_path):
    for name in ("train.csv", "dev.csv"):
        write(tmp_path, name, "text,label\ngood,1\nbad,0\n")
    assert read_folder(tmp_path).keys() == {"train", "validation"}


def test_a_long_file_with_a_fault_at_its_end_is_read_at_once(tmp_path):
    lines = [json.dumps({"text": f"film {row}", "label": row % 2}) for row in range(50_000)]
    path = write(tmp_path, "train.jsonl", "\n".join([*lines, '{"text": "", "label": 0}']))
    start = time.process_time()
    assert "line 50001: the text is empty" in refusal(path)
    assert time.process_time() - start < 5
