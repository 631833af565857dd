from pathlib import Path

import pytest

from lsp_server.source_files import SourceError, find_files, find_texts, read


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        ("é\r\n".encode(), "é\r\n", "utf-8"),
        (b"\xef\xbb\xbfx", "x", "utf-8-sig"),
        ("\ufeffé".encode("utf-16-le"), "é", "utf-16"),
        ("\ufeffé".encode("utf-16-be"), "é", "utf-16"),
        ("\ufeffé".encode("utf-32-le"), "é", "utf-32"),
        (b"caf\xe9", "café", "latin-1"),
    ],
)
def test_encodings(tmp_path: Path, data: bytes, text: str, encoding: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(data)
    source = read(file)
    assert (source.text, source.encoding) == (text, encoding)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x01", "it is a binary file"),
        (b"\x7fELF\xff\x00", "it is a binary file"),
        (b"\xff\xfeabc", "it is marked as utf-16 but is not valid"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, words: str) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(data)
    with pytest.raises(SourceError, match=words):
        read(file)


def write_files(folder: Path, number: int, suffix: str) -> Path:
    folder.mkdir()
    for index in range(number):
        (folder / f"m{index}{suffix}").write_text(f"x = {index}\n")
    return folder


def test_files_are_drawn_from_every_folder(tmp_path: Path) -> None:
    one, two = write_files(tmp_path / "one", 100, ".py"), write_files(tmp_path / "two", 3, ".js")
    (two / "declared.d.ts").write_text("let x: number\n")
    (two / "long.js").write_text("x\n" * 100_000)
    (two / "image.png").write_bytes(b"\0")
    (two / "secrets.json").write_text("{}")
    found = find_files([one, two], seed=0)
    assert len({path for path in found if path.parent == one}) == 80
    assert sorted(path.name for path in found if path.parent == two) == ["m0.js", "m1.js", "m2.js"]
    assert find_files([one, two], 0) == found != find_files([one, two], 1)
    with pytest.raises(SourceError, match="no folder"):
        find_files([one / "m0.py"], 0)


def test_texts_are_those_of_the_files_in_an_order_of_their_own(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "one", 20, ".py")
    texts = find_texts([folder], seed=0)
    assert sorted(texts) == sorted(path.read_text() for path in folder.iterdir())
    assert texts == find_texts([folder], seed=0) != find_texts([folder], seed=1)
