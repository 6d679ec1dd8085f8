"""How do the texts of an issue look in the Atlassian Document Format?"""

from apps.sandbox.chance import source
from apps.sandbox.data.corpus import REMARKS, Pen
from apps.sandbox.data.issues import SampleComment, SampleIssue
from apps.sandbox.data.people import SamplePerson, Staff
from apps.sandbox.encoding import Json


def document(*blocks: Json) -> Json:
    """A document of block nodes."""
    return {"type": "doc", "version": 1, "content": list(blocks)}


def text(words: str, *marks: Json) -> Json:
    """A text node."""
    return {"type": "text", "text": words, "marks": list(marks)} if marks else {"type": "text", "text": words}


def paragraph(*inline: str | Json) -> Json:
    """A paragraph of words and inline nodes; adjacent words become one text node."""
    nodes: list[Json] = []
    for part in inline:
        if not isinstance(part, str):
            nodes.append(part)
        elif nodes and nodes[-1]["type"] == "text" and "marks" not in nodes[-1]:
            nodes[-1]["text"] += part
        else:
            nodes.append(text(part))
    return {"type": "paragraph", "content": nodes}


def heading(words: str) -> Json:
    """A heading of the third level."""
    return {"type": "heading", "attrs": {"level": 3}, "content": [text(words)]}


def bullets(lines: list[str], kind: str = "bulletList") -> Json:
    """A list, one line each."""
    return {"type": kind, "content": [{"type": "listItem", "content": [paragraph(line)]} for line in lines]}


def code(words: str, language: str = "text") -> Json:
    """A code block."""
    return {"type": "codeBlock", "attrs": {"language": language}, "content": [text(words)]}


def panel(words: str) -> Json:
    """An information panel."""
    return {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(words)]}


def mention(person: SamplePerson) -> Json:
    """An inline mention of a person."""
    return {"type": "mention", "attrs": {"id": person.account_id, "text": f"@{person.name}", "accessLevel": ""}}


def inline_code(words: str) -> Json:
    """Words marked as code."""
    return text(words, {"type": "code"})


def description(issue: SampleIssue) -> Json | None:
    """The description of an issue; some sub-tasks and spikes have none."""
    rng = source(issue.seed + issue.revision)
    pen = Pen(rng)
    topic = issue.topic
    if issue.appendix:
        return document(paragraph(pen.pick(topic.symptoms)), code(issue.appendix))
    if issue.type.level == -1:
        return document(paragraph(pen.pick(topic.fixes))) if rng.random() < 0.6 else None
    if rng.random() < 0.02:
        return None
    symptoms = pen.some(topic.symptoms, 3)
    blocks = [paragraph(f"{issue.summary.rstrip('.')}. ", symptoms[0], " ", symptoms[1])]
    if issue.type.untranslated in ("Bug", "Incident"):
        blocks += [
            heading("What happens"),
            paragraph(symptoms[2], " ", pen.trap()),
            code(pen.write(topic.log)),
            heading("Steps to reproduce"),
            bullets(
                [
                    pen.write("Open {customer} on version {ver}."),
                    pen.write("Repeat the request {n} times."),
                    symptoms[0],
                ],
                "orderedList",
            ),
            heading("Likely cause"),
            paragraph(pen.pick(topic.causes), " See ", inline_code(rng.choice(topic.paths)), "."),
        ]
    else:
        blocks += [panel(pen.write("Asked for by {customer}, wanted before release {ver}.")), heading("Why"),
                   paragraph(symptoms[2], " ", pen.pick(topic.causes)), heading("Idea"),
                   bullets(pen.some(topic.fixes, 3)),
                   paragraph("Starting point: ", inline_code(rng.choice(topic.paths)), ". ", pen.trap())]  # fmt: skip
    blocks += [heading("Done when"), bullets(pen.some(topic.checks, 3))]
    return document(*blocks)


def comment_body(comment: SampleComment, issue: SampleIssue, staff: Staff) -> Json:
    """The words of one comment."""
    if comment.text is not None:
        return document(paragraph(comment.text))
    rng = source(comment.seed)
    pen = Pen(rng)
    topic = issue.topic
    luck = rng.random()
    if luck < 0.25:
        return document(paragraph(mention(staff.humans[comment.seed % len(staff.humans)]), " ", pen.pick(REMARKS)))
    if luck < 0.45:
        return document(paragraph(pen.pick(topic.causes), " ", pen.trap()), code(pen.write(topic.log)))
    if luck < 0.65:
        return document(paragraph("Plan for this: "), bullets(pen.some(topic.fixes, 2)), paragraph(pen.pick(REMARKS)))
    if luck < 0.8:
        return document(paragraph(pen.pick(topic.symptoms)), paragraph(pen.pick(REMARKS)))
    return document(paragraph(pen.pick(REMARKS), " ", pen.pick(topic.fixes)))
