"""Topics: which of several classes is a text about?

`synthetic` hides each topic in the order of two word groups ("a before b" is another topic than "b before a"), so
that words alone tell only which pair of topics it is: bag of words is bounded near 0.5 while the ceiling is 1.

`reuters` is keras.datasets.reuters, 46 topics (downloads once). `--data` takes what `sentiment` takes.
"""

import numpy as np

from tuning import DataOptions, Recipe, Task, keras_text, labelled_texts, text_classes

GROUPS = [f"{name}{index}" for name in ("rain", "bank", "goal", "vote") for index in range(8)]
NOISE = [f"word{index}" for index in range(60)]
PAIRS = [(a, b) for a in range(4) for b in range(4) if a != b]


def document(rng: np.random.Generator, topic: int) -> str:
    """Noise words with words of the topic's first group early and of its second late."""
    first, second = PAIRS[topic]
    words = [str(rng.choice(NOISE)) for _ in range(int(rng.integers(8, 18)))]
    middle = len(words) // 2
    for group, low, high in ((second, middle, len(words)), (first, 0, middle)):
        for _ in range(int(rng.integers(1, 3))):
            words.insert(int(rng.integers(low, high + 1)), GROUPS[group * 8 + int(rng.integers(8))])
    return " ".join(words)


def synthetic(options: DataOptions) -> Task:
    """12 topics told apart by order; the best possible accuracy is 1."""
    rng = np.random.default_rng(options.split_seed)
    topics = rng.integers(len(PAIRS), size=options.rows or 4000)
    texts = [document(rng, int(topic)) for topic in topics]
    labels = [f"topic{topic:02d}" for topic in topics]
    return text_classes("topics", "synthetic", {"train": (texts, labels)}, options, ceiling=1.0)


def reuters(options: DataOptions) -> Task:
    """11,228 newswires in 46 topics, from keras.datasets."""
    parts = keras_text("reuters", tuple(f"topic{index:02d}" for index in range(46)), options)
    return text_classes("topics", "reuters", parts, options)


def own(options: DataOptions) -> Task:
    """The user's own texts with labels."""
    return text_classes("topics", str(options.data), labelled_texts(options), options)


RECIPE = Recipe("which class is a text about?", {"synthetic": synthetic, "reuters": reuters}, own)
