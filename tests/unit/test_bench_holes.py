from pathlib import Path

import pytest

from lsp_server.bench import bounding
from lsp_server.bench.holes import (
    SHAPES,
    Cut,
    RealFile,
    default_files,
    draw_cuts,
    open_files,
    samples_folder,
)
from lsp_server.bench.passages import Passage
from lsp_server.completion.service import Completion
from lsp_server.terminal.source import SourceError

SAMPLES = sorted(samples_folder().iterdir())


def samples() -> list[RealFile]:
    return open_files(SAMPLES)


def test_samples_are_there_in_every_language_and_parse() -> None:
    for file in samples():
        assert file.language is not None
        assert file.snapshot(file.text, "file:///x").tree.errors() == 0
    names = {file.language.name for file in samples() if file.language}
    assert names == {"python", "javascript", "typescript", "tsx", "json"}
    assert set(SAMPLES) < set(default_files())


def test_cuts_take_out_what_stood_there() -> None:
    cuts = draw_cuts(samples(), 45, seed=0)
    assert len(cuts) == 45
    assert {cut.shape for cut in cuts} == set(SHAPES)
    assert len({cut.file.path.suffix for cut in cuts}) == 5
    for cut in cuts:
        assert cut.text[: cut.start] + cut.truth + cut.text[cut.start :] == cut.file.text
        assert cut.truth.strip() == cut.truth != ""
        assert "\n" not in cut.truth or cut.shape == "block"
        if cut.shape == "brackets":
            around = cut.text[: cut.start].rstrip()[-1] + cut.text[cut.start :].lstrip()[0]
            assert around in ("()", "[]", "{}")
        if cut.shape == "line":
            assert cut.file.text[cut.end : cut.end + 1] in ("\n", "")


@pytest.mark.parametrize("link", [False, True])
def test_secrets_are_not_read(tmp_path: Path, link: bool) -> None:
    secret, plain = tmp_path / "secrets.py", tmp_path / "plain.py"
    secret.write_text("key = 1\n")
    plain.symlink_to(secret)
    with pytest.raises(SourceError, match="never read"):
        open_files([plain if link else secret])


def test_cuts_are_repeatable() -> None:
    def places(seed: int) -> list[tuple[str, int, int]]:
        return [(c.file.path.name, c.start, c.end) for c in draw_cuts(samples(), 20, seed)]

    assert places(0) == places(0) != places(1)
    assert len(set(places(0))) == 20


def test_blocks_end_where_the_indentation_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("def f(x):\n    if x:\n        return 1\n    return 2\n\n\ny = 3\n")
    blocks = {c.truth for c in draw_cuts(open_files([file]), 30, 0) if c.shape == "block"}
    assert blocks == {"if x:\n        return 1\n    return 2", "return 1"}


def test_files_without_a_place_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x\n")
    with pytest.raises(SourceError, match="no place"):
        draw_cuts(open_files([tmp_path / "a.py"]), 3, 0)
    with pytest.raises(SourceError, match="No such file"):
        open_files([tmp_path / "b.py"])


def completion(cut: Cut, text: str | None) -> Completion:
    return Completion(text, cut.start, cut.start, None, "offered" if text else "not-confident")


def test_answers_are_judged_by_the_whole_file() -> None:
    cut = next(c for c in draw_cuts(samples(), 20, 0) if c.shape == "brackets")
    score = bounding.Score("x")
    for text in (cut.truth, "(((", "1", None):
        score.add(cut, completion(cut, text), (3, 50.0))
    assert [verdict.exact for verdict in score.verdicts] == [True, False, False, False]
    assert [verdict.parses for verdict in score.verdicts][:2] == [True, False]
    assert len(score.offered) == 3
    assert score.exact == 1
    assert score.verdicts[0].ms == 50.0
    assert score.tally.forwards.prefill == 12
    sums = bounding.to_json([score])["contestants"]["x"]
    assert (sums["holes"], sums["offered"], sums["exact"]) == (4, 3, 1)
    assert sums["by_shape"]["brackets"]["holes"] == 4
    assert bounding.table([score]).row_count == 1


def test_errors_that_a_file_had_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("def broken(:\n\nvalue = call(1, 2)\n")
    cut = Cut(RealFile.open(file), "brackets", 27, 31)
    assert cut.truth == "1, 2"
    assert cut.errors(file.read_text()) == 0


def test_a_passage_is_typed_key_by_key() -> None:
    python = next(file for file in samples() if file.path.suffix == ".py")
    start = python.text.index("reserved = sum(")
    passage = Passage.of(Cut(python, "line", start + 5, start + 9), keys=100)
    assert passage.start == start
    keys = passage.keys(1000)
    assert "".join(keys) == python.text[passage.start : passage.end]
    assert "\n        " in keys  # the editor indents
    assert passage.keys(3) == ["r", "e", "s"]

    typed = passage.open()
    assert typed.snapshot.text.count("reserved = sum(") == 0
    for key in keys:
        typed = typed.after(key)
    assert typed.snapshot.text == python.text
    assert typed.offset == passage.end
    assert typed.snapshot.version == len(keys)
    assert typed.snapshot.tree.text == python.text
