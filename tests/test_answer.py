"""Confirmation and the answer: what a few seeds allow to be said, the race, the choice, a whole search with an answer."""

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Here, small_flags
from test_study import MadeUp, events, study

from tuning.answer import answered
from tuning.best_schema import Best
from tuning.budget import Budget, Clock
from tuning.claims import compared_of
from tuning.confirm import BASELINE
from tuning.evidence import Evidence
from tuning.inference import Estimate, difference, estimate, holm, not_told_apart, pooled
from tuning.journal import read
from tuning.objective import Objective
from tuning.race import DEFAULTS, LEAST, MOST, SMALL, USUAL, Candidate, Prefer, Race, admitted, chosen, contenders
from tuning.space import Config
from tuning.words import Scale

ACCURACY, LOSS = Objective.parse("val_accuracy"), Objective.parse("val_loss")


def candidate(units: int, losses: list[float], **more: Any) -> Candidate:
    roles = more.pop("roles", (("units", units),))
    return Candidate({"units": units}, roles, units, losses[0] if losses else 0.5, units, 1.0, 1.0, dict(enumerate(losses)), **more)


def drawn(rng: np.random.Generator, mean: float, deviation: float, seeds: int) -> list[float]:
    return list(mean + deviation * rng.standard_normal(seeds))


# inference


def test_intervals_of_paired_differences_hold_as_often_as_they_say() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        runs = [dict(enumerate(drawn(rng, mean, 0.01, 3))) for mean in (0.1, 0.11, 0.1, 0.12, 0.1)]
        low, high = difference(runs[1], runs[0], pooled(runs)).interval()
        held += low <= 0.01 <= high
    assert 0.91 <= held / 400 <= 0.99


def test_one_wild_configuration_does_not_widen_the_intervals_of_others() -> None:
    rng = np.random.default_rng(1)
    calm = [dict(enumerate(drawn(rng, 0.1, 0.001, 4))) for _ in range(5)]
    wild = {0: 0.1, 1: 0.5, 2: 0.12, 3: 0.4}
    alone = difference(calm[0], calm[1], pooled(calm)).half_width()
    assert difference(calm[0], calm[1], pooled([*calm, wild])).half_width() < 1.5 * alone


def test_nothing_is_known_without_seeds_in_common() -> None:
    found = difference({0: 0.1, 1: 0.2}, {2: 0.3}, (0.0, 0.0))
    assert found.n == 0
    assert found.p == found.p_two == 1.0
    assert estimate([0.1], (0.0, 0.0)).half_width() == math.inf


def test_equal_values_differ_by_nothing_and_other_equal_values_by_all() -> None:
    same = difference({0: 0.1, 1: 0.1}, {0: 0.1, 1: 0.1}, (0.0, 2.0))
    assert same.p_two == 1.0
    assert difference({0: 0.2, 1: 0.2}, {0: 0.1, 1: 0.1}, (0.0, 2.0)).p == 0.0


def test_where_most_are_equal_the_others_know_no_more_than_their_own_seeds_say() -> None:
    own = [-0.9, -0.95, -0.85]
    assert estimate(own, (0.0, 12.0)) == estimate(own, (0.0, 0.0))
    assert estimate(own, (0.0025, 12.0)).df > 2


@given(st.floats(-5, 5), st.floats(0.001, 5), st.integers(1, 30))
def test_a_two_sided_p_goes_with_the_interval(mean: float, error: float, df: int) -> None:
    found = Estimate(mean, error, float(df), df + 1)
    low, high = found.interval()
    assert (found.p_two < 0.05) == (low > 0 or high < 0) or math.isclose(found.p_two, 0.05, abs_tol=1e-6)


def test_the_best_is_nearly_always_among_those_not_told_apart() -> None:
    rng, kept, told = np.random.default_rng(2), 0, 0
    for _ in range(200):
        runs = [dict(enumerate(drawn(rng, mean, 0.01, 4))) for mean in (0.1, 0.105, 0.11, 0.12, 0.2)]
        may = not_told_apart(runs)
        kept += may[0]
        told += not may[4]
    assert kept >= 188
    assert told >= 195


