"""What the reasons mean, in words for people: why a completion has no text.

Knows ids and sentences only. Rules have the ids of the functions in ``gate`` and ``polish``.
"""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "offered": "a text is offered",
    "loading": "the model is loading",
    "paused": "completions are paused",
    "off": "completions are switched off for every language",
    "closed": "the document is not open",
    "cancelled": "it was withdrawn",
    "timeout": "nothing could be offered within timeoutMs",
    "error": "it failed; the log says how",
    "G0": "completion while typing is switched off",
    "G1": "switched off for this language, or a file that holds secrets",
    "G2": "several places change at once",
    "G3": "there is text right of the cursor",
    "G4": "the last change was no typing: text was deleted, undone or pasted",
    "G5": "there is too little text in the file",
    "G6": "the file is too large",
    "S3": "the selected suggestion cannot be extended",
    "C1": "nothing before a special token",
    "L4": "nothing but an unfinished line or word",
    "D1": "nothing that does not follow already",
    "D2": "nothing but the rest of the line",
    "D3": "the next lines say the same",
    "D4": "it closes a bracket that is closed already",
    "D5": "nothing but what stands there already",
    "V1": "it closes a bracket that is not open",
    "V4": "the model is not sure enough",
    "V6": "nothing but white space",
}
