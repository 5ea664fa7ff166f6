"""Many workers on one broker and one PostgreSQL: ``python -m benchmarks.many``.

Real: Redis, PostgreSQL, the Celery app with its consumer, the intake's transaction, the relay in
the upkeep process, claim, lease and storing with the owner's check. Simulated: reading, the network
and measuring, which return one fixed measurement and cost no CPU; the files, which are only rows;
and the worker's process, which has no child and shares its memory with the others.
"""