def test_holms_correction_keeps_the_order() -> None:
    assert holm([0.04, 0.01, 0.03]) == [0.06, 0.03, 0.06]
    assert holm([]) == []


# the race


def run(race: Race, truth: dict[int, float], rng: np.random.Generator, deviation: float = 0.005, most: int = 200) -> int:
    """Run a race to its end; how many runs it took."""
    for number in range(most):
        due = race.next()
        if due is None:
            return number
        one, seed = due
        one.losses[seed] = truth[one.size] + deviation * rng.standard_normal()
    raise AssertionError("the race never ends")


def test_clear_losers_stop_and_close_ones_get_more_seeds() -> None:
    truth = {32: 0.1, 8: 0.4, 16: 0.105, 64: 0.1}  # the search's best first
    candidates = [candidate(units, []) for units in truth]
    run(Race(candidates, ACCURACY), truth, np.random.default_rng(0))
    seeds = {one.size: len(one.losses) for one in candidates}
    assert seeds[8] == 2
    assert min(seeds[16], seeds[32], seeds[64]) >= LEAST


def test_a_race_ends_when_differences_are_known_to_a_point() -> None:
    truth = {8: 0.1, 16: 0.1}
    calm, wild = ([candidate(units, []) for units in truth] for _ in range(2))
    assert run(Race(calm, ACCURACY), truth, np.random.default_rng(0), 0.001) == 2 * LEAST
    assert run(Race(wild, ACCURACY), truth, np.random.default_rng(0), 0.05) == 2 * MOST
    assert Race(calm, ACCURACY).settled()
    assert not Race(wild, ACCURACY).settled()


def test_the_margin_is_a_point_of_a_score_and_a_share_of_a_loss() -> None:
    assert Race([candidate(8, [-0.9, -0.9, -0.9])], ACCURACY).margin == 0.01
    assert Race([candidate(8, [5.0, 5.0, 5.0])], LOSS).margin == pytest.approx(0.1)


def test_seeds_are_taken_in_turn_and_in_strict_races_in_step() -> None:
    candidates = [candidate(8, []), candidate(16, [])]
    race = Race(candidates, ACCURACY, strict=True)
    first = race.next()
    assert first is not None
    race.start(*first)
    second = race.next()
    assert second is not None
    assert (first[0].size, first[1], second[0].size, second[1]) == (8, 0, 16, 0)
    race.start(*second)
    assert race.next() is None  # the first seeds are under way
    assert Race(candidates, ACCURACY).next() is not None


def test_the_searchs_best_has_enough_seeds_for_a_claim_before_others_begin() -> None:
    best, small = candidate(96, []), candidate(8, [])
    race, order = Race([best, small], ACCURACY), []
    for _ in range(2 * LEAST):
        due = race.next()
        assert due is not None
        race.start(*due)
        order.append(due[0].size)
    assert order == [96] * LEAST + [8] * LEAST
    while (due := race.next()) is not None:
        race.start(*due)
        assert abs(len(race.begun(best)) - len(race.begun(small))) <= 1


def test_no_seed_runs_twice_though_a_later_one_ended_first() -> None:
    one = candidate(8, [])
    one.losses = {0: 0.1, 2: 0.3}
    race = Race([one, candidate(16, [0.2, 0.1, 0.3])], ACCURACY)
    race.start(one, 1)
    assert race.next() is not None
    assert race.begun(one) == {0, 1, 2}
    found = Race([one, candidate(16, [0.2, 0.1, 0.3])], ACCURACY).next()
    assert found is not None
    assert found[1] == 1  # a run that was cut leaves a gap, which is filled


def test_what_failed_leaves_the_race() -> None:
    candidates = [candidate(8, [0.1, 0.1], failed="it diverged"), candidate(16, [0.2, 0.2])]
    assert [one.size for one in Race(candidates, ACCURACY).racing()] == [16]


