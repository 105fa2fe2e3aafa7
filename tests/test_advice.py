"""Advice from a table of trials: known effects are found, nothing is found where there is nothing, tables of any shape are read."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import Here

from tuning.advice import LEAST, Advice, Observed
from tuning.effects import Effects
from tuning.errors import BadValue
from tuning.foreign import foreign
from tuning.importance import importances, tamed
from tuning.space import Config

SIZES, LAYERS = (8, 16, 32, 64), (1, 2)
UKP = Path(__file__).parent.parent.parent / "shared" / "data" / "ukp_bilstm_trials" / "trials.tsv.gz"


def trials(count: int, effect: Callable[[Config], float], seed: int = 0, noise: float = 0.01) -> list[Observed]:
    """Trials at random; the rate has the same effect in all."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        config: Config = {
            "units": int(rng.choice(SIZES)),
            "layers": int(rng.choice(LAYERS)),
            "bidirectional": bool(rng.integers(2)),
        }
        config["learning_rate"] = float(np.exp(rng.uniform(np.log(1e-3), np.log(1e-1))))
        size = int(config["units"]) ** 2 * int(config["layers"]) ** 2 * (1 + int(config["bidirectional"]))
        loss = (
            0.3
            + effect(config)
            + 0.05 * float(np.log10(float(config["learning_rate"]) / 1e-2)) ** 2
            + noise * rng.standard_normal()
        )
        found.append(Observed(config, loss, size, 0.01 * size, 0.1, 0.2))
    return found


def saturating(config: Config) -> float:
    """Less loss up to 32 units, none beyond; a second layer gives nothing."""
    return 0.04 * max(0.0, 5 - math.log2(float(config["units"])))


def test_the_smallest_size_that_is_as_good_is_recommended() -> None:
    advice = Advice(trials(600, saturating))
    assert advice.recommended.units == 32
    assert [size.units for size in advice.sizes if not size.apart] == [32, 64]
    low, high = advice.sizes[1].loss.interval()
    assert low <= 0.04 <= high
    assert advice.recommended.rest["layers"] == 1


def test_few_trials_tell_less_but_nothing_wrong() -> None:
    advice = Advice(trials(80, saturating))
    low, high = advice.sizes[0].loss.interval()
    assert low <= 0.08 <= high
    assert advice.sizes[0].apart


def test_what_mattered_is_found_and_what_did_not_is_not() -> None:
    p = Advice(trials(200, saturating)).mattered()
    assert p["units"] < 0.001
    assert p["learning_rate"] < 0.001
    assert p["bidirectional"] > 0.01
    assert p["layers"] > 0.01


def test_what_decides_which_half_is_compared_has_mattered_too() -> None:
    table = [
        Observed({**t.config, "optimizer": ("adam", "sgd")[n % 2]}, t.loss + 0.1 * (n % 2))
        for n, t in enumerate(trials(500, saturating))
    ]
    advice = Advice(table)
    assert advice.effects.levels("optimizer") == ["adam"]
    assert advice.mattered()["optimizer"] < 0.001


def test_where_nothing_matters_hardly_anything_is_claimed() -> None:
    rng, claimed = np.random.default_rng(5), 0
    for seed in range(30):
        table = [Observed(t.config, float(rng.standard_normal())) for t in trials(60, lambda _: 0.0, seed)]
        claimed += min(Advice(table).mattered().values()) < 0.05
    assert claimed <= 5


def test_questions_about_the_structure_are_answered() -> None:
    def deep(config: Config) -> float:
        return saturating(config) - 0.03 * (config["layers"] == 2) - 0.02 * bool(config["bidirectional"])

    advice = Advice(trials(400, deep))
    gains = {one.name: one.gain for one in advice.compared()}
    assert gains["layers"].mean == pytest.approx(0.03, abs=0.01)
    assert gains["bidirectional"].mean == pytest.approx(0.02, abs=0.01)
    depth = next(one for one in advice.compared() if one.name == "depth")
    assert (depth.first["layers"], depth.second["layers"]) == (1, 2)
    assert int(depth.second["units"]) < int(depth.first["units"])
    matched = advice.match()
    assert matched is not None
    assert matched[1] is None or matched[1] >= matched[0]


def test_the_size_of_a_network_is_foretold_from_trials() -> None:
    advice = Advice(trials(200, saturating))
    foretold = advice.parameters({"units": 32, "layers": 2, "bidirectional": False})
    assert foretold == pytest.approx(4 * 32**2, rel=0.2)


def test_failed_networks_move_nothing() -> None:
    table = trials(300, saturating)
    broken = [Observed(t.config, 50.0) if n % 20 == 0 else t for n, t in enumerate(table)]
    assert Advice(broken).recommended.units == 32


