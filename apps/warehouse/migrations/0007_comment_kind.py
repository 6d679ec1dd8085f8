"""Comments of the conversation and comments on lines are numbered by themselves: the external id names the kind.

The vectors of renamed comments are made again by the next run of the Vectorization job.
"""

from django.db import migrations

FORWARDS = """
UPDATE warehouse_pullrequestcomment SET external_id = kind || ':' || external_id
WHERE external_id NOT LIKE kind || ':%'
"""
# Two comments with the same number cannot both get it back: the one on a line keeps its name.
BACKWARDS = """
UPDATE warehouse_pullrequestcomment AS own SET external_id = split_part(own.external_id, ':', 2)
WHERE own.external_id LIKE own.kind || ':%' AND NOT (own.kind = 'review' AND EXISTS (
    SELECT FROM warehouse_pullrequestcomment AS other
    WHERE other.integration_id = own.integration_id
        AND other.external_id = 'issue:' || split_part(own.external_id, ':', 2)
))
"""


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0006_longer_keys")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
