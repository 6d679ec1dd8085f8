"""How often may a person try a password? A few times, then the person has to wait."""

from datetime import timedelta

from django.utils import timezone

from apps.tenants.models import LoginAttempt

WINDOW = timedelta(minutes=15)
MAX_ATTEMPTS_PER_USER_AND_ADDRESS = 5
MAX_ATTEMPTS_PER_ADDRESS = 100


class TooManyAttemptsError(Exception):
    """Too many wrong passwords. The text is the message for the person."""


def admit(*, username: str, address: str) -> None:
    """Count one log-in attempt; :class:`TooManyAttemptsError` if there were too many.

    The attempt is stored before the attempts are counted, so that attempts at the same time count each other.
    """
    LoginAttempt.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    attempt = LoginAttempt.objects.create(username=username.lower(), address=address)
    names = list(LoginAttempt.objects.filter(address=address).values_list("username", flat=True))
    if len(names) > MAX_ATTEMPTS_PER_ADDRESS or names.count(attempt.username) > MAX_ATTEMPTS_PER_USER_AND_ADDRESS:
        attempt.delete()
        minutes = WINDOW.seconds // 60
        raise TooManyAttemptsError(f"Too many wrong passwords. Wait {minutes} minutes, then try again.")


def forgive(*, username: str, address: str) -> None:
    """Delete the failed attempts after a correct password."""
    LoginAttempt.objects.filter(username=username.lower(), address=address).delete()
