"""Which faults are there, which outcomes are allowed under each, and how much longer may a run take?"""

import random
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from tools.chaos.testbed import FAKETIME

JOBS = ("jira", "github", "vectorization")
SOURCES = ("jira", "github")
BROKERS = ("redis", "rabbitmq")

FINISHED = "finished"
RETRIED = "failed with its reason, then retried"
RERUN = "stopped or failed, then run anew"
RESUMED = "paused, then resumed"

# How many seconds longer than an undisturbed run a run may take. When a process dies or a message is lost, a lease
# (30 s) has to pass. The rest is for new starts and for the work that is done again.
AT_ONCE, LEASE, TWO_LEASES = 30, 60, 90


@dataclass(frozen=True)
class Fault:
    """One kind of fault: ``how`` names the function that disturbs a running run, ``arm`` one that is called before."""

    name: str
    what: str
    how: str
    bound: float = LEASE
    outcomes: frozenset[str] = frozenset({FINISHED})
    jobs: tuple[str, ...] = JOBS
    brokers: tuple[str, ...] = BROKERS
    arm: str = ""
    missing: str = ""

    @staticmethod
    def function(name: str) -> Any:
        """The function of that name. It is imported late, because it needs Django."""
        return resolve_name(f"tools.chaos.{name}")


FAULTS: tuple[Fault, ...] = (
    Fault("kill-child", "kill -9 of a worker's child", "killing:kill_child"),
    Fault("kill-worker", "kill -9 of one or all workers", "killing:kill_worker"),
    Fault("kill-scheduler", "kill -9 of the scheduler", "killing:kill_scheduler", AT_ONCE),
    Fault("kill-web", "kill -9 of the web process", "killing:kill_web", AT_ONCE),
    Fault("freeze-worker", "SIGSTOP of a worker past its lease, then SIGCONT", "killing:freeze_worker"),
    Fault("flush-redis", "FLUSHALL of Redis", "outages:flush_redis"),
    Fault("purge-queues", "purge of the broker's queues", "outages:purge_queues"),
    Fault("restart-redis", "restart of Redis", "outages:restart_redis"),
    Fault("restart-rabbitmq", "restart of RabbitMQ", "outages:restart_rabbitmq", brokers=("rabbitmq",)),
    Fault("restart-postgres", "restart of PostgreSQL", "outages:restart_postgres"),
    Fault("restart-qdrant", "restart of the vector store", "outages:restart_qdrant"),
    Fault("repeat-messages", "messages twice and in any order", "outages:repeat_messages", AT_ONCE),
    Fault(
        "full-disk",
        "no space for the raw store, for a while",
        "outages:fill_disk",
        TWO_LEASES,
        frozenset({FINISHED, RETRIED}),
        SOURCES,
    ),
    Fault("reset", "connections reset in mid-answer", "provider:reset_connection", AT_ONCE, jobs=SOURCES),
    Fault("truncate", "truncated JSON", "provider:truncate_answer", AT_ONCE, jobs=SOURCES),
    Fault("storm-429", "429 for every request, for seconds", "provider:storm_of_429", jobs=SOURCES),
    Fault(
        "refuse-token",
        "401 in mid-run",
        "provider:refuse_token",
        outcomes=frozenset({FINISHED, RETRIED, RERUN}),
        jobs=SOURCES,
    ),
    Fault("race-pause", "pause races with the end", "controls:race_pause", outcomes=frozenset({FINISHED, RESUMED})),
    Fault("race-resume", "two resume at once", "controls:race_resume", outcomes=frozenset({FINISHED})),
    Fault("race-stop", "stop races with the end", "controls:race_stop", outcomes=frozenset({FINISHED, RERUN, RESUMED})),
    Fault(
        "two-schedulers",
        "two schedulers, one dies",
        "killing:kill_one_scheduler",
        AT_ONCE,
        arm="killing:second_scheduler",
    ),
    Fault(
        "clock-jump",
        "the clock of worker and scheduler jumps by two hours",
        "killing:jump_clock",
        arm="killing:own_clocks",
        missing="" if FAKETIME else "faketime is not installed (Debian: apt-get install faketime)",
    ),
)


def of_broker(broker: str, only: list[str]) -> list[Fault]:
    """The faults that make sense with ``broker`` and that this machine can make; of ``only``, when it names some."""
    wanted = [fault for fault in FAULTS if not only or fault.name in only]
    return [fault for fault in wanted if broker in fault.brokers and not fault.missing]


def drawn(number: int, seed: int, broker: str, only: list[str]) -> Fault:
    """The fault with a number, from 1. All faults come once, in random order, before one comes again."""
    faults = of_broker(broker, only)
    round_, place = divmod(number - 1, len(faults))
    return random.Random(f"{seed}/round {round_}").sample(faults, len(faults))[place]
