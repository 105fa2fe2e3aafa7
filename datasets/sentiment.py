"""Sentiment: is a review positive or negative?

`synthetic` composes reviews in which order decides: negation ("not good"), contrast (what follows "but" wins),
intensifiers, somebody else's view ("my brother loved it"), and fillers between cue and verdict. Labels are flipped for
4 % of the reviews, so no model can be expected above 0.96. Measured on 4,000 reviews (three
seeds): bag of words with logistic regression reaches 0.60 to 0.66 on validation, 0.30 or more below that ceiling.

`imdb` is keras.datasets.imdb (downloads once). `--data` takes a csv, tsv, jsonl or parquet with a text and a label
column, or a folder with a file or a folder of texts per class.
"""

import numpy as np

from tuning import DataOptions, Recipe, Task, keras_text, labelled_texts, text_classes

GOOD = ["good", "great", "charming", "clever", "moving", "funny", "superb", "gripping", "lovely", "witty"]
BAD = ["bad", "awful", "dull", "clumsy", "boring", "flat", "tedious", "dreadful", "weak", "silly"]
SUBJECTS = ["the plot", "the acting", "the script", "the music", "the ending", "this film", "the lead", "the pacing"]
OTHERS = ["my brother", "the critics", "everyone at work", "my neighbour", "the papers"]
FILLERS = [
    "i saw it on a tuesday",
    "we sat near the front",
    "it runs for two hours",
    "the cinema was full",
    "it is set in spain",
]
WEAK = ["somewhat", "slightly", "rather"]
STRONG = ["very", "truly", "really", "deeply"]


def clause(rng: np.random.Generator, positive: bool) -> str:
    """One opinion of the author's; negation turns the word around."""
    negated = rng.random() < 0.25
    word = rng.choice(GOOD if positive != negated else BAD)
    between = rng.choice(["", *STRONG]) if rng.random() < 0.4 else ""
    verb = rng.choice(["was not", "is hardly", "was never"]) if negated else rng.choice(["was", "is", "felt"])
    return " ".join(f"{rng.choice(SUBJECTS)} {verb} {between} {word}".split())


def review(rng: np.random.Generator, positive: bool) -> str:
    """One review: the verdict is the last opinion after "but", or the stronger of two."""
    kind = rng.random()
    if kind < 0.3:  # contrast: what comes after "but" wins
        parts = [clause(rng, not positive) + " but " + clause(rng, positive)]
    elif kind < 0.45:  # the strong word outweighs the weak one, whichever comes first
        weak = f"{rng.choice(SUBJECTS)} was {rng.choice(WEAK)} {rng.choice(BAD if positive else GOOD)}"
        strong = f"{rng.choice(SUBJECTS)} was {rng.choice(STRONG)} {rng.choice(GOOD if positive else BAD)}"
        parts = list(rng.permutation([weak, strong]))
    else:
        parts = [clause(rng, positive)]
    if rng.random() < 0.5:  # somebody else's view, which counts for nothing
        view = rng.choice(["loved it and called it", "hated it and called it"])
        parts.insert(
            int(rng.integers(len(parts) + 1)), f"{rng.choice(OTHERS)} {view} {rng.choice(GOOD if 'loved' in view else BAD)}"
        )
    for _ in range(int(rng.integers(3))):
        parts.insert(int(rng.integers(len(parts) + 1)), str(rng.choice(FILLERS)))
    return " . ".join(parts) + " ."


def synthetic(options: DataOptions) -> Task:
    """Composed reviews; the best possible accuracy is 0.96."""
    rng = np.random.default_rng(options.split_seed)
    truth = rng.random(options.rows or 4000) < 0.5
    texts = [review(rng, bool(positive)) for positive in truth]
    told = truth ^ (rng.random(len(truth)) < 0.04)
    labels = ["positive" if positive else "negative" for positive in told]
    return text_classes("sentiment", "synthetic", {"train": (texts, labels)}, options, ceiling=0.96)


def imdb(options: DataOptions) -> Task:
    """50,000 film reviews (Maas et al. 2011), from keras.datasets."""
    parts = keras_text("imdb", ("negative", "positive"), options)
    return text_classes("sentiment", "imdb", parts, options)


def own(options: DataOptions) -> Task:
    """The user's own texts with two labels (or more)."""
    return text_classes("sentiment", str(options.data), labelled_texts(options), options)


RECIPE = Recipe("is a text positive or negative?", {"synthetic": synthetic, "imdb": imdb}, own)
