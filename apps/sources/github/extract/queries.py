"""What is asked over GraphQL? The query texts; a contract test checks each against GitHub's schema.

Numbers after ``first`` bound the cost of one answer: 25 pull requests with 25 of each child and 10 comments in each
review thread are fewer than 15,000 of the 500,000 nodes that GitHub allows, and cost 8 of the 5,000 points.
"""

from collections.abc import Sequence

MAX_LISTED_ITEMS = 100  # ids or deployments in one page of a list
MAX_OVERVIEW_REPOSITORIES = 10
MAX_REFRESHED_PULL_REQUESTS = 1000  # stored ones in one query
MAX_IDS_PER_LIST = 100  # GitHub accepts no more in one list of ids
MAX_DETAILED_PULL_REQUESTS = 25
MAX_EMBEDDED_CHILDREN = 25  # of each kind, in the answer with their pull request
MAX_CHILDREN_PER_PAGE = 100
MAX_PAGES_PER_QUERY = 10

_RATE = "rateLimit { cost remaining resetAt }"
_PAGED = "totalCount pageInfo { hasNextPage endCursor }"
_ACTOR = (
    "__typename login ... on User { databaseId name } ... on Bot { databaseId } "
    "... on Mannequin { databaseId } ... on Organization { databaseId name }"
)
_COMMITS = f"""{_PAGED} nodes {{ commit {{ oid message additions deletions authoredDate committedDate
  author {{ name email user {{ __typename login databaseId name }} }} }} }}"""
_REVIEWS = f"{_PAGED} nodes {{ fullDatabaseId state body submittedAt commit {{ oid }} author {{ {_ACTOR} }} }}"
_COMMENTS = f"{_PAGED} nodes {{ fullDatabaseId body createdAt updatedAt author {{ {_ACTOR} }} }}"
_THREAD_COMMENTS = f"""{_PAGED} nodes {{ fullDatabaseId body path line originalLine createdAt updatedAt
  pullRequestReview {{ fullDatabaseId }} author {{ {_ACTOR} }} }}"""
_THREADS = f"{_PAGED} nodes {{ id comments(first: 10) {{ {_THREAD_COMMENTS} }} }}"
# At least one of these changes whenever anything in a pull request changes. A deletion does not change updatedAt.
_FINGERPRINT = "updatedAt headRefOid totalCommentsCount"
_IDENTITY = f"id fullDatabaseId number url {_FINGERPRINT} repository {{ databaseId nameWithOwner }}"
_NEWEST = "orderBy: {field: UPDATED_AT, direction: DESC}"
_CREATED = "orderBy: {field: CREATED_AT, direction: DESC}"
_LISTED_PULLS = f"{_PAGED} nodes {{ id fullDatabaseId number createdAt updatedAt }}"
_DEPLOYMENT = f"""id databaseId commitOid environment createdAt updatedAt ref {{ name }}
  repository {{ databaseId nameWithOwner }}
  creator {{ {_ACTOR} }} latestStatus {{ state createdAt }} statuses(first: 30) {{ nodes {{ state createdAt }} }}"""

PULL_REQUESTS = f"""query PullRequests($owner: String!, $name: String!, $first: Int!, $after: String) {{
  {_RATE}
  repository(owner: $owner, name: $name) {{
    databaseId nameWithOwner
    pullRequests(first: $first, after: $after, {_NEWEST}) {{ {_LISTED_PULLS} }}
  }}
}}"""

PULL_REQUEST_DETAILS = f"""query PullRequestDetails($ids: [ID!]!, $inner: Int!) {{
  {_RATE}
  nodes(ids: $ids) {{
    ... on PullRequest {{
      {_IDENTITY}
      title body state isDraft createdAt mergedAt closedAt additions deletions changedFiles reviewDecision
      baseRefName headRefName headRepository {{ nameWithOwner }} mergeCommit {{ oid }}
      author {{ {_ACTOR} }} mergedBy {{ {_ACTOR} }}
      labels(first: 100) {{ nodes {{ name }} }}
      assignees(first: 20) {{ nodes {{ __typename login databaseId name }} }}
      commits(first: $inner) {{ {_COMMITS} }}
      reviews(first: $inner) {{ {_REVIEWS} }}
      reviewThreads(first: $inner) {{ {_THREADS} }}
      comments(first: $inner) {{ {_COMMENTS} }}
    }}
  }}
}}"""

