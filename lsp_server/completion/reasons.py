"""The reasons for a completion's text or for its absence, each with a message for the user.

Reasons come from the rules in ``gate`` and ``postprocess``, from the service and from the server.
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
    "automatic-off": "completion while typing is switched off",
    "language-off": "completion is switched off for this language",
    "secret-file": "the file is one of those that may hold secrets",
    "secret-text": "a key, token or password stands there",
    "repeats-secret": "it holds a key, token or password",
    "file-too-large": "the file is too large",
    "several-places": "several places change at once",
    "text-after-cursor": "there is text right of the cursor",
    "not-typed": "the last change was no typing: text was deleted, undone or pasted",
    "too-little-text": "there is too little text in the file",
    "suggestion-not-extended": "the selected suggestion cannot be extended",
    "not-confident": "the model is not sure enough",
    "foreign-line": "nothing before a line that belongs to no code",
    "unfinished": "nothing but an unfinished line or word",
    "blank": "nothing but white space",
    "already-there": "nothing that does not follow already",
    "rest-of-line": "nothing but the rest of the line",
    "repeats-lines-below": "the next lines say the same",
    "repeats-line-above": "the line above says the same",
    "bracket-closed-already": "it closes a bracket that is closed already",
    "unchanged": "nothing but what stands there already",
    "bracket-not-open": "it closes a bracket that is not open",
    "breaks-syntax": "with it the line would be no valid code",
}
