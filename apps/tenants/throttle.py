"""How often may one try a password? A few times, then there is a pause."""

from datetime import timedelta

from django.utils import timezone

from apps.tenants.models import LoginAttempt

WINDOW = timedelta(minutes=15)
TRIES_PER_USER_AND_ADDRESS = 5
TRIES_PER_ADDRESS = 100


class TooManyAttempts(Exception):
    """Its text is the sentence for the person who tries."""


def admit(*, username: str, address: str) -> None:
    """Count one try to log in; :class:`TooManyAttempts` when it is one too many.

    The try is stored before the tries are counted, so that those of the same instant count each other.
    """
    LoginAttempt.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    attempt = LoginAttempt.objects.create(username=username.lower(), address=address)
    names = list(LoginAttempt.objects.filter(address=address).values_list("username", flat=True))
    if len(names) > TRIES_PER_ADDRESS or names.count(attempt.username) > TRIES_PER_USER_AND_ADDRESS:
        attempt.delete()
        minutes = WINDOW.seconds // 60
        raise TooManyAttempts(f"Too many wrong passwords. Wait {minutes} minutes, then try again.")


def forgive(*, username: str, address: str) -> None:
    """The password was right: forget the tries before it."""
    LoginAttempt.objects.filter(username=username.lower(), address=address).delete()
