import pytest
import torch

from graph_er.graphs.chunks import divide, over_chunks
from graph_er.graphs.windows import context_cells, context_windows, cut

LENGTHS = [5, 300, 1, 64, 129]


def pointer(lengths):
    return torch.tensor([0, *lengths]).cumsum(0)


@pytest.mark.parametrize(("past", "future"), [(0, 0), (20, 20), (-1, 0), (3, -1), (-1, -1)])
@pytest.mark.parametrize("window", [1, 7, 64])
def test_windows_hear_all_that_they_may_and_stay_in_their_dialogue(past, future, window):
    ptr = pointer(LENGTHS)
    windows = cut(ptr, past=past, future=future, window=window, whole=window)
    hearing = []
    for start, stop, first, last in zip(*(part.tolist() for part in windows), strict=True):
        hearing += range(start, stop)
        begin = int(ptr[ptr <= start].max())
        end = int(ptr[ptr > start].min())
        assert stop <= end
        assert stop - start <= window
        assert first == (begin if past < 0 else max(begin, start - past))
        assert last == (end if future < 0 else min(end, stop + future))
    assert hearing == [*range(sum(LENGTHS))]


def test_dialogues_within_reach_of_themselves_stay_whole():
    windows = context_windows(pointer([513, 514]), past=512, future=512)
    assert windows.sizes()[0] == (513, 513)
    assert all(hearing <= 128 for hearing, _ in windows.sizes()[1:])


def test_the_work_of_a_far_context_grows_linearly_with_the_length():
    cells = []
    for length in (5_000, 10_000, 20_000):
        sizes = context_windows(pointer([length]), past=512, future=512).sizes()
        cells.append(sum(hearing * heard for hearing, heard in sizes))
        assert cells[-1] == pytest.approx(context_cells(length, 512), rel=0.1)
    assert cells[2] - cells[1] == pytest.approx(2 * (cells[1] - cells[0]), rel=0.02)


@pytest.mark.parametrize("cells", [1, 5_000, 10**9])
def test_groups_hold_every_window_once_and_only_alike_ones(cells):
    windows = context_windows(pointer(LENGTHS * 3), past=100, future=100)
    groups = list(windows.alike(cells))
    starts = torch.cat([group.start for group in groups])
    assert sorted(starts.tolist()) == windows.start.tolist()
    for group in groups:
        hearing, heard = zip(*group.sizes(), strict=True)
        assert max(hearing) <= 1.25 * min(hearing) + 4
        assert max(heard) <= 1.25 * min(heard) + 4
        assert len(hearing) == 1 or len(hearing) * max(hearing) * max(heard) <= cells


@pytest.mark.parametrize("cells", [1, 3_000, 10**9])
@pytest.mark.parametrize("grad", [True, False])
def test_chunks_are_given_the_rows_that_they_hear(cells, grad):
    windows = cut(pointer(LENGTHS), past=9, future=4, window=16, whole=16)
    x = torch.arange(sum(LENGTHS), dtype=torch.double)[:, None].requires_grad_(grad)

    def compute(chunk, rows):
        # Each hearing row is the sum of what its window hears.
        parts = [
            rows[first:last].sum(0).expand(stop - start, 1)
            for start, stop, first, last in zip(*(p.tolist() for p in chunk.windows), strict=True)
        ]
        return torch.cat(parts)

    with torch.set_grad_enabled(grad):
        found = over_chunks(compute, divide(windows, cells), x)
    expected = torch.cat(
        [
            x.detach()[first:last].sum(0).expand(stop - start, 1)
            for start, stop, first, last in zip(*(p.tolist() for p in windows), strict=True)
        ]
    )
    assert torch.equal(found, expected)
    if grad:
        found.sum().backward()
        heard = sum(
            (stop - start) * torch.zeros(len(x)).index_fill(0, torch.arange(first, last), 1)
            for start, stop, first, last in zip(*(p.tolist() for p in windows), strict=True)
        )
        assert torch.equal(x.grad.squeeze(1), heard.double())
