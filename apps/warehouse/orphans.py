"""Which commits belong to no pull request any more? A force-push leaves them behind, or a pull request took them along.

Several pull requests may have one commit, so no single record can say that it is gone: this is looked at when the run
has loaded everything.
"""

from django.db import connection

_BURY = """
UPDATE warehouse_commit AS commit SET deleted_at = now(), loaded_at = now()
FROM (
    SELECT commit FROM warehouse_pullrequestcommit WHERE integration_id = %(integration)s
    GROUP BY commit HAVING bool_and(deleted_at IS NOT NULL)
) AS lost
WHERE commit.integration_id = %(integration)s AND commit.external_id = lost.commit AND commit.deleted_at IS NULL
"""


def bury_commits(integration_id: int) -> int:
    """Give a tombstone to every commit that only pull requests of the past have had; gives their number."""
    with connection.cursor() as cursor:
        cursor.execute(_BURY, {"integration": integration_id})
        return int(cursor.rowcount)
