"""The same 16 configurations, 3 epochs each, on the movie-review sentences: KerasTuner, Optuna, and here with 1 and 2 workers.

    python benchmarks/throughput.py [--data ../shared/data/mr] [--peers kerastuner,optuna]

Seconds a configuration: from the beginning of a trial to its end, over the number of trials side by side. Interleaved: each
system runs each block of four configurations before any runs the next block. Resumable by system and block. The peers run as
their documentation shows: KerasTuner's GridSearch over the list of configurations, Optuna's enqueued trials with `model.fit`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from records import SHARED, History
from scipy import stats

EPOCHS, BATCH, BLOCK = 3, 64, 4
SYSTEMS = ("kerastuner", "optuna", "here-1", "here-2")
Outcome = dict[str, Any]


def configurations() -> list[dict[str, Any]]:
    """16 of them, drawn once."""
    rng = np.random.default_rng(20261122)
    drawn: list[dict[str, Any]] = []
    for units in np.repeat([8, 16, 24, 32, 48, 64, 96, 128], 2):
        drawn.append(
            {
                "units": int(units),
                "layers": int(rng.choice([1, 1, 2])),
                "bidirectional": bool(rng.random() < 0.5),
                "dropout": float(rng.choice([0.0, 0.2, 0.4])),
                "embedding": int(rng.choice([32, 64, 128])),
                "learning_rate": float(f"{np.exp(rng.uniform(np.log(1e-3), np.log(1e-2))):.6g}"),
            }
        )
    order = rng.permutation(len(drawn))
    return [drawn[index] for index in order]


def network(config: dict[str, Any], vocabulary: int) -> Any:
    """The configuration as a Keras user writes it."""
    import keras

    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(vocabulary, config["embedding"], mask_zero=True)(inputs)
    if config["dropout"]:
        x = keras.layers.Dropout(config["dropout"])(x)
    for _ in range(config["layers"]):
        layer = keras.layers.LSTM(config["units"], return_sequences=True)
        x = keras.layers.Bidirectional(layer)(x) if config["bidirectional"] else layer(x)
        if config["dropout"]:
            x = keras.layers.Dropout(config["dropout"])(x)
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(config["learning_rate"], clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def arrays(data: Path) -> tuple[Any, ...]:
    """Whole padded arrays, as the peers' documentation uses them, and the vocabulary's size."""
    from tuning import load_task

    task = load_task("sentiment", data=str(data))
    train, valid = task.splits["train"], task.splits["valid"]
    return train.x, train.y, valid.x, valid.y, task.spec.input.size


def with_kerastuner(configs: list[dict[str, Any]], data: Path) -> list[Outcome]:
    """A GridSearch over the list."""
    import keras
    import keras_tuner

    x, y, valid_x, valid_y, vocabulary = arrays(data)
    told: list[Outcome] = []

    class Listed(keras_tuner.HyperModel):  # type: ignore[misc]  # KerasTuner ships no types
        def build(self, hp: Any) -> Any:
            return network(configs[hp.Choice("configuration", list(range(len(configs))))], vocabulary)

    class Told(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            Told.score = float(logs["val_accuracy"])

    class Timed(keras_tuner.GridSearch):  # type: ignore[misc]  # KerasTuner ships no types
        def on_trial_begin(self, trial: Any) -> None:
            self.began = time.perf_counter()
            super().on_trial_begin(trial)

        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            index = trial.hyperparameters.values["configuration"]
            told.append({"index": index, "seconds": time.perf_counter() - self.began, "score": Told.score})

    with tempfile.TemporaryDirectory() as folder:
        tuner = Timed(Listed(), objective="val_accuracy", directory=folder, project_name="listed", overwrite=True)
        given = {"validation_data": (valid_x, valid_y), "epochs": EPOCHS, "batch_size": BATCH}
        tuner.search(x, y, callbacks=[Told()], verbose=0, **given)
    return told


def with_optuna(configs: list[dict[str, Any]], data: Path) -> list[Outcome]:
    """Enqueued trials of one study."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    x, y, valid_x, valid_y, vocabulary = arrays(data)
    told: list[Outcome] = []

    def objective(trial: Any) -> float:
        start, index = time.perf_counter(), trial.suggest_categorical("configuration", list(range(len(configs))))
        model = network(configs[index], vocabulary)
        given = {"validation_data": (valid_x, valid_y), "epochs": EPOCHS, "batch_size": BATCH}
        score = model.fit(x, y, verbose=0, **given).history["val_accuracy"][-1]
        told.append({"index": index, "seconds": time.perf_counter() - start, "score": float(score)})
        return float(score)

    study = optuna.create_study(direction="maximize")
    for index in range(len(configs)):
        study.enqueue_trial({"configuration": index})
    study.optimize(objective, n_trials=len(configs))
    return told


