"""Running one measured step: a command with a time limit, whose figures are kept by what was measured and where.

A step that takes too long is ended, noted as such, and not repeated: a benchmark must end, whatever it measures does.
"""

import contextlib
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import mount

SLOW = 'mbsync with FSync', 'neomutt, header cache empty'


class StepTimeout(Exception):
    """A step took longer than its limit."""


def say(text):
    print(f'bench: {text}', file=sys.stderr, flush=True)


def end_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:  # it waits for a daemon, and only the daemon's end frees it
        for one in list(mount.live_mounts):
            one.force()
        process.wait(5)


def timed(command, seconds, *, output=None, cwd=None, env=None, ok=(0,)):
    """Seconds that a command takes. Its output goes to a file: /dev/null would make grep stop at the first match."""
    with open(output or os.devnull, 'wb') as out:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, cwd=cwd,
                                   env=env, start_new_session=True)
        try:
            _, errors = process.communicate(timeout=seconds)
            elapsed = time.monotonic() - began
        except subprocess.TimeoutExpired:
            end_group(process)
            raise StepTimeout(f'longer than {seconds} s') from None
        finally:
            if process.returncode is None:
                end_group(process)
    if process.returncode not in ok:
        raise RuntimeError(f'{command[0]} ended with {process.returncode}: {errors.decode(errors="replace")[-500:]}')
    return elapsed


def count_lines(path):
    return pathlib.Path(path).read_bytes().count(b'\n')


def seconds_to_first_output(command, seconds):
    """Until a command has written anything; then it is ended."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        os.set_blocking(process.stdout.fileno(), False)
        while time.monotonic() - began < seconds:
            with contextlib.suppress(BlockingIOError):
                if os.read(process.stdout.fileno(), 65536):
                    return time.monotonic() - began
                raise RuntimeError(f'{command[0]} wrote nothing')
            time.sleep(0.0005)
        raise StepTimeout(f'longer than {seconds} s')
    finally:
        end_group(process)
        process.stdout.close()


def drop_pages(directory):
    """Takes the contents of all files below directory out of the page cache. Names and inodes stay."""
    os.sync()  # what is not written yet cannot be dropped
    for root, _, names in os.walk(directory):
        for name in names:
            fd = os.open(os.path.join(root, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


class Samples:
    """values[line, step] = [seconds ...]; notes[line, step] = why there are none."""

    def __init__(self):
        self.values, self.notes = {}, {}

    def add(self, line, step, value):
        self.values.setdefault((line, step), []).append(value)

    def median(self, line, step):
        values = self.values.get((line, step))
        return statistics.median(values) if values else None

    def least(self, line, step):
        return min(self.values.get((line, step), [None]))

    def text(self, line, step):
        values = self.values.get((line, step))
        if not values:
            return self.notes.get((line, step), '')
        return f'{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})'


def number(value):
    return f'{value:.3f}' if value < 0.1 else f'{value:.2f}' if value < 10 else f'{value:.1f}'


def run_rounds(samples, line, steps, n_rounds, budget_seconds, verbose=False):
    """Runs every step once a round, beginning with another one each time, until the rounds or the time are over.

    steps is {name: function}; a function adds its own samples. One that fails is not tried again; of those in SLOW,
    whose figures nothing hangs on, one round must do for three of the others.
    """
    deadline = time.monotonic() + budget_seconds
    names = list(steps)
    failed = set()
    for round_number in range(n_rounds):
        shift = round_number * 2 % len(names)
        for name in names[shift:] + names[:shift]:
            if name in failed or (name in SLOW and round_number % 3 != 0):
                continue
            if round_number > 0 and time.monotonic() > deadline:
                say(f'{line}: out of time in round {round_number + 1}')
                return
            began = time.monotonic()
            try:
                steps[name]()
            except (StepTimeout, TimeoutError) as error:
                say(f'{line}: {name}: {error}')
                samples.notes[line, name] = str(error)
                failed.add(name)
            except (RuntimeError, AssertionError, OSError) as error:
                say(f'{line}: {name} failed: {error}')
                samples.notes[line, name] = 'failed: ' + str(error).splitlines()[0][:60]
                failed.add(name)
            if verbose:  # with all that belongs to the step and is not measured
                say(f'{line}: {name}: {time.monotonic() - began:.2f} s in all')
