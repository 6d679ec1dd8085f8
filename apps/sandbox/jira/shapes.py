"""Which JSON does Jira give for people, projects, statuses, types and sprints? Each is encoded once and stored."""

from functools import cache

import msgspec

from apps.sandbox.clock import zulu_stamp
from apps.sandbox.data.catalogue import (
    ISSUE_TYPES,
    LINK_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    SPRINT_LISTS,
    SampleIssueType,
    SampleProject,
    SampleStatus,
)
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, raw

CATEGORIES = {
    "new": (2, "new", "blue-gray", "To Do"),
    "indeterminate": (4, "indeterminate", "yellow", "In Progress"),
    "done": (3, "done", "green", "Done"),
}


class JiraShapes:
    """Jira's JSON for the catalogue of one world; `base` is the address of the site."""

    def __init__(self, world: World, base: str) -> None:
        self.world = world
        self.base = base
        self.api = f"{base}/rest/api/3"
        self.agile = f"{base}/rest/agile/1.0"
        self.person_raw = cache(self._person_raw)
        self.project_raw = cache(self._project_raw)
        self.status_raw = cache(lambda status: raw(self.status(status)))
        self.type_raw = cache(lambda kind: raw(self.issue_type(kind)))
        self.priority_raw = cache(lambda index: raw(self.priority(index)))
        self.resolution_raw = cache(lambda index: raw(self.resolution(index)))
        self.link_type_raw = cache(lambda index: raw(self.link_type(index)))
        self.sprint_raw = cache(lambda key, index: raw(self.sprint_field(key, index)))

    def avatars(self, kind: str, number: object) -> Json:
        """Four sizes of a picture."""
        return {f"{n}x{n}": f"https://a.meridian.example/{kind}/{number}/{n}" for n in (48, 24, 16, 32)}

    def person(self, person: SamplePerson) -> Json:
        """A user inside an issue; the e-mail address may be null, empty or absent."""
        shape: Json = {"self": f"{self.api}/user?accountId={person.account_id}", "accountId": person.account_id}
        email = {"given": person.email, "null": None, "empty": ""}
        if person.email_form in email:
            shape["emailAddress"] = email[person.email_form]
        shape |= {"avatarUrls": self.avatars("user", 10_300 + person.index), "displayName": person.name,
                  "active": person.active}  # fmt: skip
        if person.zone:
            shape["timeZone"] = person.zone
        return shape | {"accountType": person.account_type}

    def _person_raw(self, person: SamplePerson | None) -> msgspec.Raw:
        return raw(self.person(person) if person else None)

    def category(self, name: str) -> Json:
        """A status category."""
        number, key, colour, label = CATEGORIES[name]
        return {
            "self": f"{self.api}/statuscategory/{number}",
            "id": number,
            "key": key,
            "colorName": colour,
            "name": label,
        }

    def scope(self, project_id: str) -> Json:
        """The scope of a team-managed project."""
        return {"type": "PROJECT", "project": {"id": project_id}}

    def status(self, status: SampleStatus) -> Json:
        """A status as issues, projects and `/status` show it."""
        shape: Json = {"self": f"{self.api}/status/{status.id}", "description": "",
                       "iconUrl": f"{self.base}/images/icons/statuses/generic.png", "name": status.name,
                       "untranslatedName": status.untranslated, "id": status.id,
                       "statusCategory": self.category(status.category)}  # fmt: skip
        return shape | {"scope": self.scope(status.scope)} if status.scope else shape

    def issue_type(self, kind: SampleIssueType) -> Json:
        """An issue type."""
        number = 10_300 + int(kind.id) % 100
        shape: Json = {"self": f"{self.api}/issuetype/{kind.id}", "id": kind.id, "description": "",
                       "iconUrl": f"{self.api}/universal_avatar/view/type/issuetype/avatar/{number}?size=medium",
                       "name": kind.name, "untranslatedName": kind.untranslated, "subtask": kind.level == -1,
                       "avatarId": number, "hierarchyLevel": kind.level}  # fmt: skip
        return shape | {"scope": self.scope(kind.scope)} if kind.scope else shape

    def project(self, project: SampleProject) -> Json:
        """A project in lists and inside issues."""
        return {"self": f"{self.api}/project/{project.id}", "id": project.id, "key": project.key, "name": project.name,
                "projectTypeKey": "software", "simplified": project.style == "next-gen",
                "avatarUrls": self.avatars("project", 10_400 + project.board_id)}  # fmt: skip

    def _project_raw(self, project: SampleProject) -> msgspec.Raw:
        return raw(self.project(project))

    def project_in_list(self, project: SampleProject) -> Json:
        """A project as `project/search` shows it."""
        shape: Json = {"expand": "description,lead,issueTypes,url,projectKeys,permissions,insight"}
        shape |= self.project(project) | {"style": project.style, "isPrivate": False, "properties": {}}
        if project.style == "next-gen":
            shape |= {"entityId": self.uuid(project), "uuid": self.uuid(project)}
        if project.archived:
            shape |= {"archived": True, "archivedBy": self.person(self.world.staff.viewer),
                      "archivedDate": zulu_stamp(self.world.calendar.moment(9000))}  # fmt: skip
        return shape

    def uuid(self, project: SampleProject) -> str:
        """The stable UUID of a team-managed project."""
        return f"3f1d2c4e-0b7a-4c55-9a51-{int(project.id):012d}"

    def priority(self, index: int) -> Json:
        """A priority."""
        number, name, colour = PRIORITIES[index]
        return {
            "self": f"{self.api}/priority/{number}",
            "statusColor": colour,
            "description": "",
            "iconUrl": f"{self.base}/images/icons/priorities/{name.lower()}.svg",
            "name": name,
            "id": number,
        }

    def resolution(self, index: int) -> Json:
        """A resolution."""
        number, name, words = RESOLUTIONS[index]
        return {"self": f"{self.api}/resolution/{number}", "id": number, "description": words, "name": name}

    def link_type(self, index: int) -> Json:
        """A type of issue links."""
        number, name, inward, outward = LINK_TYPES[index]
        return {"id": number, "name": name, "inward": inward, "outward": outward,
                "self": f"{self.api}/issueLinkType/{number}"}  # fmt: skip

    def sprint_field(self, key: str, index: int) -> Json:
        """A sprint inside the Sprint field."""
        sprint = SPRINT_LISTS[key][index]
        shape: Json = {"id": sprint.id, "name": sprint.name, "state": sprint.state, "boardId": sprint.board_id,
                       "goal": ""}  # fmt: skip
        return shape | self._sprint_dates(key, index)

    def _sprint_dates(self, key: str, index: int) -> Json:
        sprint = SPRINT_LISTS[key][index]
        if sprint.state == "future":
            return {}
        moment = self.world.calendar.moment
        dates = {"startDate": zulu_stamp(moment(sprint.start) + 7_261_417), "endDate": zulu_stamp(moment(sprint.end))}
        if sprint.state == "closed":
            dates["completeDate"] = zulu_stamp(moment(sprint.end) + 5_400_333)
        return dates

    def sprint(self, key: str, index: int) -> Json:
        """A sprint as the agile API shows it."""
        sprint = SPRINT_LISTS[key][index]
        shape: Json = {"id": sprint.id, "self": f"{self.agile}/sprint/{sprint.id}", "state": sprint.state,
                       "name": sprint.name}  # fmt: skip
        shape |= self._sprint_dates(key, index)
        if sprint.state != "future":
            shape["createdDate"] = zulu_stamp(self.world.calendar.moment(sprint.start) - 86_400_000)
        return shape | {"originBoardId": sprint.board_id, "goal": ""}

    def types(self) -> list[Json]:
        """All issue types of the live projects."""
        return [self.issue_type(t) for t in ISSUE_TYPES.values()]
