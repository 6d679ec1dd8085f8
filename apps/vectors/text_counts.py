"""Is every text embedded? This counts the texts per kind and project or repository, for the proof of a run."""

from apps.core.sql import rows
from apps.jobs.proof.counting import Texts
from apps.jobs.proof.lines import MAX_MISSING_IDS
from apps.raw.models import QuarantineState
from apps.raw.statements import unresolved
from apps.sources.definition import Stage
from apps.vectors.embedders import current_embedder
from apps.vectors.selectors import HAS_SAME_TEXT, HAS_TEXT, model_and_preparation

# Points of an older text, or of a text that was cut in another way, do not count. PostgreSQL computes only the columns
# of the view that are asked for, so most of its joins fall away. Whether a document has a text is computed only where
# it is not embedded.
_TEXT_COUNTS = f"""
SELECT kind, scope, count(*) FILTER (WHERE is_embedded OR has_text), count(*) FILTER (WHERE is_embedded),
    count(*) FILTER (WHERE NOT is_embedded AND state = '{QuarantineState.OPEN.value}'),
    count(*) FILTER (WHERE NOT is_embedded AND state = '{QuarantineState.DISMISSED.value}'),
    count(*) FILTER (WHERE NOT is_embedded AND state IS NULL AND has_text),
    (array_agg(external_id) FILTER (WHERE NOT is_embedded AND state IS NULL AND has_text))[:%(max_ids)s]
FROM (
    SELECT d.kind, d.scope, d.external_id, e.id IS NOT NULL AS is_embedded, q.state,
        CASE WHEN e.id IS NULL THEN d.{HAS_TEXT} END AS has_text
    FROM warehouse_document AS d
    LEFT JOIN vectors_embedding AS e ON e.integration_id = d.integration_id AND e.kind = d.kind
        AND e.external_id = d.external_id AND e.model = %(model)s AND {HAS_SAME_TEXT}
    LEFT JOIN ({unresolved(Stage.EMBEDDING)}) AS q ON q.integration_id = d.integration_id
        AND q.entity = d.kind AND q.external_id = d.external_id
    WHERE d.tenant_id = %(tenant)s AND {{where}}
) AS text
GROUP BY kind, scope
"""


def count_texts(tenant_id: int, integration_id: int | None, row_ids: dict[str, list[int]] | None) -> list[Texts]:
    """The state of the texts of an integration, or of the whole tenant; with ``row_ids`` only of these rows."""
    if row_ids is None:
        return _counted(
            "true" if integration_id is None else "d.integration_id = %(integration)s", tenant_id, integration_id
        )
    return [
        texts
        for kind, ids in row_ids.items()
        for texts in _counted(
            "d.integration_id = %(integration)s AND d.kind = %(kind)s AND d.row_id = ANY (%(ids)s)",
            tenant_id,
            integration_id,
            kind=kind,
            ids=ids,
        )
    ]


def _counted(where: str, tenant_id: int, integration_id: int | None, **values: object) -> list[Texts]:
    statement = _TEXT_COUNTS.format(where=where)
    values |= model_and_preparation(current_embedder())
    found = rows(statement, tenant=tenant_id, integration=integration_id, max_ids=MAX_MISSING_IDS, **values)
    return [Texts._make(row) for row in found]