def test_candidates_are_admitted_while_their_seeds_can_be_paid_for() -> None:
    candidates = [candidate(units, []) for units in (8, 16, 32, 64)]
    candidates[2].cost = 50.0
    assert [one.size for one in admitted(candidates, ACCURACY, 2.0 * USUAL)] == [8, 16]
    assert [one.size for one in admitted(candidates, ACCURACY, 3.0 * USUAL)] == [8, 16, 64]
    assert [one.size for one in admitted(candidates, ACCURACY, 0.0)] == [8]
    candidates[3].roles = (SMALL,)
    assert [one.size for one in admitted(candidates, ACCURACY, 2.0 * USUAL + LEAST)] == [8, 16, 64]


# the choice


def test_the_smallest_that_cannot_be_told_from_the_best_is_chosen() -> None:
    candidates = [candidate(64, [0.1, 0.11, 0.09]), candidate(16, [0.105, 0.1, 0.1]), candidate(8, [0.3, 0.31, 0.29])]
    assert [one.size for one in contenders(candidates)] == [64, 16]
    picks = {prefer: chosen(candidates, prefer, ACCURACY) for prefer in ("smallest", "one-se", "best")}
    assert {prefer: one.size for prefer, one in picks.items() if one} == {"smallest": 16, "one-se": 16, "best": 64}


def test_what_others_spread_does_not_excuse_a_smaller_one_that_lost_more_than_the_margin() -> None:
    unstable = [candidate(units, [0.05, 0.45, 0.05, 0.45]) for units in (128, 96, 48)]
    candidates = [candidate(12, [0.03, 0.031, 0.029, 0.03]), candidate(8, [0.03, 0.09, 0.05, 0.04]), *unstable]
    assert candidates[1] in contenders(candidates)
    assert chosen(candidates, "smallest", ACCURACY) is candidates[0]
    told = answered(evidence(candidates)).sentence
    assert "8 to 128 cannot be told apart (4 seeds each); 8 seems to cost 2.2 points (" in told


def test_a_failure_with_one_seed_is_no_noise_that_excuses_the_rest() -> None:
    steady = [candidate(units, [0.03, 0.032, 0.028, 0.03]) for units in (12, 16, 24)]
    failing = candidate(8, [0.029, 0.031, 0.45, 0.027])
    assert failing in contenders([*steady, failing])
    assert chosen([*steady, failing], "smallest", ACCURACY) is steady[0]


def test_a_loss_within_a_standard_error_of_the_difference_is_no_reason_for_a_larger_one() -> None:
    candidates = [candidate(64, [0.1, 0.16, 0.04, 0.1]), candidate(16, [0.125, 0.06, 0.16, 0.12])]
    assert chosen(candidates, "smallest", ACCURACY) is candidates[1]
    candidates = [candidate(64, [0.1, 0.12, 0.08, 0.1]), candidate(16, [0.125, 0.11, 0.13, 0.12])]
    assert chosen(candidates, "smallest", ACCURACY) is candidates[0]
    assert chosen(candidates, "one-se", ACCURACY) is candidates[0]


def test_with_too_few_seeds_the_smallest_within_the_margin_is_chosen() -> None:
    candidates = [candidate(64, [0.1]), candidate(8, [0.105, 0.105]), candidate(4, [0.2])]
    assert chosen(candidates, "smallest", ACCURACY) is candidates[1]
    assert chosen(candidates, "best", ACCURACY) is candidates[0]
    assert chosen([candidate(8, [])], "smallest", ACCURACY) is None


# a study


def test_a_study_races_its_sizes_and_the_defaults_on_seeds_no_trial_had(tmp_path: Path) -> None:
    default: Config = {"units": 8, "learning_rate": 0.001}
    executor = MadeUp(2)
    found = study(tmp_path, executor, trials=12, share=0.8, default=default)
    found.run()
    confirmed = events(tmp_path, "confirmed")
    asked = {event["seed"] for event in events(tmp_path, "asked")}
    assert {event["seed"] for event in confirmed}.isdisjoint(asked)
    assert confirmed[0]["trial"] == found.ledger.leaderboard()[0].id
    assert {event["config"]["units"] for event in confirmed} == {8, 16, 32}
    assert default in [event["config"] for event in confirmed if event["trial"] is None]
    by_number: dict[int, set[int]] = {}
    for event in confirmed:
        by_number.setdefault(event["number"], set()).add(event["seed"])
    assert all(len(seeds) == 1 for seeds in by_number.values())  # paired


