"""How much of its hourly budget has a token used?"""

from apps.sandbox.clock import now_seconds
from apps.sandbox.encoding import Json

HOUR = 3600


class Budget:
    """Points of one resource per hour. With `is_enforced`, more than the limit is refused. Otherwise the window
    begins anew, so that the sandbox never stops a long measurement."""

    def __init__(self, resource: str, limit: int, *, is_enforced: bool) -> None:
        self.resource = resource
        self.limit = limit
        self.is_enforced = is_enforced
        self.begin()

    def begin(self) -> None:
        """Begin a new window with the full budget."""
        self.used = 0
        self.reset = now_seconds() + HOUR

    def leave(self, remaining: int, seconds: int) -> None:
        """Leave `remaining` points for `seconds`. From now on the limit is enforced."""
        self.is_enforced = True
        self.used = self.limit - remaining
        self.reset = now_seconds() + seconds

    @property
    def remaining(self) -> int:
        """Points left."""
        return self.limit - self.used

    def spend(self, points: int) -> bool:
        """Take points; false when not enough are left."""
        if not self.can_spend(points):
            return False
        self.used += points
        return True

    def can_spend(self, points: int) -> bool:
        """Whether enough points are left."""
        if now_seconds() >= self.reset or (not self.is_enforced and self.remaining < points):
            self.begin()
        return self.remaining >= points

    def headers(self) -> dict[str, str]:
        """The X-RateLimit headers."""
        return {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining),
                "X-RateLimit-Reset": str(self.reset), "X-RateLimit-Used": str(self.used),
                "X-RateLimit-Resource": self.resource}  # fmt: skip

    def as_json(self) -> Json:
        """The budget as `/rate_limit` shows it."""
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining, "reset": self.reset}
