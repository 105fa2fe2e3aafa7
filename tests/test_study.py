"""The study's loop with a made-up executor and clock-free trials: retries, promotions, budgets, deterministic order."""

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import STRATEGY_NAMES, small_task

from tuning.budget import Budget, Clock
from tuning.cost import CostModel
from tuning.delivery import awaited
from tuning.errors import BadFile, BadValue, Mistake
from tuning.executors import Message
from tuning.journal import Journal, read
from tuning.ledger import Ledger, Record
from tuning.objective import Objective
from tuning.space import Config, Grid, Interval, Parameter, Space
from tuning.strategies import STRATEGIES, Setting
from tuning.study import Study
from tuning.timing import Timing
from tuning.training.jobs import Job, ModelRef
from tuning.trial import Decision, Trial, derived_seed

SPACE = Space(
    parameters=(
        Parameter(name="units", domain=Grid(values=(8, 16, 32), default=8)),
        Parameter(name="learning_rate", domain=Interval(low=1e-4, high=1e-2, log=True, default=1e-3)),
    )
)


class MadeUp:
    """An executor whose trials end at once; `fate` says how each attempt goes."""

    def __init__(self, slots: int = 1, fate: dict[int, list[str]] | None = None, newest_first: bool = False) -> None:
        self.slots, self.fate, self.newest_first = slots, fate or {}, newest_first
        self.jobs: list[Job] = []
        self.epochs: dict[int, int] = {}
        self.submitted: list[Job] = []

    def submit(self, job: Job) -> None:
        assert len(self.jobs) < self.slots
        self.jobs.append(job)
        self.submitted.append(job)
        self.epochs[job.id] = 0

    def poll(self, timeout: float) -> list[Message]:
        if not self.jobs:
            return []
        job = self.jobs[-1 if self.newest_first else 0]
        fates = self.fate.get(job.trial, [])
        if fates:
            kind = fates.pop(0)
            self.jobs.remove(job)
            return [Message("failed", job.id, {"kind": kind, "reason": f"it was {kind}"})]
        self.epochs[job.id] += 1
        epoch = self.epochs[job.id]
        score = derived_seed(str(job.config), job.seed) / 2**31
        if epoch > job.epochs:
            self.jobs.remove(job)
            Path(job.checkpoint).parent.mkdir(parents=True, exist_ok=True)
            Path(job.checkpoint).write_bytes(b"state")
            sizes = {"parameters": 10, "parameters_without_embedding": 10}
            body: dict[str, Any] = {"score": score, "best_epoch": 1, "epochs": job.epochs, "seconds": 1.0, "cut": False, **sizes}
            return [Message("done", job.id, body)]
        told: dict[str, Any] = {"epoch": epoch, "score": score, "seconds": 0.001, "metrics": {"val_accuracy": score}}
        return [Message("epoch", job.id, told)]

    def reply(self, job: int, decision: str) -> None:
        if decision != "continue":
            self.epochs[job] = 10**6

    def stop(self, job: int) -> None:
        self.jobs = [one for one in self.jobs if one.id != job]

    def close(self) -> None:
        self.jobs = []


