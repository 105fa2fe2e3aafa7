"""Pretrained word vectors: read from what is found in the world, given to networks, kept with the answer."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Here

from tuning.best_model import load_best
from tuning.codec import SPECIAL, UNKNOWN, PairCodec, TextCodec
from tuning.cost import CostModel
from tuning.errors import BadValue, DataError
from tuning.hypermodels import SequenceHyperModel, family_model
from tuning.keras_types import Model
from tuning.recipe import load_task
from tuning.settings import settings_of
from tuning.space import Grid, Value
from tuning.task import DataOptions, Task
from tuning.training import checkpoint, train
from tuning.training.describe import declared, hyper_of, hyperparameters
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import open_vectors, save_task
from tuning.vectors import on_principal_axes, pretrained

GOOD, BAD = ("good", "great", "superb"), ("bad", "awful", "dull")
WORDS = {word: vector for words, vector in ((GOOD, 1.0), (BAD, -1.0)) for word, vector in zip(words, (vector,) * 3, strict=True)}


def written(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def reviews(tmp_path: Path) -> DataOptions:
    """Reviews of which train has "good" and "bad" alone, and vectors that have their synonyms too; of 20 dimensions."""
    rng = np.random.default_rng(0)
    lines = [f"{word} {' '.join(f'{number:.4f}' for number in rng.normal(size=20))}" for word in ("the", "film", "is", "plot")]
    for word, side in WORDS.items():
        numbers = [3.0 * side, *(0.1 * rng.normal(size=19))]
        lines.append(f"{word} {' '.join(f'{number:.4f}' for number in numbers)}")
    written(tmp_path / "glove.txt", lines)
    rows = [f"the {noun} is {word},{word}" for _ in range(60) for noun in ("film", "plot") for word in ("good", "bad")]
    written(tmp_path / "reviews.csv", ["text,label", *rows])
    return DataOptions(data=str(tmp_path / "reviews.csv"), embeddings=str(tmp_path / "glove.txt"))


# files


@pytest.mark.parametrize("first", [[], ["4 2"]], ids=["glove", "word2vec"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_words_of_train_come_first_and_the_files_own_fill_up(first: list[str], packed: bool, tmp_path: Path) -> None:
    path = written(tmp_path / "v.txt", [*first, "the 1 2", "Cat 3 4", "dog 5 6 ", "cat 7 8", "The 9 9", "New York 1 1", "ox 2 1"])
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    words, matrix, note = pretrained(path, Counter(cat=3, zebra=1), ["cat", "zebra"], 4)
    assert words == ("cat", "zebra", "the", "dog")
    assert matrix[SPECIAL:].tolist() == [[7, 8], [0, 0], [1, 2], [5, 6]]  # of both cats that in lower case
    assert not matrix[:SPECIAL].any()
    assert note == "75% of the words of train have a vector (2 dimensions) in v.txt"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["the 1 2", "cat 3"], "line 2: 2 numbers are needed, as before; 'cat' has 1"),
        (["the 1 2", "cat a b"], "line 2: a word and numbers are needed; given: cat a b"),
        (["the 1 2", "cat 3 inf"], "line 2: the vector of 'cat' holds what is no finite number"),
        (["2 3", "the 1 2", "cat 3 4"], "by line 1 vectors have 3 numbers; line 2 has 2"),
        ([], "is empty"),
        (["the,1,2", "cat,3,4"], "line 1: a word and numbers are needed, apart by blanks"),
        (["the 1 2", "dog 3 4"], "no word of train has a vector in .*of their language"),
        (["3 50\0\1", "x"], "is no text; gensim's save_word2vec_format"),
    ],
)
def test_what_is_no_file_of_vectors_is_told_by_its_line(lines: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        pretrained(written(tmp_path / "v.txt", lines), Counter(cat=1), ["cat"], 9)


def test_a_mark_at_the_beginning_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("\ufeffcat 1 2\n\ndog 3 4\n\n", encoding="utf-8")
    words, matrix, _ = pretrained(path, Counter(cat=1), ["cat"], 9)
    assert words == ("cat", "dog")
    assert matrix[SPECIAL:].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataError, match="cannot be read"):
        pretrained(tmp_path, Counter(cat=1), ["cat"], 9)


def test_vectors_that_differ_in_nothing_stay_as_they_are() -> None:
    matrix = np.ones((5, 3), np.float32)
    np.testing.assert_array_equal(on_principal_axes(matrix), matrix)


def test_a_file_cut_off_in_a_download_is_told(tmp_path: Path) -> None:
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(b"the 1 2\n" * 9000)[:-20])
    with pytest.raises(DataError, match=r"v\.txt\.gz cannot be read"):
        pretrained(path, Counter(cat=1), ["cat"], 9)


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(2, 30))
def test_turned_vectors_are_as_far_apart_as_before_and_begin_with_what_tells_most(seed: int, dimensions: int, words: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(words, dimensions)).astype(np.float32)
    matrix[0] = 0.0
    turned = on_principal_axes(matrix)
    assert not turned[0].any()
    before, after = (np.linalg.norm(one[1:, None] - one[None, 1:], axis=2) for one in (matrix, turned))
    np.testing.assert_allclose(after, before, atol=1e-4)
    spread = turned[1:].var(axis=0)
    assert (np.diff(spread) <= 1e-6).all()


# networks


def network(task: Task, folder: Path, **config: Value) -> Model:
    """The network of the child process that is given this task's folder."""
    save_task(task, folder)
    hyper = hyper_of(ModelRef(limits=dict(task.limits)), folder)
    assert isinstance(hyper, SequenceHyperModel)
    return hyper.build(hyperparameters(declared(hyper).complete(config)))


