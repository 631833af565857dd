"""How many masks a hole in code gets: the holes, the strategies, and the model that is trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.bench.holes import Cut, RealFile, Shape
from lsp_server.models.interfaces import ModelError
from lsp_server.models.pretrained.checkpoint_dir import read_checkpoint_dir
from lsp_server.models.tokenizers import FolderTokenizer
from lsp_server.settings import Settings
from tests.experiments import canvas_lengths, variants
from tests.experiments.code_model import corpus, training
from tests.experiments.variants import KnownHole
from tests.unit.tiny import TinyDiffusion, TinyKnowing, TinyModel, TinyTokenizer

CODE = "def area{0}(width, height):\n    size = width * height\n    return size + {0}\n\n\n"
TEXTS = ["".join(CODE.format(100 * file + line) for line in range(20)) for file in range(4)]


class Characters(TinyTokenizer):
    """One token per character."""

    def encode(self, text: str) -> list[int]:
        return [0] * len(text)


def cut_known_holes(
    path: Path, marked: str, most: int = 32, shape: Shape = "line"
) -> list[KnownHole]:
    """The hole between ``«`` and ``»``."""
    path.write_text(marked.replace("«", "").replace("»", ""))
    cut = Cut(RealFile.open(path), shape, marked.index("«"), marked.index("»") - 1)
    return canvas_lengths.cut_known_holes([cut], Settings(), Characters(), most)


def test_what_stood_there_belongs_there(tmp_path: Path) -> None:
    (known,) = cut_known_holes(tmp_path / "a.py", "x = «f(1) + 2»\ny = 1\n")
    assert (known.truth, known.group) == ("f(1) + 2", "line")
    assert (known.hole.prompt.suffix, known.hole.ends_line) == ("y = 1\n", True)
    assert known.hole.max_tokens == 32
    assert known.tokens == len(" f(1) + 2")  # the stub is written again


def test_closing_brackets_belong_to_the_text(tmp_path: Path) -> None:
    (known,) = cut_known_holes(tmp_path / "a.py", "print(«a, b»)\ny = 1\n", shape="brackets")
    assert known.truth == "a, b)"
    assert known.hole.prompt.prefix.endswith("print(")


def test_long_holes_are_left_out(tmp_path: Path) -> None:
    assert cut_known_holes(tmp_path / "a.py", "x = «f(1) + 2»\ny = 1\n", most=8) == []


def test_the_true_length_stands_beside_every_strategy() -> None:
    hole = known_hole()
    model = TinyModel(TinyKnowing(hole.truth))
    chosen = canvas_lengths.choose_variants(model, Settings(fixed_tokens=5), [hole], 24)
    names = [variant.name for variant in chosen]
    assert names[:5] == ["given", "fixed", "prior", "search", "both"]
    assert names[5:] == ["search, calibrated", "both, calibrated"]
    growing = TinyModel(TinyKnowing(hole.truth, growing=True))
    assert "grow" in [
        variant.name for variant in canvas_lengths.choose_variants(growing, Settings(), [hole], 24)
    ]


def test_forwards_lengths_and_texts_are_counted() -> None:
    hole = known_hole()
    model = TinyModel(TinyKnowing(hole.truth))
    chosen = canvas_lengths.choose_variants(model, Settings(fixed_tokens=5), [hole], 24)
    scores = {s.variant: s for s in variants.measure(model, [hole], chosen, lambda _: None)}
    assert (scores["given"].exact, scores["given"].error, scores["given"].searching) == (1, 0, 0)
    assert (scores["fixed"].right_length, scores["fixed"].error) == (0, len(hole.truth) - 5)
    for name in ("search", "search, calibrated"):
        assert (scores[name].exact, scores[name].right_length) == (1, 1)
        assert scores[name].forwards > scores[name].searching >= 9


def test_a_model_that_writes_left_to_right_is_refused() -> None:
    with pytest.raises(ModelError, match="not told how many masks"):
        canvas_lengths.choose_variants(TinyModel(TinyDiffusion()), Settings(), [known_hole()], 8)


def known_hole() -> KnownHole:
    from lsp_server.diffusion.prompt import Prompt
    from lsp_server.diffusion.types import Hole

    return KnownHole.of(
        Hole(Prompt.around("a:\n", "\nb"), 24), "abc(de, fa)", TinyTokenizer(), "line"
    )


@given(st.integers(0, 10**6), st.lists(st.booleans(), min_size=64, max_size=256))
def test_a_hole_lies_in_its_window(seed: int, breaks: Sequence[bool]) -> None:
    masked = training.mask_window(breaks, Random(seed))
    assert len(masked) == len(breaks)


def test_no_piece_reaches_over_a_line_or_a_bracket() -> None:
    tokenizer = corpus.train_tokenizer(TEXTS, 400)
    pieces = tokenizer.encode(TEXTS[0]).tokens
    assert all(piece in "()[]{}" or not set(piece) & set("()[]{}") for piece in pieces)
    assert all(set(piece) == {"Ċ"} for piece in pieces if "Ċ" in piece)
    assert tokenizer.token_to_id(corpus.MASK) == tokenizer.get_vocab_size() - 1


def test_the_folder_is_read_like_any_other(tmp_path: Path) -> None:
    training.train(tmp_path / "code-model", TEXTS, 0, resume=False, report=lambda check: None)
    layout = read_checkpoint_dir(tmp_path / "code-model")
    assert (layout.family.name, layout.growth, layout.suffix) == ("a2d-mdlm", None, "seen")
    assert layout.licence == "apache-2.0"
    tokenizer = FolderTokenizer(layout)
    assert tokenizer.decode(tokenizer.encode(TEXTS[0])) == TEXTS[0]
    assert layout.mask in tokenizer.ends
    assert layout.mask not in tokenizer.encode(corpus.MASK)


def test_the_command_trains_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training, "_CHECKED", 2)
    monkeypatch.setattr(canvas_lengths, "SPENT", 3)
    code, file = tmp_path / "code", tmp_path / "report.json"
    code.mkdir()
    for number, text in enumerate(TEXTS):
        (code / f"m{number}.py").write_text(text)
    command = [str(code), "--train", str(code), "--steps", "1"]
    command += ["--holes", "3", "--longest", "24", "--json", str(file)]
    assert canvas_lengths.main(command) == 0
    printed = capsys.readouterr().out
    assert f"written: {tmp_path / 'cache' / 'code-model'}" in printed
    report = json.loads(file.read_text())
    assert {score["variant"] for score in report["lengths"]} >= {"given", "prior", "search", "both"}
    assert report["model"]["suffix"] == "seen"


def test_too_little_code_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.py").write_text(TEXTS[0][:100])
    assert canvas_lengths.main(["--train", str(tmp_path), "--steps", "1"]) == 1
    assert "too little code" in capsys.readouterr().err
