"""One contract for every task: splits that do not leak, the same from the same seed, baselines, a default network that learns."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import SMALL, small_task

from tuning.codec import SeriesCodec, TextCodec, WindowCodec
from tuning.errors import DataError, RecipeError, UnknownName
from tuning.metrics import METRICS
from tuning.objective import Objective
from tuning.recipe import load_recipe, load_task, recipe_files
from tuning.series import series_classes
from tuning.settings import Settings
from tuning.task import DataOptions, Task, epochs_per_pass
from tuning.text import running_text, tagged_tokens, text_classes, text_pairs
from tuning.windows import forecast_windows, market_windows

NAMES = sorted(recipe_files())
IN_TIME_ORDER = ("forecast", "finance", "next_word")
KINDS = {
    "sentiment": "binary",
    "topics": "classes",
    "signals": "classes",
    "tagging": "tags",
    "next_word": "tokens",
    "forecast": "values",
    "finance": "binary",
    "seq2seq": "pair",
    "memory": "bits",
}


def test_every_case_of_the_design_has_its_recipe() -> None:
    assert NAMES == sorted(KINDS) == sorted(SMALL)


@pytest.mark.parametrize("name", NAMES)
class TestEveryTask:
    def test_same_options_same_data_other_seed_other_data(self, name: str) -> None:
        one, two = small_task(name), small_task(name)
        assert one.spec == two.spec
        other = load_task(name, DataOptions.model_validate({**SMALL[name], "split_seed": 7}))
        assert other.spec.fingerprint != one.spec.fingerprint

    def test_kind_objective_and_shapes(self, name: str) -> None:
        task = small_task(name)
        output, splits = task.spec.output, task.splits
        assert output.kind == KINDS[name]
        assert task.spec.ordered == (name in IN_TIME_ORDER)
        assert Objective.parse(task.spec.objective).metric in METRICS[output.kind]
        for split in splits.values():
            assert len(split.x) == len(split.y) == len(split.lengths)
            assert split.lengths.min() >= 1
            assert split.lengths.max() <= split.x.shape[1] == task.spec.input.steps
            if task.spec.input.kind == "tokens":
                assert split.x.dtype == np.int32
                assert split.x.max() < task.spec.input.size
            else:
                assert split.x.shape[2] == task.spec.input.size
                assert np.isfinite(split.x).all()

    def test_synthetic_source_knows_its_best_score_and_baselines_fall_short(self, name: str) -> None:
        given = {key: value for key, value in SMALL[name].items() if key not in ("rows", "horizon", "source")}
        task = load_task(name, DataOptions.model_validate({**given, "source": "synthetic"}))
        ceiling, objective = task.spec.ceiling, Objective.parse(task.spec.objective)
        assert ceiling is not None
        assert task.spec.baselines
        for parts in task.spec.baselines.values():
            assert objective.better(ceiling, parts["test"][objective.metric])


WORDS = ["a b c d", "b c d e", "c d a b", "d a b a"] * 30
LATER = ("valid", "test")
ENDS: dict[str, Callable[[bool], Task]] = {  # the same train, and the rest of the data as it is or altered
    "series": lambda altered: series_classes("x", "x", parted(np.ones((5, 2)) * (9 if altered else 1)), DataOptions()),
    "window": lambda altered: forecast_windows("x", "x", {"v": tailed(200, altered)}, "v", DataOptions(window=8)),
    "ohlc": lambda altered: market_windows("x", "x", prices(altered), DataOptions(window=4)),
    "text": lambda altered: text_classes("x", "x", parted("z z z z z z" if altered else "a b"), DataOptions()),
    "tags": lambda altered: tagged_tokens("x", "x", tagged("z" if altered else "a"), DataOptions()),
    "running": lambda altered: running_text("x", "x", running("zy" if altered else "ab"), DataOptions(window=4)),
    "pairs": lambda altered: text_pairs("x", "x", paired("zyx" if altered else "ab"), DataOptions()),
}


def parted(later: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    early = [rng.normal(size=(5, 2)) for _ in range(40)] if isinstance(later, np.ndarray) else WORDS[:40]
    return {"train": (early, ["p", "q"] * 20), **{part: ([later] * 4, ["p", "q"] * 2) for part in LATER}}


def running(later: str) -> dict[str, list[str]]:
    return {"train": " ".join(WORDS).split(), **{part: list(later) * 20 for part in LATER}}


def tagged(later: str) -> dict[str, Any]:
    return {"train": ([["a", "b"]] * 20, [["X", "Y"]] * 20), **{part: ([[later, "b"]] * 4, [["X", "Y"]] * 4) for part in LATER}}


def paired(later: str) -> dict[str, Any]:
    return {"train": [("ab", "ba"), ("b", "b")] * 20, **{part: [(later, later)] * 4 for part in LATER}}


def tailed(rows: int, altered: bool) -> np.ndarray:
    """Values of which the last 30 % are others."""
    values = np.sin(np.arange(rows) / 3.0)
    values[int(0.7 * rows) :] += 50.0 * altered
    return values


def prices(altered: bool) -> dict[str, np.ndarray]:
    close = 10.0 + tailed(400, altered)
    return {"open": close, "high": close + 0.5, "low": close - 0.5, "close": close}


@pytest.mark.parametrize("kind", ENDS)
def test_preprocessing_is_fitted_on_train_alone(kind: str) -> None:
    plain, altered = (ENDS[kind](altered) for altered in (False, True))
    assert plain.spec.codec == altered.spec.codec
    assert plain.spec.fingerprint != altered.spec.fingerprint  # it was altered


def test_running_text_in_parts_stays_in_them(tmp_path: Path) -> None:
    texts = {"train": "a b c d " * 100, "valid": "e f " * 30, "test": "g h " * 30}
    for part, text in texts.items():
        (tmp_path / f"ptb.{part}.txt").write_text(text)
    task = load_task("next_word", data=str(tmp_path), window=8)
    codec = task.spec.codec
    assert isinstance(codec, TextCodec)
    assert codec.vocabulary == ("a", "b", "c", "d")
    assert {part: int(split.lengths.sum()) for part, split in task.splits.items()} == {"train": 399, "valid": 59, "test": 59}
    (tmp_path / "ptb.valid.txt").unlink()
    task = load_task("next_word", data=str(tmp_path), window=8)
    assert {part: int(split.lengths.sum()) for part, split in task.splits.items()} == {"train": 359, "valid": 39, "test": 59}


def test_a_split_of_ones_own_is_files_of_any_names(tmp_path: Path) -> None:
    for name, count in (("one", 40), ("two", 7), ("three", 5)):
        rows = [f"{name} {'good' if row % 2 else 'bad'},{'yes' if row % 2 else 'no'}" for row in range(count)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
        (tmp_path / f"{name}.conll").write_text("the\tDET\ndog\tNOUN\n\n" * count)
        (tmp_path / name).mkdir()
        for label in ("yes", "no"):
            (tmp_path / name / f"{label}.txt").write_text(f"{name} {label}\n" * count)

    def rows_of(task: str, valid: str | None, test: str | None, data: str = "one") -> dict[str, int]:
        named = {part: str(tmp_path / one) for part, one in (("data", data), ("valid", valid), ("test", test)) if one is not None}
        return load_task(task, DataOptions.model_validate(named)).spec.rows

    assert rows_of("sentiment", "two.csv", "three.csv", "one.csv") == {"train": 40, "valid": 7, "test": 5}
    assert rows_of("tagging", "two.conll", "three.conll", "one.conll") == {"train": 40, "valid": 7, "test": 5}
    assert rows_of("topics", "two", "three.csv") == {"train": 80, "valid": 14, "test": 5}
    left = rows_of("sentiment", None, "three.csv", "one.csv")
    assert left["test"] == 5
    assert left["train"] + left["valid"] == 40
    (tmp_path / "split").mkdir()
    for part, name in (("train", "one"), ("test", "two")):
        (tmp_path / "split" / f"{part}.csv").write_text((tmp_path / f"{name}.csv").read_text())
    assert rows_of("sentiment", "three.csv", None, "split") == {"train": 40, "valid": 5, "test": 7}
    with pytest.raises(DataError, match="has already"):
        rows_of("sentiment", None, "three.csv", "split")
    for task, named in (("sentiment", "twoo.csv"), ("tagging", "twoo.conll")):
        with pytest.raises(UnknownName, match="did you mean 'two"):
            rows_of(task, named, None, named.replace("twoo", "one"))
    with pytest.raises(DataError, match="does nothing"):
        load_task("sentiment", valid=str(tmp_path / "two.csv"))


def test_a_part_too_short_to_predict_anything_is_named() -> None:
    with pytest.raises(DataError, match="valid has 1"):
        running_text("x", "x", {"train": "a b " * 300, "valid": "a"}, DataOptions())
    with pytest.raises(DataError, match="a part named train is needed; given: valid"):
        running_text("x", "x", {"valid": "a b"}, DataOptions())


def test_series_of_numbers_alone_have_one_channel() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 12))
    made = series_classes("x", "x", {"train": (list(rows), ["p", "q"] * 20)}, DataOptions())
    assert made.splits["train"].x.shape[1:] == (12, 1)
    with pytest.raises(DataError, match=r"shape \(2, 3, 4\)"):
        series_classes("x", "x", {"train": ([np.zeros((2, 3, 4))] * 20, ["p", "q"] * 10)}, DataOptions())


def test_a_tag_that_train_has_not_is_told_and_counts_as_an_error() -> None:
    given = tagged("a") | {"test": ([["a", "c"]] * 4, [["X", "Z"]] * 4)}
    task = tagged_tokens("x", "x", given, DataOptions())
    assert task.spec.output.labels == ("X", "Y", "Z")
    assert any("train has Z" in note for note in task.spec.notes)
    assert task.spec.baselines["most common tag of each word"]["test"]["accuracy"] == 0.5


def test_rows_that_are_cut_are_told() -> None:
    given = {"train": (["a b c"] * 40, ["p", "q"] * 20), "test": (["a b c d e"] * 40, ["p", "q"] * 20)}
    assert any("50% of rows are longer than 3 tokens" in note for note in text_classes("x", "x", given, DataOptions()).spec.notes)
    assert not text_classes("x", "x", given, DataOptions(max_length=5)).spec.notes


def test_sentiment_needs_order() -> None:
    spec = load_task("sentiment").spec
    assert spec.ceiling is not None
    assert spec.baselines["bag of words"]["valid"]["accuracy"] < spec.ceiling - 0.25


def test_forecast_targets_are_the_values_that_follow_each_step_and_stay_in_their_part() -> None:
    task = load_task("forecast", DataOptions(rows=120, window=10, horizon=3))
    codec = task.spec.codec
    assert isinstance(codec, WindowCodec)
    train, valid = task.splits["train"], task.splits["valid"]
    assert train.y.shape[1:] == (10, 3)
    assert np.allclose(train.x[1:, -1, 0], train.y[:-1, -1, 0])  # the next window ends with what was to be forecast
    assert np.allclose(train.x[:, 1:, 0], train.y[:, :-1, 0])  # at every step the next value
    last_train = train.y[-1, -1]
    assert not np.isclose(valid.y[0, -1, 0], last_train).all()
    assert len(train) == 84 - 10 - 3 + 1


def test_finance_leaves_a_window_out_between_the_parts() -> None:
    task = load_task("finance", DataOptions(rows=300, window=8))
    rows = {part: len(split) for part, split in task.splits.items()}
    assert sum(rows.values()) == 299 - 3 * 8 + 8 - 8  # the first window, and two embargoes


def test_memory_bits_are_the_last_pulses() -> None:
    split = load_task("memory", DataOptions(rows=60, bits=3)).splits["train"]
    for x, y in zip(split.x, split.y, strict=True):
        for channel in range(3):
            pulses = x[:, channel][x[:, channel] != 0]
            assert (pulses[-1] > 0) == bool(y[channel])


def test_finance_returns_are_a_forecast() -> None:
    task = load_task("finance", DataOptions(rows=200, window=6, goal="returns"))
    assert task.spec.family == "forecaster"
    assert "mean return" in task.spec.baselines


def test_digits_are_embedded() -> None:
    assert load_task("signals", DataOptions()).spec.rows == {"valid": 270, "test": 270, "train": 1257}


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'sentiment'"):
        load_task("sentimnt")
    with pytest.raises(UnknownName, match="did you mean 'reuters'"):
        load_task("topics", DataOptions(source="reuter"))


def test_a_task_that_makes_its_own_data_takes_none() -> None:
    with pytest.raises(DataError, match="takes no --data"):
        load_task("memory", DataOptions(data="x.csv"))


def test_series_are_cut_to_max_length() -> None:
    task = load_task("signals", DataOptions(source="synthetic", rows=80, max_length=5))
    codec = task.spec.codec
    assert isinstance(codec, SeriesCodec)
    assert task.splits["train"].x.shape[1] == 5
    whole = np.zeros((codec.length or 0, task.spec.input.size))
    assert codec.encode([whole])[0].shape == (1, 5, task.spec.input.size)
    with pytest.raises(DataError, match=f"every series has {len(whole)} steps"):
        codec.encode([whole[:-1]])


@pytest.mark.parametrize(
    ("train", "valid", "told"),
    [(100_000, 10_000, 1), (1_000_000, 100_000, 4), (1_000_000, 200_000, 2), (1_000_000, 900_000, 1), (9_000_000, 1_000_000, 4)],
)
def test_a_long_pass_is_several_epochs_each_much_longer_than_scoring(train: int, valid: int, told: int) -> None:
    task = small_task("signals")
    steps = {"train": train, "valid": valid, "test": 1}
    splits = {name: replace(split, lengths=np.full(10, steps[name] // 10)) for name, split in task.splits.items()}
    assert epochs_per_pass(splits) == told
    spec, note = Task.of(task.spec, splits).spec, f"an epoch is 1/{told} of a pass over the training rows"
    assert (note in Settings().notes(spec)) == (told > 1)
    assert Settings().lengths(spec) == (12 * told, 3 * told)
    assert note not in Settings(hypermodel="own.py:Own").notes(spec)  # which trains whole passes
    assert Settings(hypermodel="own.py:Own").lengths(spec) == (12, 3)


def test_a_recipe_of_the_users_own(tmp_path: Path) -> None:

    path = tmp_path / "mine.py"
    path.write_text(
        "from tuning import Recipe, text_classes\n"
        "def synthetic(options):\n"
        "    texts = ['good film', 'bad film'] * 20\n"
        "    return text_classes('mine', 'synthetic', {'train': (texts, ['yes', 'no'] * 20)}, options)\n"
        "RECIPE = Recipe('mine', {'synthetic': synthetic})\n"
    )
    assert load_task(str(path)).spec.output.labels == ("no", "yes")
    path.write_text(path.read_text().replace("texts = [", "texts = 1 / 0 and ["))
    with pytest.raises(RecipeError, match=r"mine.py, line 3: ZeroDivisionError"):
        load_task(str(path))
    path.write_text("def broken(:\n")
    with pytest.raises(RecipeError, match=r"line 1"):
        load_task(str(path))
    path.write_text("RECIPE = 3\n")
    with pytest.raises(RecipeError, match="must define RECIPE"):
        load_task(str(path))
    path.write_text("import no_such_module\n")
    with pytest.raises(RecipeError, match="line 1: ModuleNotFoundError"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("sentiment", {"bits": 6}, "--bits does nothing for sentiment; what counts there: --level, --max-length"),
        ("next_word", {"max_length": 30, "rows": 40}, "--max-length does nothing .*--window"),
        ("signals", {"rows": 80}, "--rows does nothing for signals"),
    ],
)
def test_an_option_that_does_nothing_is_refused_with_those_that_count(name: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        load_task(name, DataOptions.model_validate(given))


def test_a_default_and_a_seed_for_a_split_of_ones_own_are_no_mistakes(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        rows = "".join(f"{word} film {number},{word}\n" for number in range(20) for word in ("good", "bad"))
        (tmp_path / f"{part}.csv").write_text("text,label\n" + rows)
    assert load_task("sentiment", data=str(tmp_path), split_seed=3, bits=4).spec.rows["train"] == 40
