"""Which commits belong to no pull request any more, because it was deleted or a force-push replaced them?

Several pull requests may share a commit, so no single record proves that it is gone. The run looks for such commits
after it has loaded everything.
"""

from django.db import connection

_BURY = """
UPDATE warehouse_commit AS commit SET deleted_at = now(), loaded_at = now()
FROM (
    SELECT commit FROM warehouse_pullrequestcommit WHERE integration_id = %(integration)s
    GROUP BY commit HAVING bool_and(deleted_at IS NOT NULL)
) AS orphan
WHERE commit.integration_id = %(integration)s AND commit.external_id = orphan.commit AND commit.deleted_at IS NULL
"""


def bury_commits(integration_id: int) -> int:
    """Give a tombstone to every commit that no pull request has any more; gives the number of these commits."""
    with connection.cursor() as cursor:
        cursor.execute(_BURY, {"integration": integration_id})
        return int(cursor.rowcount)
