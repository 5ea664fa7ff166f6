"""Many workers on one broker and one PostgreSQL: ``python -m benchmarks.many``.

Real: Redis, PostgreSQL, the Celery app with its consumer, the intake's transaction, the relay in
the upkeep's own process, claim, lease and storing behind the fence. Simulated: reading, the network
and measuring, which give one fixed measurement and cost no CPU; the files, which are rows alone;
and the worker's process, which has no child and shares its memory with the others.
"""
