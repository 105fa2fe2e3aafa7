"""The adapters on real public data; what a search makes of it is measured in benchmarks/."""

import io
from pathlib import Path

import numpy as np
import pytest

from tuning.codec import TextCodec
from tuning.recipe import load_task
from tuning.task import DataOptions

EXPECTED = [
    ("sentiment", "mr", {}, (7464, 1599, 1599), 2),
    ("topics", "snips", {"columns": "0,1"}, (13084, 700, 700), 7),
    ("tagging", "ud_ewt", {"columns": "0,1"}, (12544, 2001, 2077), 17),
    ("signals", "japanese_vowels", {}, (230, 40, 370), 9),
    ("signals", "fsdd_mfcc", {}, (2100, 450, 450), 10),
    ("forecast", "airline_passengers", {}, (77, 21, 22), 1),
    ("forecast", "sunspots", {}, (1926, 423, 423), 1),
    ("finance", "vix_ohlc", {}, (6448, 1369, 1369), 2),
    ("seq2seq", "date_formats", {"separator": "_"}, (35000, 7500, 7500), None),
    ("next_word", "tinyshakespeare", {"level": "characters"}, (13943, 1743, 1743), None),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("task", "folder", "options", "rows", "classes"), EXPECTED, ids=[case[1] for case in EXPECTED])
def test_every_adapter_reads_its_public_data(
    task: str, folder: str, options: dict[str, str], rows: tuple[int, ...], classes: int | None, shared: Path
) -> None:
    loaded = load_task(task, DataOptions.model_validate({"data": str(shared / folder), **options}))
    assert tuple(loaded.spec.rows[part] for part in ("train", "valid", "test")) == rows
    if classes is not None:
        assert loaded.spec.output.size == classes
    assert loaded.spec.baselines


@pytest.mark.real_data
def test_bag_of_words_on_the_movie_reviews_is_what_is_known(shared: Path) -> None:
    found = load_task("sentiment", data=str(shared / "mr")).spec.baselines["bag of words"]
    assert 0.74 < found["valid"]["accuracy"] < 0.80


def test_keras_datasets_are_read_from_files_of_their_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """imdb and reuters as Keras stores them: object arrays of word indices, and a JSON of words."""
    import json

    import keras.src.datasets.imdb as imdb
    import keras.src.datasets.reuters as reuters

    words = {"the": 1, "film": 2, "was": 3, "good": 4, "bad": 5}
    rows = np.array([[1, 2, 3, 4 + index % 2] for index in range(40)], dtype=int)
    sequences = np.empty(40, dtype=object)
    sequences[:] = rows.tolist()
    labels = np.arange(40) % 2
    (tmp_path / "words.json").write_text(json.dumps(words))
    np.savez(tmp_path / "imdb.npz", x_train=sequences, y_train=labels, x_test=sequences, y_test=labels)
    np.savez(tmp_path / "reuters.npz", x=sequences, y=labels)

    def stored(fname: str, **_: object) -> str:
        return str(tmp_path / ("words.json" if fname.endswith(".json") else fname))

    monkeypatch.setattr(imdb, "get_file", stored)
    monkeypatch.setattr(reuters, "get_file", stored)
    task = load_task("sentiment", source="imdb")
    assert isinstance(task.spec.codec, TextCodec)
    assert set(task.spec.codec.vocabulary) == {*words} - {"bad"}  # Keras drops the highest index
    assert task.spec.rows["test"] == 40
    assert task.spec.output.labels == ("negative", "positive")
    topics = load_task("topics", source="reuters")
    assert topics.spec.output.labels == ("topic00", "topic01")


def test_without_network_a_download_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras.src.datasets.imdb as imdb

    from tuning.errors import DataError

    def refused(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(imdb, "get_file", refused)
    with pytest.raises(DataError, match="the synthetic source needs no network"):
        load_task("sentiment", source="imdb")


def test_folders_of_texts_per_class_as_imdb_unpacks(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("pos", "neg"):
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for index in range(20):
                (folder / f"{index}.txt").write_text(f"{label} text number {index}")
    (tmp_path / "README").write_text("passed over")
    task = load_task("sentiment", data=str(tmp_path))
    assert task.spec.rows["test"] == 40
    assert task.spec.output.labels == ("neg", "pos")


def test_parquet_jsonl_and_semicolons(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    texts, labels = [f"good {i}" if i % 2 else f"bad {i}" for i in range(40)], ["yes" if i % 2 else "no" for i in range(40)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts, "label": labels}), tmp_path / "a.parquet")
    lines = "\n".join(f'{{"text": "{t}", "label": "{y}"}}' for t, y in zip(texts, labels, strict=True))
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.csv").write_text("text;label\n" + "\n".join(f"{t};{y}" for t, y in zip(texts, labels, strict=True)))
    found = [load_task("sentiment", data=str(tmp_path / f"a.{kind}")).splits["train"].x for kind in ("parquet", "jsonl", "csv")]
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_conllu_with_comments_multiword_and_empty_nodes(tmp_path: Path) -> None:
    from tuning.formats import read_conll

    text = (
        "# text = vamonos al mar\n1-2\tvamonos\t_\t_\t_\t_\t_\t_\t_\t_\n1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n"
        "2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_\n2.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n\n1\tsi\tsi\tINTJ\t_\t_\t0\troot\t_\t_\n"
    )
    path = tmp_path / "a.conllu"
    path.write_text(text)
    assert read_conll(path, DataOptions()) == ([["vamos", "nos"], ["si"]], [["VERB", "PRON"], ["INTJ"]])


def test_npz_of_equal_series(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    np.savez(buffer, x=rng.normal(size=(30, 5, 2)), y=np.arange(30) % 3)
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    spec = load_task("signals", data=str(tmp_path / "a.npz")).spec
    assert (spec.input.steps, spec.input.size, spec.output.size, spec.input.ragged) == (5, 2, 3, False)
