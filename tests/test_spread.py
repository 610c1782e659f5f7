#!/usr/bin/python3
"""A large listing, or a long walk, is spread over several connections where the server, not the line, is the limit; and
only then."""

import contextlib
import os
import re
import threading
import time

import fakeserver
import mount

N = 24_000
SLICE = 200  # messages between two pauses


def pause(server, seconds):
    """Sleeps, with server.shared one after another, and adds how long that took to server.slept."""
    with server.turn if server.shared else contextlib.nullcontext():
        began = time.monotonic()
        time.sleep(seconds)
    with server.lock:
        server.slept += time.monotonic() - began


class Slow(fakeserver.Imap):
    """Sends at most `rate` messages a second to each connection; with `shared`, to all of them together.

    cut: {connection number: messages after which it is dropped, once}. alone: lets one connection log in.
    """

    rate = 8000
    shared = False
    cut = {}
    alone = False

    def __init__(self, n=N, **attributes):
        super().__init__({'Big': [b'Subject: x\r\n\r\nhello\r\n'] * n}, **attributes)
        self.sent, self.turn, self.slept = {}, threading.Lock(), 0

    def do_uid_fetch(self, connection, session, tag, arguments):
        if b'INTERNALDATE' not in arguments:
            return super().do_uid_fetch(connection, session, tag, arguments)
        first, last = arguments.split()[0].decode().split(':')
        top = len(session.uids)
        uids = range(int(first), min(top, int(last) if last != '*' else top) + 1)
        for start in range(uids.start, uids.stop, SLICE):
            self.pause()
            part = range(start, min(start + SLICE, uids.stop))
            for uid in part:
                self.sent[uid] = self.sent.get(uid, 0) + 1
            connection.write(b''.join(
                b'* %d FETCH (UID %d FLAGS () INTERNALDATE "17-May-2026 18:30:00 +0000" RFC822.SIZE 23)\r\n' % (uid, uid)
                for uid in part))
            if connection.number in self.cut:
                self.cut[connection.number] -= SLICE
                if self.cut[connection.number] <= 0:
                    del self.cut[connection.number]
                    connection.drop()
        return 'OK done'

    def logged_in(self, connection, session, user, password):
        if self.alone and connection.number > 1:
            return 'NO [LIMIT] too many connections'
        return super().logged_in(connection, session, user, password)

    def pause(self):
        pause(self, SLICE / self.rate)

    def ranges(self):
        """(connection number, first, last) of each part, as asked for."""
        found = []
        for number, name, arguments in self.commands:
            match = re.match(rb'(\d+):(\d+|\*) .*INTERNALDATE', arguments)
            if name == 'UID FETCH' and match:
                first, last = match.groups()
                found.append((number, int(first), N if last == b'*' else int(last)))
        return found


