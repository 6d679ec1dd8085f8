"""How do Jira's error messages read?"""

from apps.sandbox.encoding import Json
from apps.sandbox.http import ApiError

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


def collection(*messages: str) -> Json:
    """Jira's error collection."""
    return {"errorMessages": list(messages), "errors": {}}


NOT_FOUND = {"errorMessages": ["dead link"], "errors": {}}


def bad(*messages: str) -> ApiError:
    """400 with sentences."""
    return ApiError(400, collection(*messages))


def missing(message: str = NO_ISSUE) -> ApiError:
    """404 with a sentence."""
    return ApiError(404, collection(message))