def test_a_network_begins_with_the_principal_dimensions(reviews: DataOptions, tmp_path: Path) -> None:
    task = load_task("sentiment", reviews)
    built = network(task, tmp_path / "arrays", embedding=16, vectors="tuned")
    turned = open_vectors(tmp_path / "arrays")
    assert turned is not None
    assert turned.shape == (task.spec.input.size, 20)
    np.testing.assert_array_equal(built.get_layer("embedding").get_weights()[0], turned[:, :16])
    at_random = network(task, tmp_path / "arrays", embedding=16, vectors="random").get_layer("embedding").get_weights()[0]
    assert at_random[UNKNOWN].any()


@pytest.mark.parametrize("vectors", ["frozen", "tuned"])
def test_frozen_vectors_stay_and_others_are_trained(vectors: str, reviews: DataOptions, tmp_path: Path) -> None:
    task = load_task("sentiment", reviews)
    before = network(task, tmp_path / "arrays", vectors=vectors).get_layer("embedding").get_weights()[0]
    config = declared(family_model(task.spec)).complete({"units": 4, "vectors": vectors})
    path = tmp_path / "state" / "state.npz"
    more: dict[str, Any] = {"epochs": 2, "patience": 9, "objective": "val_accuracy", "checkpoint": str(path), "final": True}
    job = Job(1, "train", str(tmp_path / "arrays"), ModelRef(), config=config, **more)
    train.train(job, lambda _: "continue")
    trained = network(task, tmp_path / "arrays", vectors=vectors, units=4)
    state = checkpoint.load(path)
    assert state is not None
    trained.set_weights(state.best)
    assert np.array_equal(trained.get_layer("embedding").get_weights()[0], before) == (vectors == "frozen")


def test_the_space_has_no_more_dimensions_than_the_vectors(reviews: DataOptions) -> None:
    spec = load_task("sentiment", reviews).spec
    domains = {parameter.name: parameter.domain for parameter in declared(family_model(spec)).parameters}
    assert domains["embedding"] == Grid(values=(16, 20), default=20)
    assert domains["vectors"] == Grid(values=("tuned", "frozen"), default="tuned")
    with pytest.raises(BadValue, match="embedding is 20 at most, as many dimensions as the vectors have; given: 64"):
        family_model(spec, settings_of({"space": {"embedding": "16:64"}}).limits())
    assert family_model(spec, settings_of({"space": {"embedding": "64", "vectors": "random"}}).limits())
    without = load_task("sentiment", rows=100).spec
    assert "vectors" not in {parameter.name for parameter in declared(family_model(without)).parameters}


def test_frozen_vectors_cost_no_update(reviews: DataOptions) -> None:
    spec = load_task("sentiment", reviews).spec
    costs, config = CostModel(spec.input, spec.output, 5000, 20), {"units": 8, "embedding": 128, "batch_size": 32}
    assert costs.epoch({**config, "vectors": "frozen"}) < costs.epoch({**config, "vectors": "tuned"}) == costs.epoch(dict(config))


# searches


def test_other_vectors_are_other_data(reviews: DataOptions, tmp_path: Path) -> None:
    first = load_task("sentiment", reviews).spec.fingerprint
    path = Path(str(reviews.embeddings))
    path.write_text(path.read_text().replace("good 3.0", "good 2.9"))
    assert load_task("sentiment", reviews).spec.fingerprint != first
    assert load_task("sentiment", data=reviews.data).spec.fingerprint != first


