from lsp_server.bench import span_bounding
from lsp_server.bench.holes import Cut, draw_cuts, open_files, samples_folder
from lsp_server.completion.service import Completion


def completion(cut: Cut, text: str | None) -> Completion:
    return Completion(text, cut.start, cut.start, None, "offered" if text else "not-confident")


def test_answers_are_judged_by_the_whole_file() -> None:
    cut = next(
        c
        for c in draw_cuts(open_files(sorted(samples_folder().iterdir())), 20, 0)
        if c.shape == "brackets" and c.file.language
    )
    score = span_bounding.Score("x")
    for text in (cut.truth, "(((", "1", None):
        score.add(cut, completion(cut, text), (3, 50.0))
    assert [verdict.exact for verdict in score.verdicts] == [True, False, False, False]
    assert [verdict.parses for verdict in score.verdicts][:2] == [True, False]
    assert len(score.offered) == 3
    assert score.exact == 1
    assert score.verdicts[0].ms == 50.0
    assert score.tally.forwards.prefill == 12
    sums = span_bounding.to_json([score])["bounding"]["variants"]["x"]
    assert (sums["holes"], sums["offered"], sums["exact"]) == (4, 3, 1)
    assert sums["by_shape"]["brackets"]["holes"] == 4
    assert [table.row_count for table in span_bounding.tables([score])] == [1]


def test_without_holes_nothing_is_reported() -> None:
    assert span_bounding.to_json([]) == {}
    assert list(span_bounding.tables([])) == []