def test_defaults_that_were_a_trial_are_still_what_the_chosen_is_held_against(tmp_path: Path) -> None:
    default: Config = {"units": 8, "learning_rate": 0.001}
    found = study(tmp_path, MadeUp(2), trials=12, share=0.8, default=default, first=[default])
    found.run()
    raced = found.confirmation.candidates()
    kept = next(one for one in raced if one.config == default)
    assert kept.trial == 0
    assert DEFAULTS in kept.roles
    assert len(kept.losses) >= LEAST
    assert raced.index(kept) <= BASELINE
    told = evidence([kept, candidate(32, [-0.99] * len(kept.losses))], prefer="best")
    assert "default" in [claim.question for claim in compared_of(told, (0.01, 4.0))]


@pytest.mark.parametrize(("share", "prefer", "first"), [(0.5, "smallest", 8), (0.9, "smallest", 32), (0.5, "best", 32)])
def test_where_little_can_be_paid_for_the_smallest_that_is_close_comes_first(
    tmp_path: Path, share: float, prefer: Prefer, first: int
) -> None:
    found = study(tmp_path, MadeUp(), "auto", share=share, prefer=prefer)
    for number, (units, scores) in enumerate([(32, [0.9, 0.8, 0.8, 0.8]), (16, [0.7, 0.6, 0.6, 0.6]), (8, [0.8, 0.895])]):
        config = {"units": units, "learning_rate": 0.01 / units}
        found.ledger.replay({"event": "asked", "trial": number, "config": config, "epochs": 9, "until": 9, "seed": 0})
        for epoch, score in enumerate(scores, 1):
            told = {"trial": number, "epoch": epoch, "metrics": {}, "seconds": 1.0, "score": score}
            found.ledger.apply({"event": "epoch", **told})
        sizes = {"parameters": units, "parameters_without_embedding": units}
        found.ledger.apply({"event": "finished", "trial": number, "score": max(scores), "best_epoch": 1, **sizes})
    candidates = found.confirmation.candidates()
    assert candidates[0].config["units"] == first
    assert [one.config["units"] for one in candidates if SMALL in one.roles] == ([8] if prefer == "smallest" else [])
    costs = {one.config["units"]: one.cost for one in candidates}
    assert costs == {32: 4.0, 16: 4.0, 8: 4.0}  # what paused is expected to take what those took that did not


def test_fresh_seeds_cost_no_more_than_their_share(tmp_path: Path) -> None:
    for share in (0.2, 0.5):
        found = study(tmp_path / str(share), MadeUp(), trials=10, share=share)
        found.run()
        spent = sum(event["epochs"] for event in events(tmp_path / str(share), "confirmed"))
        assert spent <= max(9, share / (1 - share) * found.ledger.epochs)


def test_a_resumed_study_keeps_its_fresh_seeds(tmp_path: Path) -> None:
    study(tmp_path, MadeUp(), trials=10, share=0.5).run()
    before = events(tmp_path, "confirmed")
    study(tmp_path, MadeUp(), trials=10, share=0.5).run()
    assert events(tmp_path, "confirmed") == before


@pytest.mark.parametrize("slots", [2, 4])
def test_deterministic_races_do_not_depend_on_the_number_of_workers(tmp_path: Path, slots: int) -> None:
    def raced(folder: Path, workers: int, seed: int) -> set[tuple[Any, ...]]:
        settings: dict[str, Any] = {"batch": 4, "trials": 10, "share": 0.8, "deterministic": True, "seed": seed}
        study(folder, MadeUp(workers, newest_first=workers > 2), **settings).run()
        return {(event["trial"], event["number"], event["score"]) for event in events(folder, "confirmed")}

    for seed in range(5):
        assert raced(tmp_path / f"one{seed}", 1, seed) == raced(tmp_path / f"more{seed}", slots, seed)


