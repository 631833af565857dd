from lsp_server.bench.holes import Cut, open_files, samples_folder
from lsp_server.bench.keystrokes import Passage


def test_a_passage_is_typed_key_by_key() -> None:
    (python,) = open_files(list(samples_folder().glob("*.py")))
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
