"""One contract for every task: splits that do not leak, the same from the same seed, baselines, a default network that learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small import SMALL, small_task

from tuning.codec import SeriesCodec, TextCodec, WindowCodec
from tuning.errors import DataError, RecipeError, UnknownName
from tuning.metrics import METRICS
from tuning.objective import Objective
from tuning.settings import Settings
from tuning.task import DataOptions, Task, epochs_per_pass, load_recipe, load_task, recipe_files

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

    def test_the_scaling_and_vocabulary_come_from_train_alone(self, name: str) -> None:
        task = small_task(name)
        codec = task.spec.codec
        if isinstance(codec, TextCodec):
            train = {codec.decode([int(i)]) for i in np.unique(task.splits["train"].x) if i >= 4}
            assert set(codec.vocabulary) - {codec.decode([int(i)]) for i in np.unique(task.splits["train"].y)} <= train
        elif codec.kind == "series" and name != "memory":
            flat = task.splits["train"].x.reshape(-1, task.spec.input.size)
            assert np.allclose(flat.mean(axis=0), 0, atol=1e-4)
            assert np.allclose(flat.std(axis=0), 1, atol=1e-3)


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
