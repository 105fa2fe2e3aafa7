"""The trained network for other runtimes, ONNX and LiteRT: written, run there, and kept only where it says what Keras says."""

from __future__ import annotations

import importlib
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from ..best_model import BestModel
from ..best_schema import Data
from ..codec import PAD, START, PairCodec
from ..errors import BadFile, BadValue
from ..keras_types import Model
from .deliver import is_plain

Array = np.ndarray
Feeds: TypeAlias = Mapping[str, Array]  # of each input by name
FAR = 1e-4  # of the largest prediction, by which another may differ: floats are added in another order
ROWS = 3  # that are compared
UNROLLED = ("LSTM", "GRU", "SimpleRNN", "RNN")


def write_onnx(best: BestModel, path: Path) -> None:
    """The network as an ONNX file, for any number of rows and steps.

    Raises BadValue where packages are missing, BadFile where the file would not be the same network.
    """
    runtime, _ = needed("onnx", "onnxruntime", "tf2onnx")

    def run(file: Path, feeds: Feeds) -> Array:
        session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, feeds)[0])

    trained = best.load()
    kept_where_equal(trained, trained, samples(best.best.data), path, "onnx", run)


def write_litert(best: BestModel, path: Path) -> None:
    """The network as a LiteRT file, for one row of as many steps as rows were padded to; the recurrent loops are unrolled.

    Loops over any number of steps would need TensorFlow's own operations (the Flex delegate), which phones lack.
    Raises BadValue where packages are missing, BadFile where the file would not be the same network.
    """
    (runtime,) = needed("litert", "ai_edge_litert.interpreter")
    trained = best.load()  # refuses what is not Keras's own, but where it is trusted
    if not is_plain(trained):
        raise BadFile("this network cannot be written as litert: layers of one's own are not unrolled; --format onnx takes them")
    inputs = samples(best.best.data)
    model = unrolled(best.best.architecture.keras, [one.shape[1] for one in inputs])
    model.set_weights(trained.get_weights())

    def run(file: Path, feeds: Feeds) -> Array:
        runner = runtime.Interpreter(model_path=str(file)).get_signature_runner()
        told = [runner(**{name: one[row : row + 1] for name, one in feeds.items()}) for row in range(ROWS)]
        return np.concatenate([next(iter(outputs.values())) for outputs in told])

    kept_where_equal(trained, model, inputs, path, "litert", run)


def needed(kind: str, *modules: str) -> list[Any]:
    """Modules of optional packages."""
    try:
        return [importlib.import_module(name) for name in modules]
    except ImportError as missing:
        raise BadValue(f"--format {kind} needs {missing.name}: pip install 'unitwise[{kind}]'") from None


def kept_where_equal(
    trained: Model, model: Model, inputs: Sequence[Array], path: Path, kind: str, run: Callable[[Path, Feeds], Array]
) -> None:
    """Write `model`, whole or not at all. Raises BadFile where that fails, or its runtime predicts else than what was trained."""
    meant = np.concatenate([predicted(trained, [one[row : row + 1] for one in inputs]) for row in range(ROWS)])
    predicted(model, [one[:1] for one in inputs])  # one that was never called is not exported
    folder = tempfile.TemporaryDirectory(dir=path.parent, prefix="part-")
    part = Path(folder.name) / path.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converters' own: nothing that a user could mend
            model.export(str(part), format=kind, verbose=False)
        told = run(part, {one.name: rows.astype(one.dtype) for one, rows in zip(model.inputs, inputs, strict=True)})
        off = float(np.abs(told - meant).max())
        if not off <= FAR * float(np.abs(meant).max()):
            raise ValueError(f"it would predict something else than Keras, by up to {off:.2g}")
        part.replace(path)
    except Exception as wrong:
        raise BadFile(f"this network cannot be written as {kind}: {' '.join(str(wrong).split())[:200]}") from None
    finally:
        folder.cleanup()


def predicted(model: Model, inputs: Sequence[Array]) -> Array:
    """What Keras says of these inputs."""
    return np.asarray(model(inputs[0] if len(inputs) == 1 else list(inputs)))


def samples(data: Data) -> list[Array]:
    """Inputs of the network: rows of random tokens or numbers, padded to different lengths where they may be."""
    rng, size, steps = np.random.default_rng(0), data.input.size, data.input.steps
    lengths = rng.integers(1, steps + 1, ROWS)
    lengths[0] = steps
    if data.input.kind == "series":
        x = rng.normal(size=(ROWS, steps, size)).astype(np.float32)
        if data.input.ragged:
            x[np.arange(steps) >= lengths[:, None]] = PAD
        return [x]
    tokens = np.where(np.arange(steps) < lengths[:, None], rng.integers(1, size, (ROWS, steps)), 0).astype(np.int32)
    if not isinstance(data.preprocessing, PairCodec):
        return [tokens]
    written = rng.integers(1, data.output.size, (ROWS, data.output.steps)).astype(np.int32)
    written[:, 0] = START
    return [tokens, written]


def unrolled(architecture: dict[str, Any], steps: Sequence[int]) -> Model:
    """The same network for one row of exactly so many steps of each input, without loops."""
    whole: dict[str, Any] = json.loads(json.dumps(architecture))
    left = list(steps)
    for layer in whole["config"]["layers"]:
        config = layer["config"]
        if layer["class_name"] == "InputLayer":
            config["batch_shape"] = [1, left.pop(0), *config["batch_shape"][2:]]
        for each in (layer, config.get("layer"), config.get("backward_layer")):
            if each and each["class_name"] in UNROLLED:
                each["config"]["unroll"] = True
    model: Model = keras.models.model_from_json(json.dumps(whole))
    for made in model.layers:
        backward: Any = getattr(made, "backward_layer", None)
        if backward is not None:
            # without a loop Keras 3.15 masks its outputs in the wrong order; those of padding, which it reads first, are 0 anyway
            backward.zero_output_for_mask = False
    return model
