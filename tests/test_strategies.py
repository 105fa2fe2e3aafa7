"""One contract for every strategy, on made-up scores: no training, no time."""

import json
from collections.abc import Callable
from dataclasses import replace

import keras_tuner
import numpy as np
import pytest
from small import STRATEGY_NAMES, WITHOUT

from tuning.errors import BadValue
from tuning.hypermodels import space_of
from tuning.objective import Objective
from tuning.space import Condition, Config, Grid, Interval, Parameter, Space, same
from tuning.strategies import STRATEGIES, Setting, Strategy
from tuning.trial import DONE, WAIT, Decision, Result, Status, Trial, derived_seed

MODELS = {"bayesian": 9, "gp": 14, "tpe": 30, "cmaes": 30}  # asks of those that fit a model at each
SPACE = Space(
    parameters=(
        Parameter(name="units", domain=Grid(values=(8, 16, 32, 64, 128), default=32)),
        Parameter(name="layers", domain=Grid(values=(1, 2, 3), default=1)),
        Parameter(
            name="taper",
            domain=Grid(values=("constant", "halving"), default="constant"),
            conditions=(Condition(parent="layers", values=(2, 3)),),
        ),
        Parameter(name="learning_rate", domain=Interval(low=1e-4, high=1e-2, log=True, default=1e-3)),
        Parameter(name="bidirectional", domain=Grid(values=(False, True), default=False)),
        Parameter(name="cell", domain=Grid(values=("lstm",), default="lstm")),
    )
)
FINITE = Space(parameters=SPACE.parameters[:3])  # 5 * (1 + 2 * 2) = 25 configurations
Score = Callable[[Trial], float | None]


def make(name: str, space: Space = SPACE, seed: int = 0, limit: int | None = None, objective: str = "val_accuracy") -> Strategy:
    return STRATEGIES[name](Setting(space, Objective.parse(objective), seed, 12, limit))


def quality(trial: Trial) -> float:
    """A made-up accuracy: more units and a middling learning rate are better, and so are more epochs."""
    rate = float(trial.config.get("learning_rate", 1e-3))
    noise = derived_seed(same(trial.config)) / 2**31 * 0.02
    return float(np.log2(float(trial.config["units"])) / 8 - abs(np.log10(rate) + 3) / 10 + trial.epochs / 100 + noise)


def few(name: str, asks: int) -> int:
    """Fewer asks of a strategy that fits a model at each (about a second)."""
    return min(asks, MODELS.get(name, asks))


def drive(strategy: Strategy, asks: int, workers: int = 1, score: Score = quality) -> list[Trial]:
    """Ask and tell in turn with some trials running at a time; the trials in the order of asking."""
    running: list[Trial] = []
    asked: list[Trial] = []
    while len(asked) < asks:
        found = strategy.ask()
        if isinstance(found, Trial):
            asked.append(found)
            running.append(found)
        if len(running) == workers or not isinstance(found, Trial):
            if not running:
                assert found is DONE
                return asked
            trial = running.pop(0)
            value = score(trial)
            strategy.tell(trial, Result(Status.FAILED) if value is None else Result(Status.COMPLETED, value))
    return asked


def configs(trials: list[Trial]) -> list[Config]:
    return list({trial.id: trial.config for trial in trials}.values())


@pytest.mark.parametrize("name", [name for name in STRATEGY_NAMES if name not in ("grid", "portfolio")])  # which begin with a list
def test_neighbouring_seeds_share_nothing(name: str) -> None:
    one, two = (configs(drive(make(name, seed=seed), few(name, 10))) for seed in (1, 2))
    assert not {same(config) for config in one} & {same(config) for config in two}


