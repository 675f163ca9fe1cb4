import csv
import io
import zipfile

import pytest

from cli.errors import UserError
from space.batch import LONGEST, MOST_BYTES, MOST_ROWS, read_csv, read_lines, read_upload, write_csv


def texts(content: str) -> list[str]:
    return read_csv(content).texts


def test_lines_without_anything_are_left_out():
    read = read_lines("one\r\n\n  two \n \u200b \nthree\u2028still three")
    assert read.texts == ["one", "two", "three\u2028still three"]
    assert read.note == "Left out: 1 line without anything to read."


@pytest.mark.parametrize("name", ["text", "Sentence", " TEXT "])
def test_the_text_column_is_found_by_its_name(name):
    assert texts(f'id,{name}\n1,"good, fine"\n2,bad\n') == ["good, fine", "bad"]
    assert texts(f"{name}\ngood\n") == ["good"]


def test_without_a_name_the_first_column_is_read_and_said_so():
    read = read_csv("good film,1\nbad film,0\n")
    assert read.texts == ["good film", "bad film"] and "the first one was read" in read.note
    assert read_csv("good film\nbad film\n").note == ""


def test_a_line_break_in_quotes_belongs_to_the_text():
    assert texts('text,label\n"two\r\nlines",1\n') == ["two\r\nlines"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\ngood,1\na good, fine film,1\n", "line 3 has 3 columns, the first has 2: put quotes"),
        ("text,sentence\na,b\n", "more than one column"),
        ('text\n"never closed\n', "not valid CSV"),
        ("text\na\0b\n", "line 2 holds a NUL"),
        ("text\n", "there is no text in it"),
        ("", "there is no text in it"),
        (f"text\n{'a' * (LONGEST + 1)}\n", "line 2 has 20,001 characters"),
        ("a\n" * (MOST_ROWS + 1), "more than 10,000 texts"),
    ],
)
def test_what_is_no_table_of_texts_is_one_line(content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_csv(content)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 150


def test_as_many_rows_as_are_allowed_are_read():
    assert len(texts("text\n" + "a\n" * MOST_ROWS)) == MOST_ROWS
    assert len(read_lines("a\n" * MOST_ROWS).texts) == MOST_ROWS
    with pytest.raises(UserError, match="more than 10,000"):
        read_lines("a\n" * (MOST_ROWS + 1))


def upload(folder, name: str, content: bytes):
    (folder / name).write_bytes(content)
    return read_upload(str(folder / name))


def test_the_ending_says_how_a_file_is_read(tmp_path):
    assert upload(tmp_path, "a.CSV", b"\xef\xbb\xbftext,label\nfine,1\n").texts == ["fine"]
    assert upload(tmp_path, "a.txt", b"text,label\nfine,1\n").texts == ["text,label", "fine,1"]


def zip_bomb() -> bytes:
    """50 MB of zeros in about 50 KB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", bytes(50_000_000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zip_bomb(), "an archive: unpack it"),
        (b"\x1f\x8b\x08\x00", "an archive"),
        (b"text\ngood\ncaf\xe9\n", "line 3 is not UTF-8"),
        ("text\ngood".encode("utf-16"), "line 1 is not UTF-8"),
        (b"text\n" + b"a" * MOST_BYTES, "larger than 2 MB"),
    ],
    ids=["zip", "gzip", "latin-1", "utf-16", "large"],
)
def test_what_is_no_text_file_is_one_line(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        upload(tmp_path, "a.csv", content)


def test_no_exported_cell_is_a_formula():
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", '=HYPERLINK("http://x","y")']
    formulas += ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]
    rows = [[text, "POSITIVE", 0.5, True] for text in [*formulas, "good = fine", "a, b", 'say "x"']]
    written = write_csv(["text", "label", "probability", "not_sure"], rows)
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert [row[0] for row in read[1:]] == [*(f"'{text}" for text in formulas), "good = fine", "a, b", 'say "x"']
    assert read[1][1:] == ["POSITIVE", "0.5", "True"]
