"""What does a provider's type or status most likely mean? The guess uses what the source reports about it."""

import re
from typing import NamedTuple

from apps.mappings.choices import FlowCategory


class DefaultType(NamedTuple):
    """A standard type that a new tenant gets."""

    name: str
    level: int


class DefaultStep(NamedTuple):
    """A flow step that a new tenant gets. Its position is its index in the list."""

    name: str
    category: FlowCategory


INITIATIVE, EPIC = DefaultType("Initiative", 4), DefaultType("Epic", 3)
STORY, TASK, BUG = DefaultType("Story", 2), DefaultType("Task", 2), DefaultType("Bug", 2)
SUBTASK = DefaultType("Sub-task", 1)
DEFAULT_TYPES = (INITIATIVE, EPIC, STORY, TASK, BUG, SUBTASK)
DEFAULT_LINKS = (
    (INITIATIVE, EPIC),
    *((EPIC, child) for child in (STORY, TASK, BUG)),
    *((parent, SUBTASK) for parent in (STORY, TASK, BUG)),
)

DEFAULT_WORKFLOW = "Default"
DEFAULT_STEPS = (
    DefaultStep("To Do", FlowCategory.TO_DO),
    DefaultStep("In Progress", FlowCategory.ACTIVE),
    DefaultStep("Review", FlowCategory.WAITING),
    DefaultStep("Done", FlowCategory.DONE),
)

# Beginnings of words in English, German, French, Spanish, Portuguese, Italian, Dutch, Polish and Russian, and parts of
# texts in Japanese, Chinese and Korean, which have no spaces between words.
BUG_NAMES = re.compile(
    r"\b(bug|defect|incident|fehler|störung|anomalie|erreur|errore|erro\b|fallo|defeito|difetto|fout|storing|"
    r"błąd|ошибк|дефект|инцидент)|バグ|不具合|障害|缺陷|故障|错误|버그|결함",
    re.IGNORECASE,
)
STORY_NAMES = re.compile(
    r"\b(user[ -]?story|story|feature|improvement|enhancement|requirement|anforderung|verbesserung|récit|"
    r"amélioration|historia|mejora|história|melhoria|storia|miglioramento|verhaal|verbetering|"
    r"истори|улучшени)|ストーリー|改善|故事|需求|스토리",
    re.IGNORECASE,
)
WAITING_NAMES = re.compile(
    r"\b(review|qa\b|qc\b|uat\b|test|verif|validat|approv|accept|block|wait|pending|on[ -]?hold|paused|"
    r"stalled|prüf|überprüf|abnahme|freigabe|wart|pausiert|zurückgestellt|"
    r"revue|relecture|recette|vérif|valid|attente|bloqu|suspendu|"
    r"revis|prueb|aprob|espera|pausa|homologa|aprova|aguard|"
    r"collaudo|attesa|sospes|beoordel|controle|goedkeur|wacht|geblokkeerd|"
    r"przegląd|weryfik|oczek|zablok|wstrzym|провер|ревью|тест|соглас|ожида|блок|заблок|приостан)|"
    r"レビュー|確認|テスト|検証|承認|待ち|保留|ブロック|评审|審查|审核|审查|测试|測試|验收|等待|阻塞|暂停|"
    r"검토|테스트|대기|보류|차단",
    re.IGNORECASE,
)
CATEGORIES = {"new": FlowCategory.TO_DO, "indeterminate": FlowCategory.ACTIVE, "done": FlowCategory.DONE}


def guess_type(*, name: str, hierarchy_level: int, is_subtask: bool) -> DefaultType:
    """The standard type of a provider's type, by its level (Jira: -1 sub-task, 1 epic), then by its name."""
    if is_subtask or hierarchy_level < 0:
        return SUBTASK
    if hierarchy_level > 0:
        return EPIC if hierarchy_level == 1 else INITIATIVE
    if BUG_NAMES.search(name):
        return BUG
    return STORY if STORY_NAMES.search(name) else TASK


def guess_category(*, name: str, category: str) -> FlowCategory | None:
    """The category that the source reports, but *waiting* if the name of the status says so; ``None`` if unknown."""
    known = CATEGORIES.get(category)
    return FlowCategory.WAITING if known == FlowCategory.ACTIVE and WAITING_NAMES.search(name) else known
