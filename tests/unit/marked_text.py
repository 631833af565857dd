"""Documents written with a mark at the cursor, and completions in them drawn as text."""

from typing import Any

from lsp_server.completion.gate import Trigger
from lsp_server.completion.service import Completion, CompletionService, Snapshot
from lsp_server.settings import Settings
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree
from tests.unit.scripted import Script, ScriptedDecoder

HEAD = "import os\n\n\ndef area(width, height):\n    return width * height\n\n\n"


def snapshot(text: str, language: str = "python", uri: str = "file:///work/app.py") -> Snapshot:
    tree = SyntaxTree.parse(text, language_for(language, uri))
    return Snapshot(uri, language, 1, text, tree)


def cursor(marked: str, **kind: str) -> tuple[Snapshot, int]:
    """A document and the offset of its ``|``."""
    return snapshot(marked.replace("|", "", 1), **kind), marked.index("|")


def service(script: Script, **settings: Any) -> tuple[CompletionService, ScriptedDecoder]:
    decoder = ScriptedDecoder(script)
    return CompletionService(decoder, Settings(**settings)), decoder


def complete(
    marked: str, script: Script, trigger: Trigger = "invoked", **kind: str
) -> tuple[str, Completion]:
    """The document with the edit drawn into it (├text┤replaced╣), and the completion."""
    document, offset = cursor(marked, **kind)
    completion = service(script)[0].complete(document, offset, trigger)
    return drawn(document.text, completion), completion


def drawn(text: str, completion: Completion) -> str:
    if completion.text is None:
        return completion.reason
    start, end = completion.start, completion.end
    return f"{text[:start]}├{completion.text}┤{text[start:end]}╣{text[end:]}"


def applied(text: str, completion: Completion) -> str:
    if completion.text is None:
        return text
    return text[: completion.start] + completion.text + text[completion.end :]
