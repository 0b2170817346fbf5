"""Puts tasks with a label each on the tape on descriptor ARGV[1], ARGV[2] times, while somebody reads it."""

import sys

from cancelkit.trace.tape import CREATED, Tape

tape = Tape(int(sys.argv[1]))
for number in range(1, int(sys.argv[2]) + 1):
    label = tape.label(CREATED, f'"coro":"coroutine-{number}-{"of words" * 20}"')
    tape.put_created(number, label, number)
