"""Bad input: one line that names the rule and what was given, exit status 2, nothing half-written."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from small import Here, small_flags

GOOD = "text,label\n" + "".join(f"a good thing {i},yes\na bad thing {i},no\n" for i in range(20))
SERIES = "month,value\n" + "".join(f"{2000 + i // 12}-{i % 12 + 1:02d},{i % 7}\n" for i in range(80))
OHLC = "date,open,high,low,close\n" + "".join(f"2001-{1 + i // 28:02d}-{1 + i % 28:02d},10,12,9,{10 + i % 3}\n" for i in range(140))


def files(folder: Path) -> None:
    """Every broken file that the table below names."""
    texts = {
        "good.csv": GOOD,
        "empty.csv": "",
        "header.csv": "text,label\n",
        "huge.csv": GOOD + "x" * 200_000 + ",yes\n",
        "one_class.csv": GOOD.replace(",no", ",yes"),
        "ragged.csv": GOOD + "too,many,columns\n",
        "hole.csv": GOOD + ",yes\n",
        "three.csv": "a,b,c\n1,2,3\n4,5,6\n",
        "bad.jsonl": '{"text": "a", "label": "b"}\n{"text": \n',
        "fields.jsonl": '{"text": "a", "label": "b"}\n{"text": "c"}\n',
        "series.csv": SERIES,
        "short.csv": "\n".join(SERIES.splitlines()[:12]),
        "nan.csv": SERIES.replace("2003-04,4", "2003-04,nan"),
        "word.csv": SERIES.replace("2003-04,4", "2003-04,many"),
        "unsorted.csv": "\n".join([SERIES.splitlines()[0], *reversed(SERIES.splitlines()[1:])]),
        "gaps.csv": "\n".join(line for line in SERIES.splitlines() if not line.startswith("2002")),
        "twice.csv": SERIES + "2000-01,3\n",
        "times.csv": SERIES.replace("2003-04", "spring"),
        "ohlc.csv": OHLC,
        "no_close.csv": OHLC.replace("close", "last"),
        "zero_price.csv": OHLC.replace("10,12,9,10", "0,12,9,10", 1),
        "tags.conll": "the\tDET\ndog\tNOUN\n\n" * 20 + "one\n",
        "one_column.conll": "the\ndog\n\n" * 20,
        "short.txt": "to be or not to be",
        "empty.ts": "@problemName x\n@data\n",
        "bad.ts": "@data\n1,2,?:a\n",
        "broken.py": "from tuning import Recipe\n\nRECIPE = Recipe('x', {'synthetic': lambda options: 1 / 0})\n",
        "mine.py": "import keras_tuner\nclass Mine(keras_tuner.HyperModel):\n    pass\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "fine.py").write_text(
        "import keras, keras_tuner\nclass Fine(keras_tuner.HyperModel):\n    def build(self, hp):\n"
        "        hp.Int('units', 8, 32, step=8)\n        model = keras.Sequential([keras.layers.Dense(1)])\n"
        "        model.compile(loss='mse')\n        return model\n"
    )
    (folder / "tables").mkdir()
    for part in ("train", "test"):
        (folder / "tables" / f"{part}.csv").write_text(SERIES)
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 20)
    zipped = gzip.compress(GOOD.encode())
    (folder / "torn.csv.gz").write_bytes(zipped[:40])
    (folder / "bent.csv.gz").write_bytes(zipped[:30] + b"\xff" * 20 + zipped[50:])
    (folder / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    (folder / "bad.parquet").write_bytes(b"PAR1 no parquet")
    np.savez(folder / "unlabelled.npz", frames=np.zeros((20, 2)), length=np.full(10, 2), a=np.arange(10), b=np.arange(10))
    np.savez(folder / "sums.npz", frames=np.zeros((20, 2)), length=np.full(10, 3), label=np.arange(10) % 2)
    parts = folder / "parts"
    parts.mkdir()
    (parts / "train.csv").write_text(GOOD)
    (parts / "test.csv").write_text(GOOD.replace(",no", ",perhaps"))
    (folder / "nothing").mkdir()
    shards = folder / "shards"
    shards.mkdir()
    for number in (0, 1):
        (shards / f"train-{number}.csv").write_text(GOOD)
    mine = folder / "project" / "data"
    mine.mkdir(parents=True)
    (mine / "reviews.csv").write_text(GOOD)
    other = folder / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")


S, F, G, T, N = "sentiment", "forecast", "signals", "tagging", "next_word"
CASES: list[tuple[str, list[str], str]] = [
    ("unknown task", ["--task", "sentimnet"], "unknown task 'sentimnet'; did you mean 'sentiment'?"),
    ("unknown strategy", ["--strategy", "hyperbnd"], "unknown strategy 'hyperbnd'; did you mean 'hyperband'?"),
    ("unknown option", ["--stratgy", "random"], "did you mean --strategy?"),
    ("unknown source", ["--source", "imbd"], "did you mean 'imdb'?"),
    ("unknown objective", ["--objective", "val_acuracy"], "did you mean 'val_accuracy'?"),
    ("unknown parameter", ["--fix", "unts=8"], "unknown parameter 'unts'; did you mean 'units'?"),
    ("parameter of another family", ["--task", N, "--pooling", "last"], "unknown parameter 'pooling'"),
    ("unknown column", ["--task", S, "--data", "good.csv", "--text", "txt"], "did you mean 'text'?"),
    ("column number", ["--task", S, "--data", "good.csv", "--columns", "0,7"], "unknown column '7'"),
    ("missing file", ["--task", S, "--data", "god.csv"], "did you mean 'good.csv'?"),
    ("empty file", ["--task", S, "--data", "empty.csv"], "empty.csv is empty"),
    ("header alone", ["--task", S, "--data", "header.csv"], "has no rows"),
    ("binary file", ["--task", S, "--data", "binary.csv"], "is a binary file"),
    ("damaged gzip", ["--task", S, "--data", "bent.csv.gz"], "cannot be read"),
    ("a cell without end", ["--task", S, "--data", "huge.csv"], "line 42 of huge.csv cannot be read"),
    ("torn gzip", ["--task", S, "--data", "torn.csv.gz"], "cannot be read"),
    ("one class", ["--task", S, "--data", "one_class.csv"], "at least two classes; the data has one: 'yes'"),
    ("label only in test", ["--task", S, "--data", "parts"], "only in test: perhaps"),
    ("ragged rows", ["--task", S, "--data", "ragged.csv"], "every row needs 2 columns; row 42"),
    ("empty cell", ["--task", S, "--data", "hole.csv"], "empty cell in row 41"),
    ("no label column", ["--task", S, "--data", "three.csv"], "which column is the label? say --label NAME"),
    ("bad json", ["--task", S, "--data", "bad.jsonl"], "line 2 of"),
    ("other fields", ["--task", S, "--data", "fields.jsonl"], "line 2 of"),
    ("bad parquet", ["--task", S, "--data", "bad.parquet"], "is no parquet file"),
    ("two files of one part", ["--task", S, "--data", "shards"], "are both train"),
    ("out holds the data", ["--data", "project/data/reviews.csv", "--out", "project"], "holds other files"),
    ("own parameter in words", ["--hypermodel", "fine.py:Fine", "--space", "units=8:32:8"], "units takes LOW:HIGH"),
    ("own parameter outside", ["--hypermodel", "fine.py:Fine", "--fix", "units=5"], "leaves no value of the space"),
    ("empty folder", ["--task", S, "--data", "nothing"], "at least two files or folders"),
    ("data and source", ["--task", S, "--data", "good.csv", "--source", "imdb"], "not both"),
    ("data for memory", ["--task", "memory", "--data", "good.csv"], "takes no --data"),
    ("class weights without classes", ["--task", T, "--class-weight", "balanced"], "one label a row"),
    ("a table in parts", ["--task", F, "--data", "tables"], "a table in time order is one file"),
    ("short series", ["--task", F, "--data", "short.csv", "--window", "10"], "longer than its window"),
    ("nan in a series", ["--task", F, "--data", "nan.csv"], "no finite number in row 40"),
    ("word in a series", ["--task", F, "--data", "word.csv"], "row 40 of nan.csv".replace("nan", "word")),
    ("no such target", ["--task", F, "--data", "series.csv", "--target", "valu"], "did you mean 'value'?"),
    ("time twice", ["--task", F, "--data", "twice.csv"], "the same month"),
    ("no time", ["--task", F, "--data", "times.csv"], "column month needs times; row 40"),
    ("no close", ["--task", "finance", "--data", "no_close.csv"], "which column is the close?"),
    ("price of zero", ["--task", "finance", "--data", "zero_price.csv"], "greater than 0"),
    ("horizon too long", ["--task", F, "--data", "series.csv", "--horizon", "30"], "30"),
    ("a cluster that is not there", ["--cluster", "tcp://127.0.0.1:1", "--workers", "1"], "none answers at tcp://127.0.0.1:1"),
    ("a cluster and no workers", ["--cluster", "tcp://127.0.0.1:1", "--workers", "0"], "from 1"),
    ("horizon of returns too long", ["--task", "finance", "--goal", "returns", "--horizon", "500"], "does not fit into the"),
    ("more bits than steps", ["--task", "memory", "--bits", "8", "--window", "5"], "--window is at least --bits"),
    ("ragged tags", ["--task", T, "--data", "tags.conll"], "every line needs 2 columns; line 61"),
    ("one column of tags", ["--task", T, "--data", "one_column.conll"], "a token and a tag"),
    ("short text", ["--task", N, "--data", "short.txt"], "at least 330 tokens"),
    ("ts without data", ["--task", G, "--data", "empty.ts"], "no series after a line @data"),
    ("ts with a hole", ["--task", G, "--data", "bad.ts"], "line 2 of"),
    ("broken npz", ["--task", G, "--data", "bad.npz"], "no readable .npz"),
    ("npz without a label", ["--task", G, "--data", "unlabelled.npz"], "which column is the label?"),
    ("npz lengths", ["--task", G, "--data", "sums.npz"], "sum to 30, but there are 20 frames"),
    ("csv for signals", ["--task", G, "--data", "good.csv"], ".ts or .npz"),
    ("units of 0", ["--units", "0"], "units must be at least 1; given: '0'"),
    ("units backwards", ["--units", "8:4"], "did you mean 4:8?"),
    ("dropout of 1", ["--dropout", "0:1"], "not including, 1"),
    ("cell", ["--cell", "rnn"], "one of lstm, gru"),
    ("fix a range", ["--fix", "units=8:16"], "--fix takes one value"),
    ("fix without value", ["--fix", "units"], "NAME=VALUE"),
    ("a try outside the space", ["--try", "units=7"], "units must be in the space"),
    ("budget of 0", ["--budget", "0"], "more than 0 seconds"),
    ("budget in words", ["--budget", "ten minutes"], "as in 90s or 10m; given: 'ten minutes'"),
    ("trials of 0", ["--trials", "0"], "trials: Input should be greater than or equal to 1"),
    ("trials in words", ["--trials", "many"], "trials:"),
    ("out holds another study", ["--out", "study"], "holds another study"),
    ("out holds other files", ["--out", "other"], "holds other files"),
    ("out is a file", ["--out", "good.csv"], "holds other files"),
    ("resume of nothing", ["--resume", "nothing"], "holds no study that can be resumed"),
    ("resume with another space", ["--resume", "study", "--units", "8:16"], "space was"),
    ("resume with other data", ["--resume", "study", "--rows", "90"], "--data was"),
    ("resume with another strategy", ["--resume", "study", "--strategy", "grid"], "--strategy was random, given grid"),
    ("recipe that raises", ["--task", "broken.py"], "broken.py, line 3: ZeroDivisionError: division by zero"),
    ("recipe that is not there", ["--task", "absent.py"], "there is no file 'absent.py'"),
    ("hypermodel without class", ["--hypermodel", "mine.py"], "FILE.py:CLASS"),
    ("hypermodel not there", ["--hypermodel", "absent.py:Mine"], "there is no absent.py"),
    ("hypermodel of another name", ["--hypermodel", "mine.py:Min"], "did you mean 'Mine'?"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The broken files, and one finished study."""
    from tuning import cli

    made = tmp_path_factory.mktemp("bad")
    files(made)
    argv = ["--task", "signals", *small_flags("signals"), "--units", "4", "--trials", "1", "--max-epochs", "1"]
    argv += ["--strategy", "random", "--workers", "0", "--quiet", "--out", str(made / "study")]
    assert cli.guarded(cli.command("search"), argv, "search.py") == 0
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("case", "argv", "told"), CASES, ids=[case for case, _, _ in CASES])
def test_one_line_status_2_nothing_written(
    case: str, argv: list[str], told: str, folder: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = contents(folder)
    quick = ["--workers", "0", "--strategy", "random", "--trials", "1", "--max-epochs", "1"]
    given = {word for word in argv if word.startswith("--")}
    extra = (
        [] if "--resume" in given else [p for f, v in zip(quick[::2], quick[1::2], strict=True) if f not in given for p in (f, v)]
    )
    status, out, err = here("search", *argv, *extra)
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith("note:")]
    assert status == 2, out + err
    assert len(lines) == 1, err
    assert told in lines[0]
    assert lines[0].startswith("search.py: ")
    assert "Traceback" not in err
    assert contents(folder) == before
    assert not (folder / "runs").exists() or not any((folder / "runs").iterdir())