@pytest.mark.parametrize("name", STRATEGY_NAMES)
class TestEveryStrategy:
    def test_proposals_lie_in_the_space_with_active_values_alone(self, name: str) -> None:
        for config in configs(drive(make(name), few(name, 25))):
            assert SPACE.check(config) == config
            assert ("taper" in config) == (config["layers"] != 1)

    def test_no_configuration_twice_and_ids_count_up(self, name: str) -> None:
        trials = drive(make(name), few(name, 25), workers=3)
        keys = [same(config) for config in configs(trials)]
        assert len(keys) == len(set(keys))
        first = list(dict.fromkeys(trial.id for trial in trials))
        assert first == list(range(len(first)))

    def test_a_seed_is_a_seed_also_zero(self, name: str) -> None:
        asks = few(name, 12)
        assert drive(make(name, seed=0), asks) == drive(make(name, seed=0), asks)

    @pytest.mark.parametrize("cut", [1, 5, 8])
    def test_resumed_from_what_was_recorded_it_goes_on_the_same(self, name: str, cut: int) -> None:
        asks = few(name, 18)
        whole = drive(make(name), asks)
        again = make(name)
        for trial in whole[:cut]:
            assert again.replay(trial)
            again.tell(trial, Result(Status.COMPLETED, quality(trial)))
        assert drive(again, asks - cut) == whole[cut:]

    def test_resumed_with_trials_running_it_goes_on_the_same(self, name: str) -> None:
        first, second = make(name), make(name)
        asked: list[Trial] = []
        for step in range(14):
            found = first.ask()
            if isinstance(found, Trial):
                asked.append(found)
                assert second.replay(found)
            if step % 3 == 2:  # two of three asked trials are still running
                for strategy in (first, second):
                    strategy.tell(asked[step // 3], Result(Status.COMPLETED, quality(asked[step // 3])))
        assert first.ask() == second.ask()

    def test_what_does_not_follow_is_not_entered(self, name: str) -> None:
        trials, again = drive(make(name), 3), make(name)
        assert not again.replay(replace(trials[0], id=5))
        again = make(name)
        assert again.replay(trials[0])
        assert not again.replay(replace(trials[0], epochs=12))  # it still runs

    def test_parallel_asks_before_any_result_are_different(self, name: str) -> None:
        strategy = make(name)
        found = [strategy.ask() for _ in range(8)]
        trials = [trial for trial in found if isinstance(trial, Trial)]
        assert len(trials) >= 3
        assert len({same(trial.config) for trial in trials}) == len(trials)

    def test_a_wait_leaves_no_trace(self, name: str) -> None:
        strategy, twin = make(name, FINITE, limit=4), make(name, FINITE, limit=4)
        running = []
        while isinstance(found := strategy.ask(), Trial):
            assert twin.ask() == found
            running.append(found)
        assert [strategy.ask() for _ in range(3)] == [WAIT] * 3
        for trial in running:
            for one in (strategy, twin):
                one.tell(trial, Result(Status.COMPLETED, quality(trial)))
        assert strategy.ask() == twin.ask()

    def test_failed_trials_do_not_end_the_search(self, name: str) -> None:
        asks = few(name, 30)
        assert len(drive(make(name), asks, score=lambda trial: None if trial.id % 3 == 0 else quality(trial))) == asks

    @pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
    def test_scores_that_are_no_numbers_do_no_harm(self, name: str, score: float) -> None:
        asks = few(name, 16)
        assert len(drive(make(name), asks, score=lambda trial: score if trial.id % 2 else quality(trial))) == asks

    def test_an_exhausted_space_ends_and_was_tried_whole(self, name: str) -> None:
        trials = drive(make(name, FINITE), 500, workers=2)
        assert len(trials) < 500
        assert {same(config) for config in configs(trials)} == {same(config) for config in FINITE.all()}

    def test_the_limit_counts_configurations_and_can_be_raised(self, name: str) -> None:
        strategy = make(name, limit=5)
        trials = drive(strategy, 500)
        assert len(configs(trials)) == 5
        assert strategy.ask() is DONE
        strategy.limit = 8
        more = {trial.id for trial in drive(strategy, 500)} - {trial.id for trial in trials}
        assert len(more) == 3
        assert strategy.ask() is DONE

    def test_a_given_configuration_is_proposed(self, name: str) -> None:
        wanted: Config = SPACE.check({"units": 64, "layers": 2, "learning_rate": 0.00123})
        found = make(name).ask(wanted)
        assert isinstance(found, Trial)
        assert found.config == wanted

    @pytest.mark.parametrize("objective", ["val_loss", "val_accuracy"])
    def test_report_lets_a_rung_end(self, name: str, objective: str) -> None:
        strategy = make(name, objective=objective)
        trial = strategy.ask()
        assert isinstance(trial, Trial)
        assert strategy.report(trial, 1, 0.5) is Decision.CONTINUE

    def test_epochs_stay_within_the_most(self, name: str) -> None:
        assert all(1 <= trial.epochs <= 12 for trial in drive(make(name), few(name, 25)))

    def test_many_trials(self, name: str) -> None:
        many = {"bayesian": 12, "gp": 12, "tpe": 60, "cmaes": 60, "grid": 500}.get(name, 1000)
        assert len(drive(make(name), many, workers=4)) == many


STEPPED = keras_tuner.HyperParameters()
STEPPED.Float("dropout", 0.0, 0.5, step=0.1)
STEPPED.Float("momentum", 0.1, 0.9, step=1 / 3)
STEPPED.Float("fixed", 0.5, 0.5)
STEPPED.Int("width", 1, 64, sampling="log", step=2)


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_a_users_steps_are_values_that_every_strategy_can_hold(name: str) -> None:
    """hp.Float(step=0.1) has 0.30000000000000004 among its values, which the journal holds as 0.3."""
    space = space_of(STEPPED)
    strategy = make(name, space)
    whole = drive(strategy, few(name, 25), score=quality_of_steps)
    again = make(name, space)
    for trial in whole:
        assert space.check(trial.config) == trial.config
        recorded = json.loads(json.dumps(trial.config))
        assert again.replay(replace(trial, config=recorded))
        again.tell(trial, Result(Status.COMPLETED, quality_of_steps(trial)))


def quality_of_steps(trial: Trial) -> float:
    return float(trial.config["width"]) / 64


class TestHyperband:
    def test_promotes_the_best_of_a_rung_and_continues_their_trial(self) -> None:
        trials = drive(make("hyperband"), 60)
        first = [trial for trial in trials if trial.epochs == 2][:9]
        promoted = [trial for trial in trials if trial.epochs == 4 and trial.id in {t.id for t in first}]
        best = sorted(first, key=quality, reverse=True)[: len(promoted)]
        assert {trial.id for trial in promoted} == {trial.id for trial in best}
        assert any(trial.epochs == 12 for trial in trials)

    def test_minimises_a_loss(self) -> None:
        trials = drive(make("hyperband", objective="val_loss"), 30)
        first = [trial for trial in trials if trial.epochs == 2][:9]
        promoted = {trial.id for trial in trials if trial.epochs == 4 and trial.id in {t.id for t in first}}
        worst = sorted(first, key=quality)[: len(promoted)]
        assert promoted == {trial.id for trial in worst}

    def test_a_failed_member_is_replaced_and_the_rung_still_promotes(self) -> None:
        def fails(trial: Trial) -> float | None:
            return None if trial.id in (1, 4) else quality(trial)

        trials = drive(make("hyperband"), 20, score=fails)
        assert [trial.id for trial in trials[:14]] == list(range(14))  # 12 members, two of them in place of 1 and 4
        assert [trial.epochs for trial in trials[14:]] == [4, 4, 4, 4, 12, 12]
        assert not {1, 4} & {trial.id for trial in trials[14:]}

    def test_when_a_promoted_trial_fails_the_next_best_is_promoted(self) -> None:
        promoted: list[int] = []

        def fails(trial: Trial) -> float | None:
            if trial.epochs == 4:
                promoted.append(trial.id)
                return None if len(promoted) == 1 else quality(trial)
            return quality(trial)

        drive(make("hyperband"), 40, score=fails)
        assert promoted[0] not in promoted[1:]
        assert len(promoted) > 3

    def test_paused_are_those_that_may_be_promoted(self) -> None:
        strategy = make("hyperband")
        trials = drive(strategy, 6)
        assert strategy.paused <= {trial.id for trial in trials}
        assert strategy.paused

    def test_a_small_space_is_still_trained_to_the_end(self) -> None:
        tiny = Space(parameters=(Parameter(name="units", domain=Grid(values=(8, 16, 32), default=8)),))
        trials = drive(make("hyperband", tiny), 100)
        assert max(trial.epochs for trial in trials) == 12


def test_grid_starts_with_the_defaults_and_turns_the_last_parameter_first() -> None:
    trials = drive(make("grid", FINITE), 3)
    assert trials[0].config == FINITE.default()
    assert trials[1].config["units"] == trials[0].config["units"]


def test_bayesian_finds_better_than_its_random_start() -> None:
    trials = drive(make("bayesian"), 14)
    assert np.mean([quality(t) for t in trials[7:]]) > np.mean([quality(t) for t in trials[:5]])


@pytest.mark.parametrize("name", ["tpe", "cmaes", "bohb"])
def test_a_model_finds_better_than_chance(name: str) -> None:
    found, chance = (
        np.mean([quality(t) - t.epochs / 100 for t in drive(make(kind, seed=3), 60)][30:]) for kind in (name, "random")
    )
    assert found > chance


def test_sobol_leaves_no_hole() -> None:
    rates = [float(config["learning_rate"]) for config in configs(drive(make("sobol"), 16))]
    assert len({int(16 * np.log10(rate / 1e-4) / 2) for rate in rates}) >= 13  # of 16 equal parts
    assert sorted({config["units"] for config in configs(drive(make("sobol"), 16))}) == [8, 16, 32, 64, 128]


class TestAsha:
    def test_promotes_as_soon_as_a_third_allows(self) -> None:
        trials = drive(make("asha"), 8)
        assert [trial.epochs for trial in trials[:4]] == [1, 1, 1, 4]
        best = max(trials[:3], key=quality)
        assert trials[3].id == best.id

    def test_reaches_the_last_rung_with_the_best(self) -> None:
        trials = drive(make("asha"), 120)
        whole = [trial for trial in trials if trial.epochs == 12]
        assert whole
        everybody = sorted({t.id: t for t in trials if t.epochs == 1}.values(), key=quality, reverse=True)
        assert {trial.id for trial in whole} <= {trial.id for trial in everybody[: len(everybody) // 3]}

    def test_never_waits_while_there_is_something_new(self) -> None:
        strategy = make("asha")
        assert all(isinstance(strategy.ask(), Trial) for _ in range(50))

    def test_paused_are_those_that_may_be_promoted(self) -> None:
        strategy = make("asha")
        trials = drive(strategy, 30, score=lambda trial: None if trial.id == 2 else quality(trial))
        assert strategy.paused <= {trial.id for trial in trials}
        assert not strategy.paused & {trial.id for trial in trials if trial.epochs == 12}
        assert 2 not in strategy.paused

    def test_a_small_space_is_still_trained_to_the_end(self) -> None:
        tiny = Space(parameters=(Parameter(name="units", domain=Grid(values=(8, 16), default=8)),))
        assert max(trial.epochs for trial in drive(make("asha", tiny), 100)) == 12


@pytest.mark.skipif("gp" not in WITHOUT, reason="torch is installed")
def test_gp_says_what_it_needs() -> None:
    with pytest.raises(BadValue, match="torch"):
        make("gp")
