"""Do the pages obey the content security policy, and are there error pages?"""

import re
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client

from apps.jobs.models import Run

TEMPLATES = sorted(Path("apps/dashboard/templates").rglob("*.html"))
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r'(?:src|href)="(?:https?:)?//')


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style_or_a_foreign_asset(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not INLINE.search(text)
    assert not ELSEWHERE.search(text)


@pytest.mark.parametrize("page", ["/", "/jobs/{job}/", "/runs/{run}/", "/login/", "/search/?q=x"])
def test_the_policy_allows_only_our_own(page: str, run: Run, viewer: Client) -> None:
    answer = viewer.get(page.format(job=run.job_id, run=run.pk))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not INLINE.search(answer.content.decode())


def test_an_unknown_address_gets_our_own_error_page(run: Run, viewer: Client) -> None:
    answer = viewer.get("/nothing/here/")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500"])
def test_an_error_page_needs_no_context(code: str) -> None:
    assert "Go to Home" in render_to_string(f"{code}.html")
