"""Public text data sets that keras.datasets offers (downloaded once, then kept by Keras)."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from ..task import DataOptions

OFFSET = 3  # keras.datasets puts padding, start and unknown before the words
Tagged = tuple[list[list[str]], list[str]]


def keras_text(name: str, labels: Sequence[str], options: DataOptions) -> dict[str, Tagged]:
    """Train and test of keras.datasets.imdb or reuters as lists of words with labels."""
    from ..quiet import errors_to

    with errors_to("/dev/null"):
        module = importlib.import_module(f"keras.datasets.{name}")
    try:
        train, test = module.load_data(test_split=0.2) if name == "reuters" else module.load_data()
        words = {index + OFFSET: word for word, index in module.get_word_index().items()}
    except Exception as wrong:
        raise DataError(
            f"{name} is downloaded by Keras at its first use, and that failed: {' '.join(str(wrong).split())[:160]}; "
            "the synthetic source needs no network"
        ) from None
    return {"train": _texts(train, words, labels, options.rows), "test": _texts(test, words, labels, options.rows)}


def _texts(split: tuple[np.ndarray, np.ndarray], words: dict[int, str], labels: Sequence[str], rows: int | None) -> Tagged:
    sequences, codes = split
    texts = [[words.get(int(i), "<unknown>") for i in one if int(i) >= OFFSET] or ["<unknown>"] for one in sequences[:rows]]
    return texts, [labels[int(code)] for code in codes[:rows]]
