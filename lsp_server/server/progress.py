"""Progress reports of an infill: begin, one canvas after every forward, end; cancellable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lsp_server.diffusion.types import Step
from lsp_server.server.messages import Canvas, CanvasCell

Token = int | str

MASK = "░"
NEWLINE = "⏎"


class InfillProgress:
    """Reports under the client's progress tokens, if it gave any. Used on the event loop.

    Begin, report and end go to the ``work`` token, canvases to the ``partial`` token.
    """

    def __init__(self, server: LanguageServer, work: Token | None, partial: Token | None) -> None:
        self._server, self._work, self._partial = server, work, partial
        self._loop = asyncio.get_running_loop()

    @property
    def observer(self) -> Callable[[Step], None] | None:
        """The observer to call after every forward, from any thread; None without tokens."""
        if self._work is None and self._partial is None:
            return None

        def send(step: Step) -> None:
            self._loop.call_soon_threadsafe(self._report, step)

        return send

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` when the client cancels the work."""
        if self._work is not None:
            token = self._server.work_done_progress.tokens[self._work]
            token.add_done_callback(lambda _: stop())

    def __enter__(self) -> InfillProgress:
        if self._work is not None:
            begin = types.WorkDoneProgressBegin(title="Infill", cancellable=True)
            self._server.work_done_progress.begin(self._work, begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._work is not None:
            self._server.work_done_progress.end(self._work, types.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(self._work, None)

    def _report(self, step: Step) -> None:
        if self._work is not None:
            report = types.WorkDoneProgressReport(message=draw(step))
            self._server.work_done_progress.report(self._work, report)
        if self._partial is not None:
            cells = tuple(CanvasCell(cell.text, cell.origin, cell.state) for cell in step.cells)
            canvas = Canvas(step.kind, cells, round(step.ms, 1))
            self._server.progress(types.ProgressParams(self._partial, canvas))


def draw(step: Step) -> str:
    """A canvas in one line."""
    drawn = (MASK if cell.state == "mask" else cell.text for cell in step.cells)
    return "".join(drawn).replace("\n", NEWLINE)