@pytest.mark.parametrize(("seconds", "kept"), [(10.0, True), (30.0, False)])
def test_no_time_is_kept_for_fresh_seeds_where_not_one_run_would_count(tmp_path: Path, seconds: float, kept: bool) -> None:
    found = study(tmp_path, MadeUp(), trials=6, share=0.4)
    found.search(found.search_left)
    best = found.ledger.best
    assert best is not None
    best.best_epoch, best.curve = 2, [{**epoch, "seconds": seconds} for epoch in best.curve]
    found.budget, found.clock = Budget(100.0), Clock(since=time.monotonic())
    assert (found.confirmation.reserve() > 0) == kept  # two epochs of 30 s are more than 40 % of 100 s
    found.clock = Clock(70.0 if kept else 50.0, since=time.monotonic())
    found.confirmation.open()
    for job in range(LEAST):
        due = found.confirmation.due()
        assert (due is not None) == kept
        if due is not None:  # as many as a claim needs begin at once, though none would come to its end
            assert due[1] == job
            found.confirmation.running[job] = due
    assert found.confirmation.due() is None


def test_a_killed_run_is_tried_once_more(tmp_path: Path) -> None:
    executor = MadeUp()
    found = study(tmp_path, executor, trials=4, share=0.4)
    found.search(found.search_left)
    best = found.ledger.leaderboard()[0].id
    executor.fate = {best: ["killed"]}
    found.run()
    assert [event["failed"] for event in events(tmp_path, "unconfirmed")] == [False]
    assert {event["trial"] for event in events(tmp_path, "confirmed")} == {best}


# the answer


def evidence(candidates: list[Candidate], objective: Objective = ACCURACY, **more: Any) -> Evidence:
    one = chosen(candidates, more.get("prefer", "smallest"), objective)
    assert one is not None
    settings: dict[str, Any] = {"prefer": "smallest", "records": [], "confirmed": {}, "baselines": {}, **more}
    return Evidence(objective, candidates, one, **settings)


def test_no_size_is_said_to_be_worse_that_had_one_seed() -> None:
    others = [candidate(8, [-0.8]), candidate(64, [-0.7])]
    told = answered(evidence([candidate(16, [-0.9, -0.901, -0.899]), *others])).sentence
    assert "No other size had seeds enough to be compared." in told
    assert "as good" not in told


def test_the_sentence_says_sizes_costs_and_structure() -> None:
    flat, deep = [-0.9, -0.902, -0.898, -0.901, -0.899], [-0.901, -0.899, -0.9, -0.903, -0.897]
    small = candidate(8, [-0.88, -0.881, -0.879, -0.882, -0.878])
    two = Candidate({"units": 16, "layers": 2}, (("layers", 2),), 7, -0.9, 40, 1.0, 1.0, dict(enumerate(deep)))
    first = candidate(16, flat, roles=(("units", 16), ("layers", 1)))
    answer = answered(evidence([first, candidate(64, deep), small, two]))
    assert answer.units == 16
    assert answer.interval == (16, 64)
    assert answer.sentence.startswith("16 units. 16 to 64 cannot be told apart (5 seeds each); 8 costs 2.0 points (1.")
    assert "A second layer: +0.0" in answer.sentence
    assert answer.settled
    cost = next(one for one in answer.raced if one.units == 8)
    assert cost.apart
    assert (cost.cost_low or 0) > 0.015


def test_a_race_that_was_cut_does_not_call_sizes_worse() -> None:
    some = [
        candidate(16, [-0.9, -0.901, -0.899]),
        candidate(32, [-0.9, -0.902]),
        candidate(8, [-0.901, -0.899]),
        candidate(64, [-0.9]),
    ]
    answer = answered(evidence([*some, candidate(128, [])]))
    assert answer.interval == (8, 32)
    assert "8 to 32 cannot be told apart (2 to 3 seeds each). 64 had one seed, too few to compare." in answer.sentence
    assert {one.units for one in answer.raced} == {8, 16, 32, 64}


def test_who_was_never_raced_does_not_unsettle_the_race() -> None:
    raced = [candidate(16, [-0.9, -0.901, -0.899]), candidate(8, [-0.9, -0.902, -0.9])]
    answer = answered(evidence([*raced, candidate(256, [])]))
    assert answer.settled
    assert (answer.half_width or 1.0) <= answer.margin


