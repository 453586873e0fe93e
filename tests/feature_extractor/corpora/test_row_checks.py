import pytest

from feature_extractor.corpora.row_checks import too_many_missing


@pytest.mark.parametrize(
    ("missing", "total", "is_too_many"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 1, True),
        (1, 2, True),
        (1, 3, False),
        (2, 5, False),
        (3, 5, True),
        (20, 41, False),
        (20, 40, True),
        (21, 100, True),
        (50, 1000, False),
        (51, 1000, True),
    ],
)
def test_few_may_be_missing_of_any_copy_a_share_of_a_large_one_half_of_none(
    missing, total, is_too_many
):
    assert too_many_missing(missing, total, 0.05) == is_too_many