class TestSpread(mount.MountTestCase):
    quiet = True

    def list(self, server, *options):
        """Lists Big as ls -U does; returns the connections that were asked."""
        mounted = self.mount(self.enter(server), 'names=uid', 'cache=memory', *options, tls='none')
        began = time.monotonic()
        names = os.listdir(mounted.path / 'Big')
        self.seconds = time.monotonic() - began
        self.assertEqual(names, [f'{uid}.eml' for uid in range(1, N + 1)])
        connections = {number for number, *_ in server.ranges()}
        print(f'{len(connections)} connections, {len(server.ranges())} parts, {self.seconds:.2f} s')
        return connections

    def assertAskedOnce(self, server):
        ranges = sorted(server.ranges(), key=lambda asked: asked[1])
        for (_, _, last), (_, first, _) in zip(ranges, ranges[1:]):
            self.assertEqual(first, last + 1)
        self.assertEqual(set(server.sent.values()), {1})

    def test_slow_server(self):
        server = Slow()
        connections = self.list(server)
        self.assertGreaterEqual(len(connections), 2)
        self.assertAskedOnce(server)
        self.assertLess(self.seconds, 0.9 * server.slept)  # which one connection could not

    def test_never_the_last_connection(self):
        for n, most in ((1, 1), (2, 1), (3, 2)):
            with self.subTest(connections=n):
                server = Slow()
                self.assertEqual(len(self.list(server, f'connections={n}')), most)
                self.assertAskedOnce(server)

    def test_slow_line(self):
        """One more is tried, and no byte comes twice."""
        server = Slow(shared=True)
        self.assertLessEqual(len(self.list(server)), 3)  # two, were the machine quiet
        self.assertAskedOnce(server)

    def test_fast_server(self):
        server = Slow(rate=100_000)
        self.list(server)
        self.assertAskedOnce(server)

    def test_server_that_wants_one_connection(self):
        server = Slow(alone=True)
        self.assertEqual(len(self.list(server)), 1)
        self.assertEqual(server.count('AUTHENTICATE'), 2)
        self.assertAskedOnce(server)

    def test_broken_connections(self):
        """What a connection leaves undone, itself or another one does."""
        for number in (1, 2):
            with self.subTest(number=number):
                server = Slow(cut={number: 3000})
                self.list(server)
                self.assertFalse(server.cut, 'the connection was not used')

    def test_end_in_the_middle(self):
        """Unmounted while several connections are at it."""
        server = Slow(rate=3000)
        mounted = self.mount(self.enter(server), 'names=uid', 'cache=memory', tls='none')
        mounted.background('ls Big')
        self.assertTrue(mount.wait_until(lambda: len({number for number, *_ in server.ranges()}) > 1, 10))
        mounted.terminate()

    def test_small_mailbox(self):
        server = Slow(n=N // 2, rate=3000)
        mounted = self.mount(self.enter(server), 'names=uid', 'cache=memory', tls='none')
        self.assertEqual(len(os.listdir(mounted.path / 'Big')), N // 2)
        self.assertEqual([asked[1:] for asked in server.ranges()], [(1, N)])


class SlowBodies(fakeserver.Imap):
    """Takes `seconds` for each message; with `shared`, one after another for all connections together."""

    seconds = 0.004
    shared = False

    def __init__(self, n, **attributes):
        body = b'Subject: x\r\n\r\n' + b'hello, hello, hello, hello, hello, hello\r\n' * 50
        super().__init__({'Walk': [body] * n}, **attributes)
        self.sent, self.turn, self.slept = {}, threading.Lock(), 0

    def send_fetch(self, connection, number, mail, items):
        if any(b'BODY' in item for item in items):
            pause(self, self.seconds)
            self.sent[mail.uid] = self.sent.get(mail.uid, 0) + 1
        super().send_fetch(connection, number, mail, items)


class TestWalk(mount.MountTestCase):
    quiet = True

    def walk(self, server, *options):
        """Reads all; returns the connections that were asked for many messages at once."""
        mounted = self.mount(self.enter(server), 'names=uid', 'cache=memory', *options, tls='none')
        began = time.monotonic()
        names = mounted.listdir('Walk')
        found = mounted.run('cat Walk/* | grep -c Subject', seconds=60)
        self.seconds = time.monotonic() - began
        self.assertEqual(int(found), len(names))
        asked = [(number, arguments.split()[0]) for number, name, arguments in server.commands
                 if name == 'UID FETCH' and b'BODY.PEEK[])' in arguments]
        connections = {number for number, uids in asked if re.search(rb'[:,]', uids)}
        print(f'{len(connections)} connections, {len(asked)} commands, {self.seconds:.2f} s')
        self.assertEqual(set(server.sent.values()), {1})
        return connections

    def test_slow_server(self):
        server = SlowBodies(1000)
        self.assertEqual(len(self.walk(server)), 2)
        self.assertLess(self.seconds, 0.9 * server.slept)

    def test_slow_line(self):
        self.walk(SlowBodies(1000, shared=True))

    def test_few_connections(self):
        for n in (1, 2):
            with self.subTest(connections=n):
                self.assertEqual(len(self.walk(SlowBodies(500), f'connections={n}')), 1)

    def test_small_mailbox(self):
        self.assertEqual(len(self.walk(SlowBodies(150))), 1)


if __name__ == '__main__':
    mount.main()