DEPLOYMENTS = f"""query Deployments($owner: String!, $name: String!, $first: Int!, $after: String) {{
  {_RATE}
  repository(owner: $owner, name: $name) {{
    databaseId nameWithOwner
    deployments(first: $first, after: $after, {_CREATED}) {{ {_PAGED} nodes {{ {_DEPLOYMENT} }} }}
  }}
}}"""

DEPLOYMENT_DETAILS = f"""query DeploymentDetails($ids: [ID!]!) {{
  {_RATE}
  nodes(ids: $ids) {{ ... on Deployment {{ {_DEPLOYMENT} }} }}
}}"""

OVERVIEW = f"""query Overview($ids: [ID!]!, $first: Int!) {{
  {_RATE}
  nodes(ids: $ids) {{
    ... on Repository {{
      id nameWithOwner pushedAt updatedAt isArchived
      releases(first: $first, {_CREATED}) {{ {_PAGED} nodes {{ databaseId createdAt publishedAt updatedAt }} }}
      deployments(first: $first, {_CREATED}) {{ {_PAGED} nodes {{ id databaseId createdAt updatedAt }} }}
    }}
  }}
}}"""

_LISTS = {"commits": _COMMITS, "reviews": _REVIEWS, "reviewThreads": _THREADS, "comments": _COMMENTS}
THREAD_COMMENTS = "threadComments"


def pages(kinds: Sequence[str]) -> str:
    """One query for a further page of several lists at once: ``page0: …``, with ``$id0``, ``$after0`` …

    A kind is a child list of a pull request, or :data:`THREAD_COMMENTS` for the comments of one review thread.
    """
    variables = ", ".join(f"$id{i}: ID!, $after{i}: String" for i in range(len(kinds)))
    selections = "\n  ".join(_selection(i, kind) for i, kind in enumerate(kinds))
    return f"query Pages($first: Int!, {variables}) {{\n  {_RATE}\n  {selections}\n}}"


def pull_request_index(groups: int) -> str:
    """One query for the newest pull requests of ``$repositories`` and for the fingerprints of stored ones.

    The stored ones are given in ``groups`` lists of at most :data:`MAX_IDS_PER_LIST` ids: ``$known0``, ``$known1`` …
    """
    variables = "".join(f", $known{i}: [ID!]!" for i in range(groups))
    fields = f"id number {_FINGERPRINT} commits(first: 1) {{ totalCount }} reviews(first: 1) {{ totalCount }}"
    stored = "\n  ".join(
        f"known{i}: nodes(ids: $known{i}) {{ ... on PullRequest {{ {fields} }} }}" for i in range(groups)
    )
    newest = f"... on Repository {{ id nameWithOwner pullRequests(first: $first, {_NEWEST}) {{ {_LISTED_PULLS} }} }}"
    return f"""query PullRequestHeads($repositories: [ID!]!, $first: Int!{variables}) {{
  {_RATE}
  repositories: nodes(ids: $repositories) {{ {newest} }}
  {stored}
}}"""


def _selection(i: int, kind: str) -> str:
    where = f"(first: $first, after: $after{i})"
    if kind == THREAD_COMMENTS:
        inside = f"id pullRequest {{ {_IDENTITY} }} comments{where} {{ {_THREAD_COMMENTS} }}"
        return f"page{i}: node(id: $id{i}) {{ ... on PullRequestReviewThread {{ {inside} }} }}"
    inside = f"{_IDENTITY} {kind}{where} {{ {_LISTS[kind]} }}"
    return f"page{i}: node(id: $id{i}) {{ ... on PullRequest {{ {inside} }} }}"
