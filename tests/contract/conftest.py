"""What holds for every test here? It stays alone: no process, no service."""

from tests.isolation import alone as alone