@pytest.mark.parametrize(
    ("task", "more", "said"),
    [
        ("sentiment", {"level": "characters"}, "vectors of words, and the unit of text is characters here: add --level words"),
        ("forecast", {}, "--embeddings does nothing for forecast"),
    ],
)
def test_vectors_of_words_go_with_words(task: str, more: dict[str, str], said: str, tmp_path: Path) -> None:
    path = written(tmp_path / "v.txt", ["the 1 2"])
    with pytest.raises(DataError, match=said):
        load_task(task, DataOptions.model_validate({"embeddings": str(path), **more}))


def test_a_hypermodel_of_ones_own_loads_vectors_itself() -> None:
    with pytest.raises(BadValue, match="--embeddings goes into the networks here"):
        settings_of({"hypermodel": "mine.py:Mine", "data": {"embeddings": "glove.txt"}})


@pytest.mark.parametrize("task", ["tagging", "next_word", "seq2seq"])
def test_every_task_of_words_takes_them(task: str, tmp_path: Path) -> None:
    words = {
        "tagging": ["walk", "often"],
        "next_word": ["w20", "w13"],
        "seq2seq": ["one", "two"],
    }[task]
    path = written(tmp_path / "v.txt", [f"{word} {index} 1 2" for index, word in enumerate([*words, "unheard"])])
    more: dict[str, object] = {"rows": 80}
    if task == "seq2seq":
        written(tmp_path / "pairs.tsv", [f"{a} {b}\t{b} {a}" for a in words for b in words for _ in range(8)])
        more = {"data": str(tmp_path / "pairs.tsv"), "level": "words"}
    found = load_task(task, DataOptions.model_validate({**more, "embeddings": str(path)}))
    assert found.vectors is not None
    assert found.spec.vectors == 3
    codec = found.spec.codec
    known = codec.source if isinstance(codec, PairCodec) else codec
    assert isinstance(known, TextCodec)
    assert ("unheard" in known.vocabulary) == (task != "next_word")
    assert network(found, tmp_path / "arrays", embedding=2).count_params()


def test_what_becomes_of_vectors_is_no_question_where_there_are_none(here: Here) -> None:
    status, _, err = here("search", "--rows", "100", "--vectors", "frozen", "--dry-run")
    assert status == 2
    assert "--vectors says what becomes of pretrained word vectors, and there are none: add --embeddings FILE" in err


def test_a_file_that_was_moved_is_known_by_what_is_in_it(reviews: DataOptions, here: Here, tmp_path: Path) -> None:
    run, moved = tmp_path / "run", tmp_path / "moved.txt"
    flags = ["--units", "4", "--layers", "1", "--bidirectional", "no", "--max-epochs", "1", "--workers", "0"]
    common = ["--data", str(reviews.data), "--embeddings", str(reviews.embeddings)]
    status, _, err = here("search", *common, *flags, "--trials", "1", "--confirm", "0", "--out", str(run))
    assert status == 0, err
    Path(str(reviews.embeddings)).rename(moved)
    status, _, err = here("search", "--resume", str(run), "--embeddings", str(moved), "--trials", "2")
    assert status == 0, err
    moved.write_text(moved.read_text().replace("good 3", "good 4"))
    status, _, err = here("search", "--resume", str(run), "--embeddings", str(moved), "--trials", "3")
    assert status == 2
    assert "the data differs" in err


def test_a_search_with_vectors_knows_words_that_train_lacks(reviews: DataOptions, here: Here, tmp_path: Path) -> None:
    flags = ["--data", str(reviews.data), "--embeddings", str(reviews.embeddings), "--units", "8", "--layers", "1"]
    flags += ["--bidirectional", "no", "--vectors", "frozen", "--dropout", "0", "--learning-rate", "0.01", "--pooling", "mean"]
    run = tmp_path / "run"
    status, out, err = here("search", "--task", "sentiment", *flags, "--trials", "2", "--max-epochs", "4", "--out", str(run))
    assert status == 0, err
    assert "note: 100% of the words of train have a vector (20 dimensions) in glove.txt" in err
    best = load_best(run)
    told = best.predict(["the plot is superb", "the plot is awful"])
    assert [one["label"] for one in told] == ["good", "bad"]
    fresh, trained = (one.get_layer("embedding").get_weights()[0] for one in (best.build(), best.load()))
    np.testing.assert_array_equal(fresh, trained)
    assert best.best.data.options["embeddings"] == reviews.embeddings
    # trained afresh: with the vectors of the search, which are asked for where other data are given
    status, out, err = here("train", str(run), "--max-epochs", "1", "--json")
    assert status == 0, err
    assert json.loads(out)["epochs"] == 1
    status, out, err = here("train", str(run), "--data", str(reviews.data), "--max-epochs", "1")
    assert status == 2
    assert "it was found with pretrained word vectors, and trains with such: add --embeddings FILE" in err
