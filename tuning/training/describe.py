"""The typed space of a HyperModel: declared, or found by building where a user's own model only shows it that way."""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from ..errors import BadValue, UnknownName
from ..hypermodels import SequenceHyperModel, family_model, space_of
from ..keras_types import Hyper
from ..space import Config, Space
from .batches import plain
from .jobs import Job, ModelRef, Report, import_file
from .store import open_spec, open_split, open_vectors

BUILDS = 24  # most networks built to find out what a user's own model declares


def describe(job: Job, report: Report) -> dict[str, Any]:
    """The space as JSON; for a user's own model also a check that its defaults build."""
    hyper = hyper_of(job.model, Path(job.data))
    space = declared(hyper) if isinstance(hyper, SequenceHyperModel) else discovered(hyper, Path(job.data))
    return {"space": space.model_dump(mode="json")}


def hyper_of(ref: ModelRef, data: Path) -> Hyper:
    """The task's family, or an instance of the user's own class."""
    if not ref.file:
        family = family_model(open_spec(data), ref.limits)
        family.vectors = open_vectors(data)
        return family
    module = import_file(ref.file)
    classes = {
        name: thing
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and issubclass(thing, keras_tuner.HyperModel) and thing.__module__ == module.__name__
    }
    if ref.name not in classes:
        raise UnknownName(f"HyperModel in {Path(ref.file).name}", ref.name, classes)
    try:
        hyper: Any = classes[ref.name]()
    except TypeError as wrong:
        raise BadValue(f"{ref.name} must be made without arguments to be used here: {wrong}") from None
    own: Hyper = hyper
    return own


def declared(hyper: SequenceHyperModel) -> Space:
    """What `declare` declares."""
    hp = keras_tuner.HyperParameters()
    hyper.declare(hp)
    return space_of(hp)


def hyperparameters(config: Config) -> Any:
    """A keras_tuner.HyperParameters that answers with these values."""
    hp = keras_tuner.HyperParameters()
    hp.values = dict(config)
    return hp


def discovered(hyper: Hyper, data: Path) -> Space:
    """What builds declare: the defaults first, then each parameter at its other ends, until nothing new shows; then fit."""
    space, queue, seen = Space(parameters=()), [Config()], 0
    merged = keras_tuner.HyperParameters()
    while queue and seen < BUILDS:
        hp = hyperparameters(queue.pop(0))
        keras.backend.clear_session(free_memory=False)
        hyper.build(hp)
        seen += 1
        known = {parameter.name for parameter in space.parameters}
        merged.merge(hp.space, overwrite=False)
        space = space_of(merged)
        for parameter in space.parameters:
            if parameter.name in known or not parameter.searched:
                continue
            domain = parameter.domain
            ends = (domain.low, domain.high) if domain.kind == "interval" else (domain.values[-1], domain.values[0])
            parents: Config = {c.parent: c.values[0] for c in parameter.conditions}
            queue += [{**parents, parameter.name: end} for end in ends if end != domain.default]
    merged.merge(_declared_in_fit(hyper, data), overwrite=False)
    space = space_of(merged)
    if not space.parameters:
        raise BadValue("the HyperModel declares no hyperparameter, so there is nothing to search")
    return space


def _declared_in_fit(hyper: Hyper, data: Path) -> Any:
    """What the user's own fit declares (a batch size, say), seen by fitting a few rows once."""
    task, split = open_spec(data), open_split(data, "train")
    few = plain(task, split.at(slice(16)))
    hp = hyperparameters({})
    model = hyper.build(hp)
    with contextlib.suppress(Exception):  # what fit raises is told by the trials
        hyper.fit(hp, model, *few, validation_data=few, epochs=1, callbacks=[], verbose=0)
    return hp.space
