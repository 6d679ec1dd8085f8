"""May a role do what the roles below it may do, and no more?"""

import pytest

from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (None, set()),
        (Role.VIEWER, {Role.VIEWER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
        (Role.ADMIN, set(Role)),
    ],
)
def test_each_role_includes_the_ones_below(role: Role | None, allowed: set[Role]) -> None:
    assert {needed for needed in Role if may_act_as(role, needed)} == allowed
