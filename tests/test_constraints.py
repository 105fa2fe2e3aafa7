"""Limits on the network, and two objectives at once."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Here, small_flags

from tuning.constraints import Constraints
from tuning.errors import BadValue, Infeasible, UnknownName
from tuning.front_page import front_page
from tuning.journal import read
from tuning.ledger import Ledger, Record
from tuning.objective import Objective, objectives
from tuning.report.source import Silent
from tuning.space import Grid, Parameter, Space
from tuning.strategies import STRATEGIES, Setting
from tuning.trade import TradeLedger, front
from tuning.trial import DONE, Decision, Result, Status, Trial

SPACE = Space(parameters=(Parameter(name="units", domain=Grid(values=(8, 16), default=8)),))


def record(number: int, score: float | None, parameters: int, **more: Any) -> Record:
    return Record(number, {"units": 8}, 0, 9, 9, status="completed", completed=True, score=score, parameters=parameters, **more)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(folder / "trials.jsonl") if event["event"] == kind]


def test_what_is_above_a_limit_is_infeasible() -> None:
    limits = Constraints(parameters=100, latency_ms=2.0)
    limits.check(100, 2.0)
    with pytest.raises(Infeasible, match="101 parameters are more than --max-params 100"):
        limits.check(101, None)
    with pytest.raises(Infeasible, match=r"2\.5 ms a prediction"):
        limits.check(1, 2.5)
    assert not Constraints(parameters=1).need_latency
    assert Constraints(timed=True).need_latency


@pytest.mark.parametrize("text", ["val_accuracy,params", "val_accuracy,", "val_accuracy,parameters,latency_ms", ",parameters"])
def test_a_second_objective_is_one_that_there_is(text: str) -> None:
    with pytest.raises((BadValue, UnknownName), match="objective"):
        objectives(text)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_nothing_beats_the_front_and_all_else_is_beaten(points: list[tuple[int, int]]) -> None:
    records = [record(number, score / 10, size) for number, (size, score) in enumerate(points)]
    found = front(records, Objective.parse("val_accuracy"), "parameters")
    kept = {(r.parameters, r.score) for r in found}
    assert len(kept) == len(found)
    for one in records:
        beaten = any(
            r.parameters <= one.parameters
            and (r.score or 0) >= (one.score or 0)
            and (r.parameters, r.score) != (one.parameters, one.score)
            for r in records
        )
        assert beaten != ((one.parameters, one.score) in kept)


def test_what_did_not_complete_is_not_on_the_front() -> None:
    failed = record(1, 0.9, 5)
    failed.status = "infeasible"
    objective = Objective.parse("val_loss")
    assert front([failed, record(2, 0.5, 50), record(3, 0.4, 40, latency_ms=1.0)], objective, "latency_ms")[0].id == 3


def test_the_page_shows_the_front_and_not_what_is_far_from_it() -> None:
    known = [record(0, 0.90, 1000), record(1, 0.95, 2000), record(2, 0.89, 1900), record(3, 0.94, 900_000), record(4, 0.10, 1500)]
    page = front_page(known, Objective.parse("val_accuracy"), "parameters")
    drawn = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert drawn
    ends = [json.loads(drawn[1])["layout"][axis]["range"] for axis in ("xaxis", "yaxis")]
    inside = [
        one.id
        for one in known
        if all(low < at < high for (low, high), at in zip(ends, (math.log10(one.parameters), one.score or 0.0), strict=True))
    ]
    assert inside == [0, 1, 2]
    assert "5 trials" in page
    assert "2 of them on the front" in page


def test_each_trial_is_judged_by_a_mixture_of_its_own() -> None:
    objective = Objective.parse("val_accuracy")
    setting = Setting(space=SPACE, objective=objective, seed=0, max_epochs=4)
    ledger = TradeLedger(STRATEGIES["random"](setting), objective, None, "parameters", 0)
    low = ledger.judged(record(0, 0.5, 100), Result(Status.COMPLETED, 0.5)).score
    both = ledger.judged(record(1, 0.9, 10), Result(Status.COMPLETED, 0.9)).score
    neither = ledger.judged(record(2, 0.4, 200), Result(Status.COMPLETED, 0.4)).score
    assert low is not None
    assert both is not None
    assert neither is not None
    assert both > neither
    assert ledger.judged(record(3, None, 10), Result(Status.FAILED)).score is None


def test_a_mixture_is_never_compared_with_a_score() -> None:
    objective = Objective.parse("val_accuracy")
    setting = Setting(space=SPACE, objective=objective, seed=0, max_epochs=4)
    strategy = STRATEGIES["auto"](setting)
    for _ in range(6):  # auto would pause what is hopeless
        trial = strategy.ask()
        assert isinstance(trial, Trial) or trial is DONE
        if isinstance(trial, Trial):
            strategy.tell(trial, Result(Status.COMPLETED, 0.9, None, (0.8, 0.9, 0.9, 0.9)))
    ledger = TradeLedger(strategy, objective, None, "parameters", 0)
    told = ledger.judged(record(0, 0.5, 100), Result(Status.COMPLETED, 0.5, None, (0.4, 0.5)))
    assert told.curve == ()
    assert ledger.report(record(0, 0.0, 100), 1, 0.0) is Decision.CONTINUE


def test_networks_above_a_limit_are_not_trained(tmp_path: Path, here: Here) -> None:
    argv = ["--task", "memory", *small_flags("memory"), "--units", "4,64", "--max-params", "1500", "--try", "units=64"]
    argv += ["--try", "units=4", "--trials", "3", "--max-epochs", "1", "--out", "run", "--workers", "1", "--deterministic"]
    status, _, err = here("search", *argv, "--strategy", "random")
    assert status == 0, err
    asked = {event["trial"]: event["config"]["units"] for event in events(tmp_path / "run", "asked")}
    refused = {event["trial"] for event in events(tmp_path / "run", "failed") if event["kind"] == "infeasible"}
    assert refused == {trial for trial, units in asked.items() if units == 64}
    assert 0 in refused
    assert {event["trial"] for event in events(tmp_path / "run", "epoch")} == asked.keys() - refused
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    assert best["search"]["infeasible"] == len(refused)
    assert "is not trained" in err


def test_two_objectives_end_in_a_front(tmp_path: Path, here: Here) -> None:
    argv = ["--task", "memory", *small_flags("memory"), "--units", "2,8,32", "--objective", "val_accuracy,latency_ms"]
    status, out, err = here("search", *argv, "--trials", "3", "--max-epochs", "2", "--out", "run", "--workers", "0")
    assert status == 0, err
    front_told = json.loads((tmp_path / "run" / "best.json").read_text())["search"]["front"]
    assert front_told
    assert all(point["latency_ms"] > 0 for point in front_told)
    told = events(tmp_path / "run", "epoch")
    assert all(event["latency_ms"] > 0 for event in told)  # an attempt that goes on does not measure it again
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for event in read(tmp_path / "run" / "trials.jsonl"):
        ledger.apply({name: value for name, value in event.items() if name != "latency_ms" or event["event"] == "epoch"})
    assert {record.latency_ms for record in ledger.records.values()} >= {point["latency_ms"] for point in front_told}
    scores = [point["score"] for point in front_told]
    assert scores == sorted(set(scores))
    assert "the front" in out
    page = (tmp_path / "run" / "front.html").read_text()
    assert "val_accuracy and milliseconds a prediction" in page
