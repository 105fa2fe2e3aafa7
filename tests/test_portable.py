"""The trained network in other runtimes: it predicts there what Keras predicts, or there is no file."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import Here, small_flags

from tuning.best_model import load_best
from tuning.errors import BadFile, BadValue
from tuning.training import portable

# a masked network in both directions, one that writes, and one of plain series
NETWORKS = {
    "sentiment": ["--units", "4", "--layers", "2", "--bidirectional", "yes", "--pooling", "max"],
    "seq2seq": ["--units", "4"],
    "forecast": ["--units", "4", "--cell", "gru", "--every-step", "yes"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("searched")


@pytest.fixture
def searched(request: pytest.FixtureRequest, folders: Path, here: Here) -> Path:
    """The folder of a search that trained one network for one epoch."""
    name = str(request.param)
    folder = folders / name
    if not folder.exists():
        flags = [*small_flags(name), *NETWORKS[name], "--trials", "1", "--max-epochs", "1", "--workers", "0", "--confirm", "0"]
        status, _, err = here("search", "--task", name, *flags, "--strategy", "random", "--out", str(folder))
        assert status == 0, err
    return folder


@pytest.mark.parametrize("searched", NETWORKS, indirect=True)
@pytest.mark.parametrize(("kind", "name"), [("onnx", "best.onnx"), ("litert", "best.tflite")])
def test_a_network_predicts_the_same_in_another_runtime(kind: str, name: str, searched: Path, here: Here) -> None:
    status, out, err = here("export", str(searched), "--format", kind)
    assert status == 0, err
    assert Path(out.strip()) == searched / name
    assert not list(searched.glob("part-*"))
    best = load_best(searched)
    inputs = portable.samples(best.best.data)
    assert len({int((one != 0).sum()) for one in inputs[0]}) > 1 or best.best.data.input.kind == "series"
    meant = portable.predicted(best.load(), inputs)
    told = run_by_hand(kind, searched / name, inputs)
    np.testing.assert_allclose(told, meant[:1], atol=1e-4)
    status, _, err = here("export", str(searched), "--format", kind)
    assert status == 2
    assert "an export never overwrites" in err
    status, _, err = here("export", str(searched), "--format", kind, "--to", str(searched / "mine.h5"))
    assert status == 2
    assert f"did you mean mine.h5.{name.partition('.')[2]}?" in err


def run_by_hand(kind: str, file: Path, inputs: list[np.ndarray]) -> Any:
    """The first row's prediction, as a user's own program would ask for it."""
    first = [one[:1] for one in inputs]
    if kind == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file))
        return session.run(None, {place.name: one for place, one in zip(session.get_inputs(), first, strict=True)})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    for place in interpreter.get_input_details():
        one = first["shifted" in place["name"]] if len(first) > 1 else first[0]
        interpreter.set_tensor(place["index"], one)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("searched", ["forecast"], indirect=True)
def test_what_predicts_something_else_is_not_written(searched: Path, tmp_path: Path) -> None:
    best = load_best(searched)
    target = tmp_path / "best.onnx"

    def wrong(file: Path, feeds: portable.Feeds) -> np.ndarray:
        assert file.exists()
        return np.full((3, 12, 3), np.nan)

    with pytest.raises(BadFile, match="cannot be written as onnx: it would predict something else than Keras, by up to nan"):
        portable.kept_where_equal(best.load(), best.load(), portable.samples(best.best.data), target, "onnx", wrong)
    assert not list(tmp_path.iterdir())


OWN = """
import keras, keras_tuner
class Own(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential()
        model.add(keras.Input((None,)))  # of floats, as Keras makes it where nothing is said
        model.add(keras.layers.Embedding(200, 4, mask_zero=True))
        model.add(keras.layers.SimpleRNN(hp.Int("units", 2, 4)))
        model.add(LAST)
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model
class Scaled(keras.layers.Dense):
    pass
"""


def own(last: str, here: Here, folder: Path) -> None:
    """A search with a HyperModel of one's own, in the folder `run`."""
    (folder / "own.py").write_text(OWN.replace("LAST", last))
    flags = [*small_flags("sentiment")[:2], "--hypermodel", "own.py:Own", "--trials", "1", "--max-epochs", "1", "--workers", "0"]
    status, _, err = here("search", *flags, "--confirm", "0", "--out", "run")
    assert status == 0, err


@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_a_network_of_ones_own_is_exported_too(kind: str, here: Here, tmp_path: Path) -> None:
    own('keras.layers.Dense(1, activation="sigmoid")', here, tmp_path)
    status, _, err = here("export", "run", "--format", kind)
    assert status == 0, err


def test_layers_of_ones_own_are_exported_where_they_are_trusted(here: Here, tmp_path: Path) -> None:
    own('Scaled(1, activation="sigmoid")', here, tmp_path)
    for kind in ("onnx", "litert"):
        status, _, err = here("export", "run", "--format", kind)
        assert status == 2
        assert "only layers of Keras itself are rebuilt" in err
    status, _, err = here("export", "run", "--format", "onnx", "--trust", "own.py")
    assert status == 0, err
    status, _, err = here("export", "run", "--format", "litert", "--trust", "own.py")
    assert status == 2
    assert "layers of one's own are not unrolled; --format onnx takes them" in err


@pytest.mark.parametrize("searched", ["forecast"], indirect=True)
def test_a_package_that_is_missing_is_named(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(BadValue, match=r"--format onnx needs .*tf2onnx.*: pip install 'unitwise\[onnx\]'"):
        portable.write_onnx(load_best(searched), tmp_path / "best.onnx")