def test_times_out_of_order_are_sorted_and_gaps_kept_and_both_are_said(folder: Path) -> None:
    from tuning import load_task

    sorted_task = load_task("forecast", data=str(folder / "series.csv"))
    task = load_task("forecast", data=str(folder / "unsorted.csv"))
    assert task.spec.notes == ("column month was not in time order: rows were sorted",)
    assert np.array_equal(task.splits["train"].x, sorted_task.splits["train"].x)
    gaps = load_task("forecast", data=str(folder / "gaps.csv"))
    assert "1 gaps, the first after 2001-12" in gaps.spec.notes[0]
    assert not sorted_task.spec.notes


def test_times_without_a_zone_are_the_same_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from tuning import load_task

    hours = [f"2017-03-{25 + h // 24:02d} {h % 24:02d}:00,{h % 5}" for h in range(96)]  # clocks change in Berlin on the 26th
    (folder.parent / "hours.csv").write_text("date,value\n" + "\n".join(hours))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert load_task("forecast", data=str(folder.parent / "hours.csv"), window=8).spec.notes == ()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_refused_second_search_leaves_the_first_alone(here: Here, tmp_path: Path) -> None:
    import fcntl

    busy = tmp_path / "busy"
    busy.mkdir()
    (busy / "workers.log").write_text("of the first")
    with (busy / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, _, err = here("search", "--task", "signals", "--out", str(busy), "--workers", "0")
    assert status == 2
    assert "another search is working" in err
    assert (busy / "workers.log").read_text() == "of the first"
    assert (busy / ".lock").exists()


@pytest.mark.parametrize(("name", "cut"), [("truncated", 0.5), ("edited", 1.0), ("version", 1.0), ("code", 1.0)])
def test_a_damaged_best_json_is_refused(folder: Path, tmp_path: Path, here: Here, name: str, cut: float) -> None:
    text = (folder / "study" / "best.json").read_text()
    text = text[: int(len(text) * cut)]
    if name == "edited":
        text = text.replace('"parameters"', '"params"', 1)
    elif name == "version":
        text = text.replace('"schema_version": 1', '"schema_version": 2')
    elif name == "code":
        text = text.replace('"module": "keras.layers"', '"module": "os"', 1)
    (tmp_path / "best.json").write_text(text)
    (tmp_path / "best.keras").write_bytes((folder / "study" / "best.keras").read_bytes())
    (tmp_path / "in.jsonl").write_text(json.dumps([[0.0]] * 40) + "\n")
    status, _, err = here("predict", str(tmp_path / "best.json"), str(tmp_path / "in.jsonl"))
    assert status == 2
    assert len(err.strip().splitlines()) == 1
    assert "only layers of Keras" in err if name == "code" else "truncated or edited" in err


def test_a_study_of_another_version_is_not_resumed(folder: Path, tmp_path: Path, here: Here) -> None:
    import shutil

    copy = tmp_path / "study"
    shutil.copytree(folder / "study", copy)
    stored = json.loads((copy / "settings.json").read_text())
    stored["versions"]["keras"] = "2.0"
    (copy / "settings.json").write_text(json.dumps(stored))
    status, _, err = here("search", "--resume", str(copy), "--workers", "0", "--trials", "2")
    assert status == 2
    assert "keras was 2.0" in err


def test_a_folder_in_use_is_refused(folder: Path, here: Here) -> None:
    import fcntl

    with (folder / "study" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, _, err = here("search", "--resume", str(folder / "study"), "--workers", "0", "--trials", "2")
    assert status == 2
    assert "another search is working" in err


def test_commands_that_do_not_exist() -> None:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "tuning.cli", "serch"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean 'search'?" in done.stderr