def test_settings_that_always_change_together_are_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    rows: list[Config] = [{"units": int(rng.choice(SIZES)), "a": bool(n % 2), "b": "x" if n % 2 else "y"} for n in range(60)]
    effects = Effects(rows, [0.1 * bool(row["a"]) for row in rows], ["units"])
    assert effects.difference({"a": True}, {"a": False}).df == 0
    assert effects.difference({"a": True, "b": "x"}, {"a": False, "b": "y"}).mean == pytest.approx(0.1)


def test_a_rare_value_takes_nobody_elses_place() -> None:
    table = trials(100, saturating)
    rare = [Observed({**t.config, "layers": 3, "units": 4}, t.loss) if n in (3, 60) else t for n, t in enumerate(table)]
    advice = Advice(rare)
    assert [size.units for size in advice.sizes] == list(SIZES)
    assert all(3 not in one.second.values() for one in advice.compared())


def test_a_size_that_always_changed_with_another_setting_is_not_recommended() -> None:
    table = [Observed({**t.config, "optimizer": "adam"}, t.loss) for t in trials(120, saturating)]
    other = [
        Observed({**t.config, "units": 4, "optimizer": "sgd"}, t.loss - 0.2)
        for t in trials(120, saturating)
        if t.config["units"] == 8
    ]
    assert 4 not in [size.units for size in Advice(table + other).sizes]
    alone = [Observed({**t.config, "optimizer": str(t.config["units"])}, t.loss) for t in table]
    with pytest.raises(ValueError, match="no two sizes"):
        Advice(alone)


def test_too_few_trials_are_refused() -> None:
    with pytest.raises(ValueError, match=f"{LEAST} trials of two sizes"):
        Advice(trials(LEAST - 1, saturating))
    with pytest.raises(ValueError, match="there are 40"):
        Advice([Observed({**t.config, "units": 8}, t.loss) for t in trials(40, saturating)])


@pytest.mark.parametrize("method", ["fanova", "ped-anova"])
def test_importance_stands_above_its_noise_floor_where_there_is_some(method: Any) -> None:
    table = trials(100, saturating)
    found = importances([t.config for t in table], [t.loss for t in table], method)
    assert {one.name for one in found} == {"units", "layers", "bidirectional", "learning_rate"}
    assert sum(one.share for one in found) == pytest.approx(1.0, abs=0.01)
    assert all(one.low <= one.share <= one.high for one in found)
    by_name = {one.name: one for one in found}
    assert by_name["bidirectional"].share < max(by_name["units"].share, by_name["learning_rate"].share)
    assert not by_name["bidirectional"].mattered


def test_importance_of_noise_is_none() -> None:
    rng, table = np.random.default_rng(3), trials(100, saturating)
    found = importances([t.config for t in table], list(rng.standard_normal(100)))
    assert not any(one.mattered for one in found)


def test_without_time_or_trials_there_is_no_importance() -> None:
    table = trials(60, saturating)
    assert importances([t.config for t in table], [t.loss for t in table], seconds=0.0) == []
    assert importances([t.config for t in table[:5]], [t.loss for t in table[:5]]) == []
    assert tamed(np.array([1.0, 2.0, 3.0, 1000.0])).max() < 10


# tables from elsewhere


