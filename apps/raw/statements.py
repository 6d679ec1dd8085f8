"""Which rows of this app may the SQL of other apps join? Statements for a subquery; their columns are promised."""

from apps.raw.models import QuarantineState

# The current version of every record: id, integration_id, entity, external_id, scope.
CURRENT_RECORDS = "SELECT id, integration_id, entity, external_id, scope FROM raw_extraction_data WHERE is_current"

# The ids of the current records that the run %(run)s has listed.
LISTED_RECORD_IDS = """
SELECT listed.id FROM raw_seen AS seen
JOIN raw_extraction_data AS listed USING (integration_id, entity, external_id)
WHERE seen.run = %(run)s AND listed.is_current
"""


def unresolved(stage: str) -> str:
    """The quarantine entries of a stage that are open or dismissed: id, integration_id, entity, external_id, state."""
    return f"""
        SELECT id, integration_id, entity, external_id, state FROM raw_quarantine
        WHERE stage = '{stage}' AND state <> '{QuarantineState.RESOLVED.value}'
    """
