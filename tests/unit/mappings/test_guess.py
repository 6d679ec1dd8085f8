"""Are a provider's types and statuses guessed from what the source reports about them?"""

import pytest

from apps.mappings.choices import FlowCategory
from apps.mappings.guess import guess_category, guess_type


@pytest.mark.parametrize(
    ("name", "level", "is_subtask", "expected"),
    [
        ("Story", 0, False, "Story"),
        ("User Story", 0, False, "Story"),
        ("Neue Funktion", 0, False, "Task"),
        ("BUG", 0, False, "Bug"),
        ("Produktionsfehler", 0, False, "Task"),
        ("Fehler", 0, False, "Bug"),
        ("バグ", 0, False, "Bug"),
        ("Epic", 1, False, "Epic"),
        ("Bug epic", 1, False, "Epic"),
        ("Initiative", 2, False, "Initiative"),
        ("Sub-task", -1, True, "Sub-task"),
        ("Unteraufgabe", -1, False, "Sub-task"),
        ("Story part", 0, True, "Sub-task"),
        ("Debug session", 0, False, "Task"),
    ],
)
def test_a_type_is_known_by_level_then_name(name: str, level: int, is_subtask: bool, expected: str) -> None:
    assert guess_type(name=name, hierarchy_level=level, is_subtask=is_subtask).name == expected


@pytest.mark.parametrize(
    "name",
    [
        *("In Review", "QA", "Ready for test", "BLOCKED", "Waiting for customer", "On Hold", "Code-Review"),
        *("In Prüfung", "Wartet auf Kunde", "En attente", "À vérifier", "En espera", "Bloqueado", "Em revisão"),
        *("In attesa", "Oczekuje", "Na weryfikacji", "На проверке", "Ожидание", "レビュー中", "顧客待ち"),
        *("测试中", "대기 중"),
    ],
)
def test_work_that_waits_by_its_name_is_waiting(name: str) -> None:
    assert guess_category(name=name, category="indeterminate") == FlowCategory.WAITING


@pytest.mark.parametrize("name", ["In Progress", "Latest build", "Entwicklung", "En curso", "В работе", "開発中"])
def test_other_work_in_progress_is_active(name: str) -> None:
    assert guess_category(name=name, category="indeterminate") == FlowCategory.ACTIVE


def test_a_name_does_not_overrule_the_categories_to_do_and_done() -> None:
    assert guess_category(name="Reviewed", category="done") == FlowCategory.DONE
    assert guess_category(name="Waiting for triage", category="new") == FlowCategory.TO_DO


@pytest.mark.parametrize("category", ["undefined", "", "something new"])
def test_an_unknown_category_is_not_guessed(category: str) -> None:
    assert guess_category(name="Review", category=category) is None
