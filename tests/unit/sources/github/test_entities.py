"""Does the table of entities name what extraction and transform do?"""

from apps.sources.github.entities import CHILD_LISTS, ENTITIES, PULL_REQUEST_CHILDREN
from apps.sources.github.transform.deletions import NAMING_COLUMNS
from apps.sources.github.transform.records import TRANSFORMERS


def test_each_entity_is_transformed() -> None:
    assert ENTITIES.keys() == TRANSFORMERS.keys()


def test_each_entity_has_rows_to_delete_or_goes_with_its_pull_request() -> None:
    assert ENTITIES.keys() == NAMING_COLUMNS.keys() | set(PULL_REQUEST_CHILDREN)


def test_all_that_belongs_to_a_repository_goes_with_it() -> None:
    assert set(ENTITIES["repository"].children) == ENTITIES.keys() - {"repository"}


def test_each_child_is_a_page_of_one_list_and_counted() -> None:
    assert sorted(CHILD_LISTS.values()) == sorted(PULL_REQUEST_CHILDREN)
    assert all(ENTITIES[name].total for name in PULL_REQUEST_CHILDREN)