def table(path: Path, count: int = 200, separator: str = ",") -> Path:
    """A csv as somebody else would have written it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["id", "data", "hidden", "depth", "lr", "total_cells", "dev_accuracy", "test_accuracy", "wall_time"])
        for number, one in enumerate(trials(count, saturating)):
            units, layers = int(one.config["units"]), int(one.config["layers"])
            score = 1 - one.loss
            hidden = "[" + ", ".join([str(units)] * layers) + "]"
            row = [f"run{number}", "ab"[number % 2], hidden, layers, one.config["learning_rate"], units * layers, score, score, 3.0]
            writer.writerow(row)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_gives_units_costs_and_reasons(tmp_path: Path, here: Here, separator: str) -> None:
    argv = [
        str(table(tmp_path / "t.csv", separator=separator)),
        "--score",
        "dev_accuracy",
        "--units",
        "hidden",
        "--layers",
        "depth",
    ]
    status, out, err = here("advise", *argv)
    assert status == 0, err
    assert out.startswith("32 units. 32 to 64 cannot be told apart; 16 costs ")
    assert "left out: total_cells (it follows from units and layers)" in out
    assert "left out: test_accuracy (its name is that of a result)" in out
    assert "repeated rows are too few" in out


def test_the_same_as_json_and_of_some_rows(tmp_path: Path, here: Here) -> None:
    argv = [str(table(tmp_path / "t.csv", 500)), "--score", "dev_accuracy:max", "--units", "hidden", "--where", "Data=a", "--json"]
    status, out, err = here("advise", *argv, "--ignore", "LR")
    assert status == 0, err
    told = json.loads(out)
    assert told["rows"] == 250
    assert told["left_out"]["lr"] == "as asked"
    assert told["interval"][0] in SIZES


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--score", "dev_acuracy", "--units", "hidden"], "dev_accuracy"),
        (["--score", "dev_accuracy", "--units", "hiden"], "hidden"),
        (["--score", "dev_accuracy", "--units", "hidden", "--where", "data=c"], "leaves no row; data has a, b"),
        (["--score", "dev_accuracy"], "--units"),
        (["--score", "lr", "--units", "hidden"], "say lr:max or lr:min"),
        (["--score", "dev_accuracy", "--units", "hidden", "--bidirectional", "data"], "bidirectional takes yes or no"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, here: Here, argv: list[str], told: str) -> None:
    status, out, err = here("advise", str(table(tmp_path / "t.csv", 40)), *argv)
    assert status == 2
    assert out == ""
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_column_that_never_repeats_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{n},{(8, 16)[n % 2]},{0.001 * (n + 1)},{(0.1, 0.2, 0.5)[n % 3]},{0.5 + (n * 37 % 60) / 600}" for n in range(60)]
    path.write_text("\n".join(["run,units,lr,dropout,score", *rows]))
    found = foreign(path, "score", {"units": "units"}, [], [])
    assert found.left_out == {"run": "a row's number"}
    assert set(found.trials[0].config) == {"units", "lr", "dropout"}


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        *(("RMSE", "min"), ("Test_Error", "min"), ("WER", "min"), ("brier_score", "min"), ("NLL", "min")),
        *(("Dev_F1", "max"), ("BLEU", "max"), ("answer_f1", "max"), ("power_auc", "max")),
    ],
)
def test_which_way_is_better_is_told_by_the_name(tmp_path: Path, here: Here, name: str, direction: str) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{(8, 16)[n % 2]},{n % 7}" for n in range(40)]
    path.write_text("\n".join([f"units,{name}", *rows]))
    status, out, err = here("advise", str(path), "--score", name, "--units", "units")
    assert status == 0, err
    assert f"of {name} {'more' if direction == 'max' else 'less'} is better" in out


@pytest.mark.parametrize("pandas", [False, True])
def test_decimal_commas_and_floats_for_yes_and_no_are_read_as_they_are_meant(tmp_path: Path, pandas: bool) -> None:
    rows = [(8 * 2 ** (n % 3), n % 2, 0.5 + 0.001 * (n % 7), 1000 * (n + 1)) for n in range(30)]
    lines = [f"{u};{float(b) if pandas else 'BiLSTM' if b else 'LSTM'};{s:.3f};{p:,}".replace("0.5", "0,5") for u, b, s, p in rows]
    (tmp_path / "t.csv").write_text("\n".join(["units;bi;f1;weights", *lines]))
    found = foreign(tmp_path / "t.csv", "f1", {"units": "units", "bidirectional": "bi", "parameters": "weights"}, [], [])
    assert [trial.loss for trial in found.trials] == [pytest.approx(-score) for _, _, score, _ in rows]
    assert [trial.config["bidirectional"] for trial in found.trials] == [bool(bi) for _, bi, _, _ in rows]
    assert [trial.parameters for trial in found.trials] == [parameters for _, _, _, parameters in rows]


def test_scores_written_in_two_ways_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("units;f1\n8;0,91\n16;0.93\n")
    with pytest.raises(BadValue, match=r"column f1 has '0,91'"):
        foreign(tmp_path / "t.csv", "f1", {"units": "units"}, [], [])


def test_a_table_too_small_is_told_so(tmp_path: Path, here: Here) -> None:
    status, _, err = here("advise", str(table(tmp_path / "t.csv", 10)), "--score", "dev_accuracy", "--units", "hidden")
    assert status == 2
    assert "there are 10" in err


@pytest.mark.real_data
@pytest.mark.skipif(not UKP.exists(), reason="shared/data is absent")
@pytest.mark.parametrize(("data", "units", "layers"), [("conll2000_chunking", 106, 2), ("wsj_pos_500", 63, 1)])
def test_the_papers_conclusions_are_found_in_its_trials(data: str, units: int, layers: int) -> None:
    given = {"units": "LSTM-Size", "layers": "LSTM-Layers"}
    advice = Advice(foreign(UKP, "Dev_F1", given, [("Dataset", f"{data}.pkl")], []).trials)
    alike = [size.units for size in advice.sizes if not size.apart]
    assert min(alike) <= units <= max(alike)
    assert advice.recommended.rest["layers"] == layers
