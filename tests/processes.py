"""Processes of this machine: a whole family of them, found, signalled, ended."""

import contextlib
import os
import pathlib
import signal
import time


def descendants(pid):
    """pid and all processes below it."""
    parents = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path('/proc', entry, 'stat').read_text()
                parents[int(entry)] = int(stat[stat.rindex(')') + 2:].split()[1])
    family = [pid] if pid in parents else []
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def signal_family(pid, number):
    """Signals pid and all processes below it, until no new one appears."""
    done = []
    while new := [member for member in descendants(pid) if member not in done]:
        for member in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, number)
        done += new
    return done


def command_name(pid):
    """The command line of a living process, else ''."""
    try:
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
        if stat[stat.rindex(')') + 2] in 'ZX':
            return ''
        return pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace').strip()
    except OSError:
        return ''


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(0.002)
    return result


def end_server(pid, kindly=True):
    """Ends the Dovecot with this master process.

    Asked itself, it takes a second, and up to ten while clients stay connected. So its sessions are asked to end,
    while the master is stopped and cannot start new ones, and everything else is killed.
    """
    if kindly:
        signal_family(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGSTOP)
        sessions = [member for member in descendants(pid) if command_name(member).endswith('/imap')]
        for session in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(session, signal.SIGTERM)
        wait_until(lambda: not any(command_name(session) for session in sessions), 1)
    family = signal_family(pid, signal.SIGKILL)
    wait_until(lambda: not any(command_name(member) for member in family), 2)