def test_who_leads_on_two_seeds_keeps_the_others_from_being_chosen() -> None:
    leader = candidate(256, [-0.94, -0.941])
    others = [candidate(8, [-0.9, -0.9, -0.901, -0.9]), candidate(16, [-0.9, -0.901, -0.9, -0.899])]
    assert chosen([leader, *others], "smallest", ACCURACY) is leader


def test_with_one_seed_the_answer_claims_nothing_about_sizes() -> None:
    answer = answered(evidence([candidate(16, [-0.9])]))
    assert answer.sentence == "16 units. 1 run on a fresh seed is too few to compare sizes; a longer --budget tells more."
    assert answer.half_width is None
    assert not answer.settled


@pytest.mark.parametrize(("low", "learned"), [(0.48, False), (0.55, True)])
def test_where_nothing_was_learned_nothing_is_claimed(low: float, learned: bool) -> None:
    test = {"metrics": {"accuracy": 0.6}, "low": low, "high": 0.65, "rows_low": low, "rows_high": 0.65, "seeds": 3}
    baselines = {"majority": {"test": {"accuracy": 0.5}}}
    candidates = [candidate(16, [-0.5, -0.52, -0.51]), candidate(8, [-0.51, -0.5, -0.53])]
    answer = answered(evidence(candidates, test=test, baselines=baselines))
    assert answer.learned is learned
    assert ("nothing was learned" in answer.sentence) is not learned
    assert not answer.importance


def test_claims_of_a_loss_are_told_in_its_own_unit() -> None:
    assert Scale(LOSS).cost(0.0193, 0.012, 0.026) == "0.0193 of loss (0.012 to 0.026)"
    candidates = [candidate(16, [0.5, 0.51, 0.49]), candidate(8, [0.7, 0.71, 0.69])]
    assert "8 costs 0.2 of loss" in answered(evidence(candidates, LOSS)).sentence


def test_optimism_is_what_the_best_score_promised_too_much() -> None:
    lucky = candidate(16, [-0.9, -0.9, -0.9])
    lucky.search = -0.95
    assert answered(evidence([lucky])).optimism == pytest.approx(0.05)


def test_a_search_ends_with_an_answer_from_fresh_seeds(tmp_path: Path, here: Here) -> None:
    argv = ["--task", "memory", *small_flags("memory"), "--units", "2,16", "--trials", "6", "--max-epochs", "4", "--confirm", "0.8"]
    argv += ["--out", str(tmp_path / "run"), "--workers", "2", "--seed", "1", "--json", "--refit"]
    status, out, err = here("search", *argv)
    assert status == 0, err
    best = Best.model_validate_json(json.dumps({k: v for k, v in json.loads(out).items() if k != "folder"}))
    assert best.answer is not None
    assert best.answer.seeds >= LEAST
    assert best.scores.validation.n == best.answer.seeds
    assert best.training.refit
    assert best.answer.sentence.startswith(f"{best.answer.units} units.")
    confirmed = [event for event in read(tmp_path / "run" / "trials.jsonl") if event["event"] == "confirmed"]
    rows = {path.name for path in (tmp_path / "run" / "confirmed").iterdir()}
    assert len(rows) == len(confirmed)
    with np.load(tmp_path / "run" / "confirmed" / sorted(rows)[0]) as columns:
        assert len(columns["count"]) == best.data.rows["valid"]
    assert len(list((tmp_path / "run" / "checkpoints" / "fresh").iterdir())) == 1  # the chosen one's


def test_more_than_one_network_is_tested_and_the_interval_says_so(tmp_path: Path, here: Here) -> None:
    argv = [
        "--task",
        "memory",
        *small_flags("memory"),
        "--fix",
        "units=8",
        "--trials",
        "4",
        "--max-epochs",
        "3",
        "--confirm",
        "0.8",
    ]
    status, _, err = here("search", *argv, "--out", str(tmp_path / "run"), "--workers", "2")
    assert status == 0, err
    best = Best.model_validate_json((tmp_path / "run" / "best.json").read_text())
    assert best.scores.test is not None
    assert best.scores.test.seeds == best.scores.validation.n >= LEAST
    assert best.scores.test.delivered is not None
    assert (best.scores.test.low or 1.0) <= best.scores.test.value <= (best.scores.test.high or 0.0)
