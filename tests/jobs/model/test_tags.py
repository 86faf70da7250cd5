import pytest

from webapp.jobs.model.tags import MOST_TAGS, TAGS, InvalidTags, clean_tags, split_tags


def test_tags_are_stored_in_lower_case_sorted_and_once() -> None:
    assert clean_tags(["Urgent", " month   end ", "urgent"]) == ("month end", "urgent")
    assert split_tags("Urgent, ,month end,") == ("month end", "urgent")
    assert split_tags("  ") == ()


@pytest.mark.parametrize("tag", ["", "  ", "x" * 41, "a,b", None, 7])
def test_a_tag_that_cannot_be_stored_is_refused_with_a_sentence(tag: object) -> None:
    with pytest.raises(InvalidTags, match=r"^A tag must have 1 to 40 visible characters and no comma, not .*\.$"):
        clean_tags([tag])
    assert not TAGS.accepts([tag])


def test_a_job_has_a_limited_number_of_tags() -> None:
    tags = [str(number) for number in range(MOST_TAGS + 1)]
    with pytest.raises(InvalidTags, match="at most 10 tags, not 11"):
        clean_tags(tags)
    assert TAGS.accepts(tags[1:])
    assert not TAGS.accepts("urgent")
