"""What is asked over GraphQL? The query texts; a contract test checks each against GitHub's schema.

Numbers after ``first`` bound what one answer can cost: 25 pull requests with 25 of each child and 10 comments
in each review thread are below 15,000 of the 500,000 nodes that GitHub allows, and 8 of the 5,000 points.
"""

from collections.abc import Sequence

LISTED = 100
DETAILED = 25
EMBEDDED = 25
PAGED = 100
BUNDLED = 10

_RATE = "rateLimit { cost remaining resetAt }"
_PAGE = "totalCount pageInfo { hasNextPage endCursor }"
_ACTOR = (
    "__typename login ... on User { databaseId name } ... on Bot { databaseId } "
    "... on Mannequin { databaseId } ... on Organization { databaseId name }"
)
_COMMITS = f"""{_PAGE} nodes {{ commit {{ oid message additions deletions authoredDate committedDate
  author {{ name email user {{ __typename login databaseId name }} }} }} }}"""
_REVIEWS = f"{_PAGE} nodes {{ fullDatabaseId state body submittedAt commit {{ oid }} author {{ {_ACTOR} }} }}"
_COMMENTS = f"{_PAGE} nodes {{ fullDatabaseId body createdAt updatedAt author {{ {_ACTOR} }} }}"
_THREAD_COMMENTS = f"""{_PAGE} nodes {{ fullDatabaseId body path line originalLine createdAt updatedAt
  pullRequestReview {{ fullDatabaseId }} author {{ {_ACTOR} }} }}"""
_THREADS = f"{_PAGE} nodes {{ id comments(first: 10) {{ {_THREAD_COMMENTS} }} }}"
_IDENTITY = "id fullDatabaseId number url updatedAt repository { databaseId nameWithOwner }"

PULL_REQUESTS = f"""query PullRequests($owner: String!, $name: String!, $first: Int!, $after: String) {{
  {_RATE}
  repository(owner: $owner, name: $name) {{
    databaseId nameWithOwner
    pullRequests(first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
      {_PAGE} nodes {{ id number updatedAt }}
    }}
  }}
}}"""

PULL_REQUEST_DETAILS = f"""query PullRequestDetails($ids: [ID!]!, $inner: Int!) {{
  {_RATE}
  nodes(ids: $ids) {{
    ... on PullRequest {{
      {_IDENTITY}
      title body state isDraft createdAt mergedAt closedAt additions deletions changedFiles reviewDecision
      baseRefName headRefName headRefOid headRepository {{ nameWithOwner }} mergeCommit {{ oid }}
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
    deployments(first: $first, after: $after, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
      {_PAGE}
      nodes {{
        databaseId commitOid environment createdAt updatedAt ref {{ name }} repository {{ databaseId }}
        creator {{ {_ACTOR} }} latestStatus {{ state createdAt }}
        statuses(first: 30) {{ nodes {{ state createdAt }} }}
      }}
    }}
  }}
}}"""

WORKING = f"query Working {{ {_RATE} }}"

_LISTS = {"commits": _COMMITS, "reviews": _REVIEWS, "reviewThreads": _THREADS, "comments": _COMMENTS}
THREAD = "threadComments"


def pages(kinds: Sequence[str]) -> str:
    """One query for a further page of several lists at once: ``page0: …``, with ``$id0``, ``$after0`` …

    A kind is a child list of a pull request, or :data:`THREAD` for the comments of one review thread.
    """
    variables = ", ".join(f"$id{i}: ID!, $after{i}: String" for i in range(len(kinds)))
    selections = "\n  ".join(_selection(i, kind) for i, kind in enumerate(kinds))
    return f"query Pages($first: Int!, {variables}) {{\n  {_RATE}\n  {selections}\n}}"


def _selection(i: int, kind: str) -> str:
    where = f"(first: $first, after: $after{i})"
    if kind == THREAD:
        inside = f"id pullRequest {{ {_IDENTITY} }} comments{where} {{ {_THREAD_COMMENTS} }}"
        return f"page{i}: node(id: $id{i}) {{ ... on PullRequestReviewThread {{ {inside} }} }}"
    inside = f"{_IDENTITY} {kind}{where} {{ {_LISTS[kind]} }}"
    return f"page{i}: node(id: $id{i}) {{ ... on PullRequest {{ {inside} }} }}"