JOURNALS: list[Journal] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the journals of the studies a test made."""
    yield
    while JOURNALS:
        JOURNALS.pop().close()


def study(folder: Path, executor: MadeUp, strategy: str = "random", **more: Any) -> Study:
    folder.mkdir(exist_ok=True)
    objective, trials = Objective.parse("val_accuracy"), more.pop("trials", 8)
    batch, first = more.pop("batch", None), more.pop("first", [])
    ledger = Ledger(STRATEGIES[strategy](Setting(SPACE, objective, 0, 9, trials)), objective, batch)
    path = folder / "trials.jsonl"
    JOURNALS.append(Journal(path))
    for event in read(path) if path.exists() else ():
        ledger.replay(event)
    for record in ledger.records.values():
        record.status = "waiting" if record.status == "running" else record.status
    budget = Budget(None, trials, more.pop("epochs", None))
    settings: dict[str, Any] = {"model": ModelRef(), "seed": 0, "max_epochs": 9, "patience": 3, **more}
    return Study(folder, ledger, executor, JOURNALS[-1], budget=budget, clock=Clock(since=0.0), first=first, **settings)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(folder / "trials.jsonl") if event["event"] == kind]


def test_every_trial_is_asked_started_and_finished_once(tmp_path: Path) -> None:
    study(tmp_path, MadeUp(2)).run()
    for kind in ("asked", "started", "finished"):
        assert sorted(event["trial"] for event in events(tmp_path, kind)) == list(range(8))


def test_the_best_is_trained_again_on_a_seed_no_trial_had_unless_no_share_is_for_that(tmp_path: Path) -> None:
    found = study(tmp_path / "shared", MadeUp(), share=0.4)
    found.run()
    confirmed = events(tmp_path / "shared", "confirmed")
    assert found.ledger.leaderboard()[0].id in [event["trial"] for event in confirmed]
    assert not {event["seed"] for event in confirmed} & {event["seed"] for event in events(tmp_path / "shared", "asked")}
    study(tmp_path / "alone", MadeUp()).run()
    assert not events(tmp_path / "alone", "confirmed")


@pytest.mark.parametrize(
    ("fates", "tries", "told"), [("killed", 2, ""), ("killed killed", 2, "it was killed"), ("hung", 1, "it was hung")]
)
def test_a_delivery_that_was_killed_is_tried_once_more(tmp_path: Path, fates: str, tries: int, told: str) -> None:
    executor = MadeUp(fate={7: fates.split()})
    job = Job(id=1, kind="deliver", data="", model=ModelRef(), trial=7, checkpoint=str(tmp_path / "state"))
    with pytest.raises(BadValue, match=told) if told else nullcontext():
        assert awaited(executor, job)["score"] is not None
    assert len(executor.submitted) == tries


def test_what_is_recorded_is_trained_to_its_end_whatever_the_strategy_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, record_whole in (("searched", False), ("recorded", True)):
        found = study(tmp_path / name, MadeUp(), record_whole=record_whole)
        monkeypatch.setattr(found.ledger.strategy, "report", lambda *_: Decision.STOP)
        found.search(found.search_left)
        assert {event["epochs"] for event in events(tmp_path / name, "finished")} == {9}  # as MadeUp tells
        assert {event["epoch"] for event in events(tmp_path / name, "decided")} == {9 if record_whole else 1}


class Dear(CostModel):
    """Trials of 32 units never end in time."""

    def __init__(self) -> None:
        self.observed: list[Config] = []

    def observe(self, config: Config, seconds: Sequence[float], cold: bool = True) -> None:
        self.observed.append(config)

    def epoch(self, config: Config) -> float:
        return 1e6 if config["units"] == 32 else 0.0

    def start(self, config: Config) -> float:
        return 0.0


def test_what_cannot_end_in_time_is_not_started(tmp_path: Path) -> None:
    costs = Dear()
    found = study(tmp_path, MadeUp(2), trials=20, timing=Timing(costs=costs))
    found.budget, found.clock = Budget(3600.0, 20, None), Clock()
    found.run()
    asked = {event["trial"]: event["config"]["units"] for event in events(tmp_path, "asked")}
    started = {event["trial"] for event in events(tmp_path, "started")}
    assert started == {trial for trial, units in asked.items() if units != 32}
    assert set(asked.values()) == {8, 16, 32}
    assert all(config["units"] != 32 for config in costs.observed)


def test_the_start_of_a_first_epoch_is_not_taken_for_that_of_every_epoch_of_the_last_training() -> None:
    """A short search with --refit kept twelve times the seconds in which its first network was traced, and ended at once."""
    spec = small_task("sentiment").spec
    timing = Timing(costs=CostModel(spec.input, spec.output, 84, 15))
    record = Record(0, {"units": 8, "embedding": 16, "batch_size": 32}, 0, 12, 12)
    record.curve = [{"epoch": 1, "seconds": 0.9, "metrics": {}}]
    assert timing.refit(record, 12) < 4 < timing.again(record, 12)
    record.curve = [{"epoch": number, "seconds": 0.9, "metrics": {}} for number in (1, 2)]
    assert timing.refit(record, 12) == timing.again(record, 12)


def test_what_is_cut_by_the_end_of_the_time_or_of_the_epochs_has_paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = study(tmp_path / "time", MadeUp(), trials=1, timing=Timing())
    monkeypatch.setattr(found.timing, "coming", lambda job, config: 1e9)
    found.budget, found.clock = Budget(1e6, 1, None), Clock(since=time.monotonic())
    found.search(found.search_left)
    study(tmp_path / "epochs", MadeUp(), trials=1, epochs=4).run()
    for name, epoch in (("time", 1), ("epochs", 4)):
        told = [(event["epoch"], event["decision"]) for event in events(tmp_path / name, "decided")]
        assert told == [(epoch, "pause")]


def test_a_dear_trial_may_be_silent_for_longer(tmp_path: Path) -> None:
    executor = MadeUp()
    study(tmp_path, executor, timing=Timing(costs=Dear()), trials=9).run()
    silences = {job.config["units"]: job.silence for job in executor.submitted[-4:]}
    assert all(silence == (2e7 if units == 32 else 60.0) for units, silence in silences.items())


def test_what_others_leave_among_the_checkpoints_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".DS_Store").write_text("")
    study(tmp_path, MadeUp()).run()
    assert (tmp_path / "checkpoints" / ".DS_Store").exists()


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["epoch", "finished", "failed"]), st.floats(0, 1)), max_size=30))
def test_the_best_is_the_first_of_the_leaderboard_after_every_event(steps: list[tuple[int, str, float]]) -> None:
    objective = Objective.parse("val_accuracy")
    ledger = Ledger(STRATEGIES["random"](Setting(SPACE, objective, 0, 9, None)), objective)
    for number in range(6):
        asked = ledger.propose()
        assert isinstance(asked, Trial)
        ledger.apply({"event": "asked", "trial": number, "config": asked.config, "epochs": 9, "until": 9, "seed": 1})
    for number, kind, score in steps:
        if number not in ledger.open:
            continue
        sizes = {"parameters": 10 + number, "parameters_without_embedding": 1}
        known = len(ledger.records[number].curve)
        epoch = {"epoch": known + 1, "score": score, "seconds": 1.0, "metrics": {}}
        told = epoch if kind == "epoch" else {"score": score, "best_epoch": 1, "retry": False, "reason": "it broke"}
        ledger.apply({"event": kind, "trial": number, **told, **sizes})
        board = ledger.leaderboard()
        assert ledger.best is (board[0] if board else None)


@pytest.mark.parametrize("kind", ["killed", "memory", "hung"])
def test_a_killed_attempt_is_tried_once_more(tmp_path: Path, kind: str) -> None:
    study(tmp_path, MadeUp(fate={2: [kind]})).run()
    assert [(event["trial"], event["retry"]) for event in events(tmp_path, "failed")] == [(2, True)]
    assert 2 in {event["trial"] for event in events(tmp_path, "finished")}


def test_a_second_kill_ends_the_trial_and_not_the_search(tmp_path: Path) -> None:
    found = study(tmp_path, MadeUp(fate={2: ["killed", "killed"]}))
    found.run()
    assert [event["retry"] for event in events(tmp_path, "failed")] == [True, False]
    assert found.ledger.records[2].status == "failed"
    assert 2 not in {record.id for record in found.ledger.leaderboard()}
    assert len(events(tmp_path, "finished")) == 7


@pytest.mark.parametrize("kind", ["diverged", "raised"])
def test_what_would_fail_again_is_not_tried_again(tmp_path: Path, kind: str) -> None:
    study(tmp_path, MadeUp(fate={1: [kind]})).run()
    assert [event["retry"] for event in events(tmp_path, "failed")] == [False]


def test_when_all_first_trials_fail_the_search_says_so(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="first 5 trials all failed; the last: it was raised"):
        study(tmp_path, MadeUp(fate={trial: ["raised"] for trial in range(8)})).run()


def test_a_mistake_of_the_users_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="it was mistake"):
        study(tmp_path, MadeUp(fate={0: ["mistake"]})).run()


def test_the_epochs_of_a_budget_are_never_exceeded(tmp_path: Path) -> None:
    found = study(tmp_path, MadeUp(2), trials=None, epochs=31)
    found.run()
    assert found.ledger.epochs == 31


def test_a_promotion_goes_on_with_its_trials_state(tmp_path: Path) -> None:
    executor = MadeUp()
    found = study(tmp_path, executor, "hyperband")
    found.run()
    promoted = [event for event in events(tmp_path, "decided") if event["decision"] == "promote"]
    assert promoted
    again = [job for job in executor.submitted if job.trial == promoted[0]["trial"] and "/fresh/" not in job.checkpoint]
    assert [job.epochs for job in again][:2] == sorted({job.epochs for job in again})[:2]
    assert again[1].restore.endswith("1/state.npz")


def test_states_that_nobody_needs_are_removed(tmp_path: Path) -> None:
    found = study(tmp_path, MadeUp())
    found.run()
    left = {int(path.name) for path in (tmp_path / "checkpoints").iterdir() if path.name.isdigit()}
    assert left == {found.ledger.leaderboard()[0].id}


def test_the_users_configurations_come_first(tmp_path: Path) -> None:
    wanted: list[Config] = [{"units": 32, "learning_rate": 0.005}, {"units": 16, "learning_rate": 0.002}]
    study(tmp_path, MadeUp(), first=wanted).run()
    assert [event["config"] for event in events(tmp_path, "asked")][:2] == wanted


def test_a_given_configuration_is_run_once_however_it_is_written(tmp_path: Path) -> None:
    long: Config = {"units": 32, "learning_rate": 0.0016738085788752134}
    study(tmp_path, MadeUp(), "grid", first=[long, dict(long)]).run()
    asked = [event["config"] for event in events(tmp_path, "asked")]
    assert asked[0] == {"units": 32, "learning_rate": 0.00167381}
    assert len({str(config) for config in asked}) == len(asked) == 8


def test_more_given_configurations_than_trials(tmp_path: Path) -> None:
    given: list[Config] = [{"units": units, "learning_rate": 0.001} for units in (8, 16, 32)]
    for strategy in STRATEGY_NAMES:
        study(tmp_path / strategy, MadeUp(), strategy, first=given, trials=2).run()
        assert len({event["trial"] for event in events(tmp_path / strategy, "asked")}) == 2


def test_when_the_fresh_run_fails_the_searchs_weights_are_delivered(tmp_path: Path) -> None:
    executor = MadeUp()
    found = study(tmp_path, executor, trials=1, share=0.4)
    found.search(found.search_left)
    executor.fate = {0: ["diverged"] * 5}
    found.run()
    assert not events(tmp_path, "confirmed")
    assert sum("/fresh/" in job.checkpoint for job in executor.submitted) == 1


def told(folder: Path) -> dict[int, tuple[Config, float]]:
    configs = {event["trial"]: event["config"] for event in events(folder, "asked")}
    return {event["trial"]: (configs[event["trial"]], event["score"]) for event in events(folder, "finished")}


def test_smaller_sizes_are_tried_late_in_a_search_that_is_confirmed(tmp_path: Path) -> None:
    widths = {"units": (8, 16, 32)}
    for name, share in (("alone", 0.0), ("confirmed", 0.3)):
        late = study(tmp_path / name, MadeUp(2), trials=40, share=share, widths=widths)
        late.search(late.search_left)
    seen = {name: [event["config"] for event in events(tmp_path / name, "asked")] for name in ("alone", "confirmed")}
    assert seen["confirmed"][:20] == seen["alone"][:20]
    assert seen["confirmed"] != seen["alone"]
    rates = [config["learning_rate"] for config in seen["confirmed"]]
    assert len(rates) > len(set(rates))  # another size with the best's rate


RATE = 1e-3


class OneRate(MadeUp):
    """Of one learning rate all networks learn alike; others are worse."""

    def poll(self, timeout: float) -> list[Message]:
        messages = super().poll(timeout)
        for message in messages:
            job = next(job for job in self.submitted if job.id == message.job)
            message.body["score"] = 0.9 if job.config["learning_rate"] == RATE else 0.5
        return messages


@pytest.mark.parametrize("deterministic", [False, True])
def test_the_best_made_smaller_goes_on_where_the_strategy_would_pause_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    first: list[Config] = [{"units": 32, "learning_rate": RATE}]
    more: dict[str, Any] = {"share": 0.3, "widths": {"units": (8, 16, 32)}, "deterministic": deterministic}
    late = study(tmp_path, OneRate(2), trials=12, first=first, **more)

    def report(trial: Trial, epoch: int, score: float) -> Decision:
        return Decision.PAUSE if trial.id else Decision.CONTINUE

    monkeypatch.setattr(late.ledger.strategy, "report", report)  # it looks at first epochs alone
    late.search(late.search_left)
    records = list(late.ledger.records.values())
    lengths = {record.config["units"]: len(record.curve) for record in records if record.config["learning_rate"] == RATE}
    smaller = 1 if deterministic else 9  # what is best when an epoch is told depends on the order
    assert lengths == {32: 9, 16: smaller, 8: smaller}
    assert {len(record.curve) for record in records if record.config["learning_rate"] != RATE} == {1}


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_deterministic_studies_do_not_depend_on_the_number_of_workers(tmp_path: Path, strategy: str) -> None:
    results = []
    for number, (slots, newest) in enumerate([(1, False), (2, True), (4, False), (4, True)]):
        study(tmp_path / str(number), MadeUp(slots, newest_first=newest), strategy, batch=4, trials=10).run()
        results.append(told(tmp_path / str(number)))
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("strategy", ["random", "asha", "auto"])
def test_nor_does_what_is_tried_late(tmp_path: Path, strategy: str) -> None:
    results = []
    for number, (slots, newest) in enumerate([(1, False), (3, True), (4, True)]):
        executor = MadeUp(slots, newest_first=newest)
        late = study(tmp_path / str(number), executor, strategy, batch=4, trials=32, share=0.3, widths={"units": (8, 16, 32)})
        late.search(late.search_left)
        results.append(told(tmp_path / str(number)))
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
@pytest.mark.parametrize("batch", [None, 4])
def test_cut_anywhere_and_resumed_a_study_is_the_same(tmp_path: Path, strategy: str, batch: int | None) -> None:
    study(tmp_path / "whole", MadeUp(), strategy, batch=batch).run()
    lines = (tmp_path / "whole" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines), 1 + len(lines) // (3 if strategy == "bayesian" else 7)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / "trials.jsonl").write_bytes(b"".join(lines[:cut]) + lines[cut][:9])
        study(folder, MadeUp(), strategy, batch=batch).run()
        assert told(folder) == told(tmp_path / "whole")
        assert len(events(folder, "finished")) == len(events(tmp_path / "whole", "finished"))


def test_an_edited_journal_is_refused(tmp_path: Path) -> None:
    study(tmp_path, MadeUp(), "hyperband").run()
    path = tmp_path / "trials.jsonl"
    path.write_text(path.read_text().replace('"trial":3', '"trial":30'))
    with pytest.raises(BadFile, match="trial 30 does not follow"):
        study(tmp_path, MadeUp(), "hyperband")
