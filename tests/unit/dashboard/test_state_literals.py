"""Does every template and every script ask a state what it means, instead of comparing it with a text?"""

import re
from pathlib import Path

from apps.progress.choices import JobState, NoticeState, RunState, StageState

DASHBOARD = Path("apps/dashboard")
STATES = {*JobState.values, *RunState.values, *StageState.values, *NoticeState.values}
COMPARED = re.compile(rf"(===?|!==?)\s*[\"'](?:{'|'.join(sorted(STATES))})[\"']")


def test_no_template_and_no_script_compares_a_state_with_a_text() -> None:
    files = [*DASHBOARD.rglob("*.html"), *DASHBOARD.rglob("*.js")]
    assert len(files) > 50
    lines = {file: file.read_text().splitlines() for file in files}
    found = [f"{file}: {line.strip()}" for file, texts in lines.items() for line in texts if COMPARED.search(line)]
    assert found == []
