"""The synthetic language: its puzzles, the training of its model, its folder, what it shows."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.length import published_bias
from lsp_server.diffusion.token_healing import split
from lsp_server.models.interfaces import Growth, Model
from lsp_server.models.pretrained.checkpoint_dir import read_checkpoint_dir
from lsp_server.models.tokenizers import FolderTokenizer
from tests.experiments import pretraining, variants
from tests.experiments.synthetic import training, trials
from tests.experiments.synthetic.__main__ import main
from tests.experiments.synthetic.checkpoint import END, EXPAND, MASK, START, write_checkpoint
from tests.experiments.synthetic.language import KINDS, LONGEST, Kind, Puzzle, draw_puzzles

CLOSING = dict(zip("([{<)]}>", ")]}>([{<", strict=True))


def draw(kind: Kind, number: int, seed: int = 0, held_out: bool = False) -> list[Puzzle]:
    return list(islice(draw_puzzles(kind, seed, held_out), number))


def mirror(line: str) -> str:
    pairs = [CLOSING[line[at]] + line[at + 1] for at in range(0, len(line), 2)]
    return "".join(reversed(pairs))


def solve(prefix: str, suffix: str) -> str:
    """The answer, found anew from nothing but what stands around the hole."""
    if suffix.startswith("="):
        declared = dict(line.split(":") for line in suffix.splitlines()[1:])
        return declared[suffix[1]]
    if prefix[:2].isalpha():
        links, start, _ = prefix.split("\n")
        following = {link[0]: link[1] for link in links.split()}
        chain = following[start]
        while chain[-1] != suffix[0]:
            chain += following[chain[-1]]
        return chain[:-1]
    *opened, before = prefix.split("\n")
    behind, *closed = suffix.split("\n")
    line = mirror(opened[0] if opened else closed[0])
    assert line.startswith(before)
    assert line.endswith(behind)
    return line[len(before) : len(line) - len(behind)]


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.booleans())
def test_the_answer_follows_from_what_stands_around_the_hole(
    kind: Kind, seed: int, held_out: bool
) -> None:
    puzzle = next(draw_puzzles(kind, seed, held_out))
    assert solve(puzzle.prefix, puzzle.suffix) == puzzle.answer
    assert puzzle.held_out == held_out
    assert split(puzzle.prefix) == (puzzle.prefix, "")  # no token is cut


@pytest.mark.parametrize("kind", KINDS)
def test_answers_have_every_length_and_the_same_seed_gives_the_same(kind: Kind) -> None:
    lengths = {len(puzzle.answer) for puzzle in draw(kind, 200)}
    assert lengths == set(range(1, LONGEST + 1)) - ({1, 3, 5, 7} if kind == "mirrored" else set())
    assert draw(kind, 20) == draw(kind, 20) != draw(kind, 20, seed=1)


def test_names_are_declared_to_the_right_of_their_use_only() -> None:
    assert all(puzzle.prefix == "" for puzzle in draw("copied", 50))
    assert all(puzzle.answer in puzzle.suffix for puzzle in draw("copied", 50))


@given(st.integers(1, LONGEST), st.integers(1, 2 * LONGEST))
def test_right_answers_lead_to_the_text_from_any_number_of_masks(size: int, masks: int) -> None:
    answer = list(range(size))
    canvas = [MASK] * masks
    for _ in range(size + 1):
        known = canvas.index(MASK) if MASK in canvas else len(canvas)
        assert canvas[:known] == answer[:known]
        canvas[known:] = apply(training.fit(answer[known:], len(canvas) - known))
    assert canvas == answer


def apply(targets: Sequence[int]) -> list[int]:
    """What becomes of masks when all of them are settled."""
    kept = [token for token in targets if token != END]
    return [each for token in kept for each in ([MASK, MASK] if token == EXPAND else [token])]


@given(st.sampled_from(KINDS), st.integers(0, 10**6))
def test_a_row_asks_for_its_masks_and_nothing_else(kind: Kind, seed: int) -> None:
    puzzle = draw(kind, 1, seed)[0]
    tokens, targets = training.make_row(puzzle, Random(seed))
    assert len(tokens) == len(targets)
    assert (tokens[0], tokens[-1]) == (START, END)
    assert [token == MASK for token in tokens] == [target >= 0 for target in targets]


def test_the_folder_is_read_like_any_other(tmp_path: Path) -> None:
    training.train(tmp_path / "model", 0, resume=False, report=lambda check: None)
    layout = read_checkpoint_dir(tmp_path / "model")
    assert layout.family.name == "dreamon"
    assert (layout.mask, layout.start, layout.finish) == (MASK, START, END)
    assert layout.growth == Growth(EXPAND, END)
    assert layout.licence == "apache-2.0"
    tokenizer = FolderTokenizer(layout)
    text = "(1[2\n]2é<|mask|>"
    assert tokenizer.encode(text) == list(text.encode())
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.ends == {END, START, MASK, EXPAND}


def test_training_is_whole_or_not_at_all_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CHECKED", 2)
    monkeypatch.setattr(pretraining, "_REPORTED", 2)
    monkeypatch.setattr(pretraining, "_SAVED", 0.0)
    folder = tmp_path / "model"
    steps: list[int] = []

    def stop_at_two(check: training.Check) -> None:
        steps.append(check.milestone.step)
        if len(steps) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(folder, 3, resume=False, report=stop_at_two)
    assert not folder.exists()
    training.train(folder, 3, resume=True, report=stop_at_two)
    assert steps == [2, 2, 3]  # the second step had not been saved
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    assert trials.load_trained(folder).info.parameters > 0


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_checkpoint(folder, {}, 1)
    (folder / "stale").touch()
    training.train(folder, 0, resume=False, report=lambda check: None)
    assert not (folder / "stale").exists()
    assert read_checkpoint_dir(folder).parameters > 0


@pytest.fixture(scope="module")
def trained() -> Model:
    return trials.load_trained()


def score(model: Model, variant: variants.Variant, count: int) -> dict[str, variants.Score]:
    puzzles = trials.draw_trials(model.tokenizer, count, seed=0)
    return {
        each.group: each for each in variants.measure(model, puzzles, [variant], lambda _: None)
    }


@pytest.mark.parametrize("sampler", ["threshold", "top_k"])
def test_safe_samplers_are_right(trained: Model, sampler: str) -> None:
    variant = next(variant for variant in trials.sampler_variants() if variant.name == sampler)
    scores = score(trained, variant, 70).values()
    assert sum(each.exact for each in scores) >= 0.99 * sum(each.holes for each in scores)


def test_the_more_is_determined_the_fewer_forwards(trained: Model) -> None:
    variant = next(variant for variant in trials.length_variants(published_bias) if variant.given)
    scores = score(trained, variant, 14)
    per_token = {kind: each.forwards / each.tokens for kind, each in scores.items()}
    assert max(per_token["copied"], per_token["mirrored"]) < per_token["chained"]


def test_a_model_that_may_grow_finds_more_lengths_than_the_prior(trained: Model) -> None:
    chosen = {variant.name: variant for variant in trials.length_variants(published_bias)}
    right = {
        name: sum(each.right_length for each in score(trained, chosen[name], 14).values())
        for name in ("prior", "grow")
    }
    assert right["grow"] > 1.5 * right["prior"] > 0


def test_the_command_trains_prints_every_way_and_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    monkeypatch.setattr(training, "_CHECKED", 2)
    monkeypatch.setattr(trials, "_CALIBRATED", 4)
    file = tmp_path / "report.json"
    assert main(["--train", "--steps", "1", "--holes", "1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert f"written: {tmp_path / 'synthetic'}" in printed
    report = json.loads(file.read_text())
    names = [
        variant.name
        for variant in (*trials.sampler_variants(), *trials.length_variants(published_bias))
    ]
    assert all(name in printed for name in names)
    assert len(report["samplers"]) + len(report["lengths"]) == len(names) * len(KINDS)
    assert all(each["holes"] == 1 for each in report["samplers"] + report["lengths"])
