"""What belongs to the sample company? Everything here is built from one seed."""

from collections import Counter

from apps.sandbox.chance import source
from apps.sandbox.clock import Calendar, jira_stamp
from apps.sandbox.config import Options
from apps.sandbox.data.hub import SampleHub
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.large import enlarge
from apps.sandbox.data.people import hire
from apps.sandbox.data.pulls import SamplePull
from apps.sandbox.data.site import SampleSite


class World:
    """People, the Jira site and the GitHub organisation. `version` grows with every change."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.calendar = Calendar(options.until)
        self.staff = hire(source(options.seed))
        self.site = SampleSite(options.seed, options.issues, self.staff, self.calendar)
        enlarge(self.site, options.large_issues, options.seed)
        self.hub = SampleHub(options.seed, options.prs, self.staff, self.calendar, self.site)
        self.version = 0

    def pulls_of(self, issue: SampleIssue) -> list[SamplePull]:
        """The pull requests that the development panel of an issue shows."""
        return [self.hub.by_id[number] for number in issue.pulls]

    def development_string(self, issue: SampleIssue) -> str:
        """The value of the field Development: a string that only looks like JSON."""
        pulls = self.pulls_of(issue)
        if not pulls:
            return "{}"
        state = Counter(p.panel_status for p in pulls).most_common(1)[0][0]
        updated = jira_stamp(max(p.updated for p in pulls))
        return (
            f"{{pullrequest={{dataType=pullrequest, state={state}, stateCount={len(pulls)}}}, "
            f'json={{"cachedValue":{{"errors":[],"summary":{{"pullrequest":{{"overall":{{"count":{len(pulls)},'
            f'"lastUpdated":"{updated}","stateCount":{len(pulls)},"state":"{state}","dataType":"pullrequest",'
            f'"open":{str(state == "OPEN").lower()}}},"byInstanceType":{{"GitHub":{{"count":{len(pulls)},'
            f'"name":"GitHub"}}}}}}}}}},"isStale":true}}}}'
        )
