"""The four approaches, one short file each, with one signature: `async run_tasks(tasks, max_concurrent) -> list`.

Read them in this order; each answers a question that the one before leaves open.

- `task_group`: let `asyncio.TaskGroup` cancel and wait.
- `tracking`: keep every task yourself; cancel each once, wait for all, shield the waiting.
- `handlers`: register for SIGINT and SIGTERM, and decide what a second one means.
- `context_manager`: put all that into `async with`, so that every way out is the same way.

None of the four protects a cleanup that is already under way when the first signal comes, and under all four a queued
job whose place has just become free can still begin after the signal, for a semaphore knows nothing of signals.
`cancelkit.finish`, `cancelkit.run_tasks` and `cancelkit.run` are what they lead up to.
"""
