"""Texts into tasks: vocabulary from the training split alone, ids, splits, baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .baselines import bag_of_words, bigram, majority, most_common_tags, positional, scored, unigram
from .codec import PairCodec, TextCodec, padded, tokens_of
from .errors import DataError
from .ranges import Limits
from .splits import Texts, classes_of, natural, parts_of, require_train
from .task import DataOptions, Input, Output, Split, Task, TaskSpec
from .vocabulary import Vocabulary, vocabulary_of

RunningText = str | Sequence[str]  # or its tokens
LONGEST = 400  # tokens that are taken of a text where nothing is said: training takes as long as sequences are
TELL = 0.02  # share of rows that are cut, above which it is told


def _tokens(texts: Texts, level: str) -> list[list[str]]:
    return [tokens_of(text, level) for text in texts]


def _steps(sequences: Sequence[Sequence[str]], options: DataOptions) -> int:
    """The length that 99 % of training sequences stay under, LONGEST at most."""
    lengths = [len(one) for one in sequences]
    return options.max_length or min(max(int(np.quantile(lengths, 0.99)), 1), LONGEST)


def cut_notes(parts: Mapping[str, Sequence[Sequence[str]]], steps: int) -> list[str]:
    """What is to be said where more rows are cut than the few that are far longer than all others."""
    lengths = np.array([len(one) for rows in parts.values() for one in rows])
    share = float((lengths > steps).mean())
    return [f"{share:.0%} of rows are longer than {steps} tokens and are cut there (--max-length)"] if share > TELL else []


def text_classes(
    name: str,
    source: str,
    given: Mapping[str, tuple[Texts, Sequence[str]]],
    options: DataOptions,
    *,
    ceiling: float | None = None,
    notes: Sequence[str] = (),
    limits: Limits | None = None,
) -> Task:
    """Texts with one label each: two classes as one probability, more as a softmax.

    `given` maps train (and valid, test where they exist) to texts and labels.
    """
    parts = parts_of(given, options)
    labels = classes_of({part: pair[1] for part, pair in parts.items()})
    level = options.level or "words"
    tokens = {part: _tokens(pair[0], level) for part, pair in parts.items()}
    known = vocabulary_of((token for one in tokens["train"] for token in one), options, level)
    codec = TextCodec(level=level, vocabulary=known.words, steps=_steps(tokens["train"], options))
    codes = {label: code for code, label in enumerate(labels)}
    splits = {}
    for part, (_, names) in parts.items():
        x, lengths = codec.encode(tokens[part])
        splits[part] = Split(x, np.array([codes[label] for label in names], np.int32), lengths)
    output = Output(kind="binary" if len(labels) == 2 else "classes", size=len(labels), labels=labels)
    spec = TaskSpec(
        name=name,
        source=source,
        family="classifier",
        input=Input(kind="tokens", size=codec.size, steps=codec.steps),
        output=output,
        objective="val_accuracy",
        codec=codec,
        ceiling=ceiling,
        notes=(*notes, *known.notes, *cut_notes(tokens, codec.steps)),
        baselines=scored(output, splits, {"majority": majority, "bag of words": bag_of_words(codec.size)}),
    )
    return Task.of(spec, splits, limits, known.vectors)


def tagged_tokens(
    name: str,
    source: str,
    given: Mapping[str, tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]]],
    options: DataOptions,
    *,
    ceiling: float | None = None,
    notes: Sequence[str] = (),
    limits: Limits | None = None,
) -> Task:
    """Sentences with one tag a token, split by sentence."""
    flat = {part: (list(tokens), [" ".join(tags) for tags in labels]) for part, (tokens, labels) in given.items()}
    parts = parts_of(flat, options, stratify=False)
    tags = {part: [tag for line in lines for tag in line.split(" ")] for part, (_, lines) in parts.items()}
    seen = classes_of(dict.fromkeys(tags, tags["train"]))
    strange = sorted({tag for part in tags.values() for tag in part} - set(seen), key=natural)
    labels = (*seen, *strange)
    unseen = f"no sentence of train has {', '.join(strange[:5])}, so each of them in valid or test is an error" if strange else ""
    lowered = {part: [[token.lower() for token in one] for one in pair[0]] for part, pair in parts.items()}
    known = vocabulary_of((token for one in lowered["train"] for token in one), options)
    codec = TextCodec(vocabulary=known.words, steps=_steps(lowered["train"], options))
    codes = {tag: code for code, tag in enumerate(labels)}
    splits = {}
    for part, (_, lines) in parts.items():
        x, lengths = codec.encode(lowered[part])
        y, _ = padded([[codes[tag] for tag in line.split(" ")] for line in lines], codec.steps)
        splits[part] = Split(x, y, lengths)
    output = Output(kind="tags", size=len(labels), steps=codec.steps, labels=labels)
    spec = TaskSpec(
        name=name,
        source=source,
        family="tagger",
        input=Input(kind="tokens", size=codec.size, steps=codec.steps),
        output=output,
        objective="val_accuracy",
        codec=codec,
        ceiling=ceiling,
        notes=(*notes, *known.notes, *cut_notes(lowered, codec.steps), *([unseen] if unseen else [])),
        baselines=scored(output, splits, {"majority": majority, "most common tag of each word": most_common_tags}),
    )
    return Task.of(spec, splits, limits, known.vectors)


def running_text(
    name: str,
    source: str,
    text: RunningText | Mapping[str, RunningText],
    options: DataOptions,
    *,
    ceiling: float | None = None,
    limits: Limits | None = None,
) -> Task:
    """A long text, cut into windows whose every next token is to be predicted.

    `text` is one, or train (and valid, test where they exist); what is missing is cut off the end of train, 80/10/10.
    """
    level = options.level or "words"
    steps = options.window or (32 if level == "words" else 64)
    given = text if isinstance(text, Mapping) else {"train": text}
    require_train(given)
    parts = _in_order({part: tokens_of(one, level) for part, one in given.items()}, steps)
    known = vocabulary_of(parts["train"], options, level, predicted=True)
    codec = TextCodec(level=level, vocabulary=known.words, steps=steps)
    splits = {part: _next_tokens(codec.ids_of(tokens), steps) for part, tokens in parts.items()}
    output = Output(kind="tokens", size=codec.size, steps=steps)
    spec = TaskSpec(
        name=name,
        source=source,
        family="language",
        input=Input(kind="tokens", size=codec.size, steps=steps),
        output=output,
        objective="val_perplexity",
        codec=codec,
        ordered=True,
        ceiling=ceiling,
        notes=known.notes,
        baselines=scored(output, splits, {"unigram": unigram, "bigram": bigram}),
    )
    return Task.of(spec, splits, limits, known.vectors)


def _in_order(parts: dict[str, list[str]], steps: int) -> dict[str, list[str]]:
    """Train, valid and test; what is missing is cut off the end of train."""
    whole = parts["train"]
    if len(whole) < 10 * (steps + 1):
        raise DataError(f"a language model needs at least {10 * (steps + 1)} tokens at window {steps}; given: {len(whole)}")
    short = next((part for part, one in parts.items() if len(one) < 2), None)
    if short:
        raise DataError(f"each part needs two tokens at least, one to go in and one to be told; {short} has {len(parts[short])}")
    missing = [part for part in ("valid", "test") if part not in parts]
    bounds = [round(len(whole) * share) for share in (0.8, 0.9)[2 - len(missing) :]]
    cut = zip(["train", *missing], [0, *bounds], [*bounds, len(whole)], strict=True)
    return parts | {part: whole[start:end] for part, start, end in cut}


def _next_tokens(ids: Sequence[int], steps: int) -> Split:
    """Windows one after another, and of each step the token that follows it."""
    before, after = ids[:-1], ids[1:]
    starts = range(0, len(before), steps)
    x, lengths = padded([before[start : start + steps] for start in starts], steps)
    y, _ = padded([after[start : start + steps] for start in starts], steps)
    return Split(x, y, lengths)


def text_pairs(
    name: str,
    source: str,
    given: Mapping[str, Sequence[tuple[str, str]]],
    options: DataOptions,
    *,
    ceiling: float | None = None,
    limits: Limits | None = None,
) -> Task:
    """Pairs of texts: what goes in, and what is to come out (closed by an end token)."""
    lists = {part: ([a for a, _ in pairs], [b for _, b in pairs]) for part, pairs in given.items()}
    parts = parts_of(lists, options, stratify=False)
    level = options.level or "characters"
    codecs, known = [], list[Vocabulary]()
    for side, asked in enumerate((options, options.model_copy(update={"embeddings": None}))):  # what comes out has no vectors
        tokens = _tokens(parts["train"][side], level)
        steps = options.max_length or max(len(one) for one in tokens) + side
        known.append(vocabulary_of((token for one in tokens for token in one), asked, level))
        codecs.append(TextCodec(level=level, vocabulary=known[side].words, steps=steps, end=bool(side)))
    codec = PairCodec(source=codecs[0], target=codecs[1])
    splits = {}
    for part, (sources, targets) in parts.items():
        x, lengths = codec.source.encode(sources)
        y, _ = codec.target.encode(targets)
        splits[part] = Split(x, y, lengths)
    output = Output(kind="pair", size=codec.target.size, steps=codec.target.steps)
    spec = TaskSpec(
        name=name,
        source=source,
        family="seq2seq",
        input=Input(kind="tokens", size=codec.source.size, steps=codec.source.steps),
        output=output,
        objective="val_accuracy",
        codec=codec,
        ceiling=ceiling,
        notes=known[0].notes,
        baselines=scored(output, splits, {"most common token at each place": positional}),
    )
    return Task.of(spec, splits, limits, known[0].vectors)
