"""Tests with time limits: of a call, of a command, of a test. And TAP, in which meson counts each test of a file.

A process that waits for a dead file system cannot always be interrupted, so calls into it are made in a child, and a
watchdog ends what a test has started (see `emergencies`) when it takes too long.
"""

import contextlib
import faulthandler
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
import unittest

# Sanitizers make everything slower. Meson's --timeout-multiplier does not reach into a test.
SLOWNESS = float(os.environ.get('IMAPFS_TEST_SLOWNESS', '1'))

# Functions that free whatever waits, at any cost: called when a test takes too long, and before a sudden end.
emergencies = []


def wait_until(condition, seconds=10, pause=0.005):
    """Calls condition until it is true, and returns what it returned last."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(pause)
    return result


class CallTimeout(Exception):
    """A call into the file system did not come back in time."""


def answer_of(function, arguments, keywords):
    """(True, what it returned) or (False, what it raised), as bytes."""
    try:
        return pickle.dumps((True, function(*arguments, **keywords)))
    except BaseException as error:  # all of it belongs to the parent
        traceback.clear_frames(error.__traceback__)  # and no file stays open
        return pickle.dumps((False, error))


def forked(child):
    """The pid of a new process that runs child() and ends."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            child()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    return pid


class Caller:
    """A child that makes one call after the other: a fork for each would take most of a test's time. With @job, (function,
    arguments, keywords), it makes only that, and has what is open at this moment."""

    idle = []

    def __init__(self, job=None):
        self.socket, other = socket.socketpair()
        self.pid = forked(lambda: self.answer(other, job) if job else self.serve(other))
        other.close()

    @classmethod
    def any(cls):
        try:
            return cls.idle.pop()
        except IndexError:
            return cls()

    def answer(self, other, job):
        answer = answer_of(*job)
        other.sendall(len(answer).to_bytes(8, 'big') + answer)

    def serve(self, other):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.closerange(3, other.fileno())
        os.closerange(other.fileno() + 1, 1 << 20)
        with other.makefile('rb') as requests, contextlib.suppress(EOFError):
            while True:
                self.answer(other, pickle.load(requests))

    def receive(self, deadline):
        """The answer as bytes; None: there is none in time."""
        data = bytearray()
        while len(data) < 8 or len(data) < 8 + int.from_bytes(data[:8], 'big'):
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            if not (piece := self.socket.recv(1 << 20)):
                raise EOFError('the call has ended its process')
            data += piece
        return bytes(data[8:])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        reap(self.pid)
        self.socket.close()


def request_of(function, arguments, keywords):
    """For a Caller that serves; None: it needs what only a child of this moment has, such as an open file."""
    owner = getattr(function, '__self__', None)
    bound = owner is not None and not isinstance(owner, types.ModuleType)
    if bound or function is os.open or isinstance(next(iter(arguments), ''), int):
        return None
    try:
        return pickle.dumps((function, arguments, keywords))
    except (AttributeError, TypeError, pickle.PicklingError):
        return None


def call(function, *arguments, seconds=20, **keywords):
    """function(...) in a child process, killed when it takes longer. Returns or raises what it did."""
    deadline = time.monotonic() + seconds * SLOWNESS
    request = request_of(function, arguments, keywords)
    caller = Caller.any() if request else Caller((function, arguments, keywords))
    data = None
    try:
        if request:
            caller.socket.sendall(request)
        data = caller.receive(deadline)
    finally:
        if request and data is not None:
            Caller.idle.append(caller)
        else:
            caller.kill()
    if data is None:
        name = getattr(function, '__name__', str(function))
        raise CallTimeout(f'{name}{arguments} took longer than {seconds * SLOWNESS:.0f} s')
    succeeded, answer = pickle.loads(data)
    if not succeeded:
        raise answer
    return answer


def reap(pid):
    """Waits for a killed child; one that cannot even be killed is left to the watchdog."""
    wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0], 5)


class Background:
    """A shell command that runs beside the test: a reader to interrupt, or one that waits for a dead server."""

    def __init__(self, command, directory):
        self.process = subprocess.Popen(command, shell=isinstance(command, str), cwd=directory, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def finish(self, seconds=20):
        """(exit status, stdout, stderr)"""
        try:
            out, err = self.process.communicate(timeout=seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            raise CallTimeout(f'{self.process.args} takes longer than {seconds} s') from None
        return self.process.returncode, out, err


class Watchdog:
    """Ends a test that takes too long: frees what waits, and if that does not help, ends the whole run."""

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds
        self.bitten = False
        self.timers = [threading.Timer(seconds, self.bite), threading.Timer(seconds + 30, self.kill)]
        for timer in self.timers:
            timer.daemon = True
            timer.start()

    def bite(self):
        self.bitten = True
        print(f'\n{self.name}: longer than {self.seconds:.0f} s. Where it hangs:', file=sys.stderr)
        faulthandler.dump_traceback(all_threads=True)
        for free in emergencies:
            free()

    def kill(self):
        print(f'\n{self.name}: still not over. Giving up.', file=sys.stderr)
        faulthandler.dump_traceback(all_threads=True)
        sys.stderr.flush()
        os._exit(3)

    def stop(self):
        for timer in self.timers:
            timer.cancel()


class TimedTestCase(unittest.TestCase):
    """A test with a time limit."""

    limit_seconds = 60

    def setUp(self):
        watchdog = Watchdog(self.id(), self.limit_seconds * SLOWNESS)
        self.addCleanup(self.stop_watchdog, watchdog)

    def stop_watchdog(self, watchdog):
        watchdog.stop()
        if watchdog.bitten:
            raise AssertionError(f'took longer than {self.limit_seconds * SLOWNESS:.0f} s')

    def enter(self, context):
        """Enters a context (a server, a proxy) for the rest of the test."""
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value


class TapResult(unittest.TestResult):
    """Prints TAP, so that meson counts the tests of a file one by one, and how long each took, with its class."""

    n_tests = 0
    tap = sys.stdout
    ended = time.monotonic()

    def line(self, test, ok, note=''):
        began, self.ended = self.ended, time.monotonic()
        self.n_tests += 1
        name = str(test).replace('#', '').replace('\n', ' ')
        print(f'{"ok" if ok else "not ok"} {self.n_tests} - {name} {self.ended - began:.1f} s{note}', file=self.tap, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(test, True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, True, f' # SKIP {reason}')

    def complain(self, test, error):
        text = ''.join(traceback.format_exception(*error))
        print(''.join(f'# {line}\n' for line in text.splitlines()), end='', file=self.tap)
        print(text, file=sys.stderr)
        self.line(test, False)

    def addError(self, test, error):
        super().addError(test, error)
        self.complain(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.complain(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.complain(subtest, error)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.line(test, True)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line(test, False)


def main():
    """The end of each tests/test_*.py: unittest's own command line, or TAP with --tap as the only argument."""
    faulthandler.enable()
    signal.signal(signal.SIGTERM, on_terminate)
    if sys.argv[1:] != ['--tap']:
        unittest.main(module='__main__', verbosity=2, warnings='ignore')
    Caller.idle.append(Caller())  # while there is little to fork
    result = TapResult()
    sys.stdout = sys.stderr  # meson takes any line that is not TAP for an error
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__']).run(result)
    print(f'1..{result.n_tests}', file=result.tap, flush=True)
    sys.exit(not result.wasSuccessful())


def on_terminate(number, frame):
    """Meson's own time limit ends in SIGTERM: leave nothing mounted."""
    for free in emergencies:
        free()
    os._exit(128 + number)