def here(configs: list[dict[str, Any]], data: Path, workers: int) -> list[Outcome]:
    """A search that is told what to try first, and no more."""
    from tuning import load_task, search

    task = load_task("sentiment", data=str(data))
    fixed = {"batch_size": str(BATCH), "pooling": "mean", "taper": "constant", "layers": "1:2"}
    first = tuple(",".join(f"{name}={value}" for name, value in config.items()) for config in configs)
    with tempfile.TemporaryDirectory() as folder:
        given: dict[str, Any] = {"trials": len(configs), "max_epochs": EPOCHS, "patience": EPOCHS, "strategy": "random"}
        result = search(task, first=first, space=fixed, workers=workers, out=f"{folder}/study", **given)
        events = [json.loads(line) for line in (Path(folder) / "study" / "trials.jsonl").read_text().splitlines()]
    begun = {event["trial"]: event["at"] for event in events if event["event"] == "started"}
    ended = {event["trial"]: event["at"] for event in events if event["event"] == "finished"}
    last = {trial["id"]: trial["curve"][-1]["score"] for trial in result.trials}
    return [
        {
            "index": index,
            "seconds": (ended[index] - begun[index]),
            "score": last[index],
            "begun": begun[index],
            "ended": ended[index],
        }
        for index in range(len(configs))
    ]


def block(system: str, number: int, data: Path) -> dict[str, Any]:
    """One system on four configurations, in this process."""
    runs: dict[str, Callable[[list[dict[str, Any]], Path], list[Outcome]]] = {
        "kerastuner": with_kerastuner,
        "optuna": with_optuna,
        "here-1": lambda configs, data: here(configs, data, 1),
        "here-2": lambda configs, data: here(configs, data, 2),
    }
    found = runs[system](configurations()[number * BLOCK : (number + 1) * BLOCK], data)
    side = 2 if system == "here-2" else 1
    wall = (
        max(o["ended"] for o in found) - min(o["begun"] for o in found) if "begun" in found[0] else sum(o["seconds"] for o in found)
    )
    found.sort(key=lambda outcome: int(outcome["index"]))
    return {
        "seconds": [round(outcome["seconds"] / side, 3) for outcome in found],
        "scores": [outcome["score"] for outcome in found],
        "wall": round(wall, 3),
    }


def equivalent(a: list[float], b: list[float], margin: float = 0.01) -> dict[str, float]:
    """Two one-sided paired t tests (Schuirmann 1987): mean difference, the larger p, and the 90 % interval's half."""
    differences = np.subtract(a, b)
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    freedom = len(differences) - 1
    p = max(stats.t.sf((differences.mean() + margin) / error, freedom), stats.t.cdf((differences.mean() - margin) / error, freedom))
    return {"difference": float(differences.mean()), "p": float(p), "half": float(error * stats.t.ppf(0.95, freedom))}


def main() -> None:
    """Run what is missing, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "mr")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--blocks", type=int, default=16 // BLOCK)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # SYSTEM:BLOCK, in a process of its own
    args = parser.parse_args()
    if args.one:
        system, number = args.one.split(":")
        print("\n" + json.dumps(block(system, int(number), args.data)))
        return
    history, systems = History("throughput"), args.systems.split(",")
    for number in range(args.blocks):
        for system in systems:
            if history.find(system=system, block=number) is None:
                argv = [sys.executable, __file__, "--one", f"{system}:{number}", "--data", str(args.data)]
                done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
                line = history.add(system=system, block=number, **json.loads(done.stdout.splitlines()[-1]))
                print(f"{system:<12} block {number}: {line['wall']:.1f} s, each {line['seconds']}", flush=True)
    table(history, systems, args.blocks)


def table(history: History, systems: list[str], blocks: int) -> None:
    """Ratios to KerasTuner: geometric mean over configurations, total wall time, and the scores' equivalence."""
    lines = {system: [history.find(system=system, block=number) or {} for number in range(blocks)] for system in systems}
    seconds = {system: np.concatenate([line["seconds"] for line in found]) for system, found in lines.items()}
    scores = {system: [score for line in found for score in line["scores"]] for system, found in lines.items()}
    wall = {system: sum(line["wall"] for line in found) for system, found in lines.items()}
    base = systems[0]
    print(f"\n{'system':<12}{'total s':>9}{'times':>8}{'per trial, geometric mean':>28}   scores against {base}")
    for system in systems:
        ratio = float(np.exp(np.log(seconds[base] / seconds[system]).mean()))
        same = equivalent(scores[system], scores[base]) if system != base else None
        told = f"{same['difference']:+.4f} +- {same['half']:.4f} (TOST p {same['p']:.4f})" if same else ""
        print(f"{system:<12}{wall[system]:>9.1f}{wall[base] / wall[system]:>8.2f}{ratio:>28.2f}   {told}")
        figures = {"total": wall[system], "times": wall[base] / wall[system], "trial_times": ratio, "scores": same}
        if history.find(summary=system, blocks=blocks) is None:
            history.add(summary=system, blocks=blocks, base=base, **figures)


if __name__ == "__main__":
    main()
