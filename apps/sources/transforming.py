"""How does a record with values that cannot be read become rows? What the values may have named is not deleted."""

from collections.abc import Callable, Mapping

from apps.sources.base import Context, SourceRecord, Transformed
from apps.sources.reading import odd_values
from apps.sources.rows import Row

Transformer = Callable[[SourceRecord, Context], Transformed]


def transform_record(
    transformers: Mapping[str, Transformer], record: SourceRecord, context: Context, *, named: type[Row]
) -> Transformed:
    """The rows of one record, with the paths of its odd values; ``KeyError`` for an unknown entity.

    Rows of the type ``named`` are found in other values of a record, such as titles. If a value cannot be read, it may
    have named one of them, so no stored row of this type is taken for deleted.
    """
    with odd_values() as paths:
        transformed = transformers[record.entity](record, context)
    transformed.odd_values = paths
    if paths:
        transformed.complete = [one for one in transformed.complete if one.row_type is not named]
    return transformed
