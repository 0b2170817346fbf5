"""Record what the tasks of an asyncio program do, without changing the program, and put the record in order.

Events become states, states become a timeline: `events` -> `states` -> `timeline`. `recorder` makes the events, in the
program's own process; nothing here needs more than the standard library, so that a recorded program starts fast.
"""
