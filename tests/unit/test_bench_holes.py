from pathlib import Path

import pytest

from lsp_server.bench.holes import (
    SHAPES,
    Cut,
    RealFile,
    default_files,
    draw_cuts,
    open_files,
    samples_folder,
)
from lsp_server.source_files import SourceError

SAMPLES = sorted(samples_folder().iterdir())


def samples() -> list[RealFile]:
    return open_files(SAMPLES)


def test_samples_are_there_in_every_language_and_parse() -> None:
    parsed = [file for file in samples() if file.language is not None]
    for file in parsed:
        assert file.snapshot(file.text, "file:///x").tree.errors() == 0
    names = {file.language.name for file in parsed if file.language}
    assert names >= {"python", "javascript", "typescript", "tsx", "json"}
    assert {file.path.suffix for file in samples()} >= {".go", ".md"}
    assert set(SAMPLES) < set(default_files())


def test_cuts_take_out_what_stood_there() -> None:
    cuts = draw_cuts(samples(), 45, seed=0)
    assert len(cuts) == 45
    assert {cut.shape for cut in cuts} == set(SHAPES)
    assert len({cut.file.path.suffix for cut in cuts}) == len(SAMPLES)
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
    secret, plain = tmp_path / "secrets.toml", tmp_path / "plain.py"
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


def test_errors_that_a_file_had_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("def broken(:\n\nvalue = call(1, 2)\n")
    cut = Cut(RealFile.open(file), "brackets", 27, 31)
    assert cut.truth == "1, 2"
    assert cut.errors(file.read_text()) == 0
