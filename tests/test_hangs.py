#!/usr/bin/python3
"""Servers and lines that die, stall, trickle, lie and come back: nothing hangs, and nothing has to be mounted again."""

import errno
import os
import pathlib
import signal
import subprocess
import time

import badserver
import mailserver
import mount
import netproxy
import samplemail

TIMEOUT = 2  # of most mounts
AT_ONCE = 0.5
SLACK = 2  # beyond a time limit
DEAD = ('ETIMEDOUT', 'EHOSTDOWN')


def attempt(function, *arguments, **keywords):
    """(name of the errno or None, what it returned, how many seconds of an unhurried machine it took)"""
    begin, name, result = time.monotonic(), None, None
    try:
        result = function(*arguments, **keywords)
    except OSError as error:
        name = errno.errorcode.get(error.errno, str(error))
    return name, result, (time.monotonic() - begin) / mount.SLOWNESS


def cpu_use(pid, seconds):
    """The part of that many seconds in which the process ran."""
    def ticks():
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
        return sum(map(int, text.rpartition(')')[2].split()[11:13]))
    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf('SC_CLK_TCK') / seconds / mount.SLOWNESS


class HangsTestCase(mount.MountTestCase):
    def start_server(self, **options):
        """Dovecot with Seen, which known() reads, and Fresh0, Fresh1 ..., of which nobody knows anything."""
        server = mailserver.Dovecot(**options)
        self.addCleanup(server.remove)
        for name in ('Seen', *(f'Fresh{i}' for i in range(6))):
            server.deliver(name, samplemail.many(3))
        server.start()
        self.addCleanup(server.kill)
        self.addCleanup(lambda: server.process and server.thaw())
        return server

    def known(self, server, *options, timeout=TIMEOUT, **keywords):
        """A mount that has listed its top, and Seen, of which 1 was read."""
        mounted = self.mount(server, 'names=uid', f'timeout={timeout}', *options, **keywords)
        mounted.listdir()
        mounted.listdir('Seen')
        self.content = mounted.read('Seen/1.eml')
        return mounted

    def assertFails(self, names, seconds, function, *arguments):
        name, _, took = attempt(function, *arguments)
        self.assertIn(name, names)
        self.assertLess(took, seconds)

    def assertWorksAtOnce(self, mounted):
        """What needs no server: the file that was read, all that was listed, statfs, status."""
        for what, function in (('read', lambda: self.assertEqual(mounted.read('Seen/1.eml'), self.content)),
                               ('stat', lambda: mounted.stat('Seen/2.eml')),
                               ('statfs', lambda: mount.call(os.statvfs, mounted.path)),
                               ('status', mounted.status)):
            name, _, took = attempt(function)
            self.assertIsNone(name, what)
            self.assertLess(took, AT_ONCE, what)

    def assertListsAtOnce(self, mounted):
        for path, entry in (('.', 'Seen'), ('Seen', '3.eml')):
            name, entries, took = attempt(mounted.listdir, path)
            self.assertIsNone(name, f'listing of {path}')
            self.assertIn(entry, entries)
            self.assertLess(took, AT_ONCE, f'listing of {path}')

    def assertRecovers(self, function, *arguments, seconds=6):
        """Without being mounted again, within a few seconds."""
        result = []

        def succeeds():
            name, *result[:], _ = attempt(function, *arguments)
            return name is None
        self.assertTrue(mount.wait_until(succeeds, seconds, pause=0.1), 'it does not come back')
        return result[0]

    def stuck(self, mounted, *commands):
        """The commands, once all of them wait for the server. What a shell starts has SIGINT's default disposition."""
        before = int(mounted.status()['parked'])
        started = [mounted.background(['env', '--default-signal=INT', *command.split()]) for command in commands]
        self.assertTrue(mount.wait_until(lambda: int(mounted.status()['parked']) >= before + len(commands), 5),
                        'they do not wait')
        return started


class TestDeadServer(HangsTestCase):
    def check(self, server, freeze, thaw, **keywords):
        """The first access finds out, within its time limit; those after it fail at once; all of it comes back."""
        firsts = {'cat Seen/2.eml': 'reading', 'ls Fresh0': 'listing', 'stat Fresh1/1.eml': 'lookup'}
        mounts = {command: self.known(server, **keywords) for command in firsts}
        freeze()
        self.assertWorksAtOnce(mounts['ls Fresh0'])
        begin = time.monotonic()
        commands = {command: mounts[command].background(command) for command in firsts}
        for command, background in commands.items():
            status, _, said = background.finish()
            self.assertLess((time.monotonic() - begin) / mount.SLOWNESS, TIMEOUT + SLACK, firsts[command])
            self.assertRegex(said, 'Connection timed out|Host is down', firsts[command])
        for mounted in mounts.values():
            for path, function in (('Seen/3.eml', mounted.read), ('Fresh2', mounted.listdir),
                                   ('Fresh3/1.eml', mounted.stat)):
                self.assertFails(['EHOSTDOWN'], AT_ONCE, function, path)
            self.assertWorksAtOnce(mounted)
            self.assertListsAtOnce(mounted)
            self.assertEqual(mounted.status()['state'], 'offline')
            self.assertTrue(mounted.status()['reason'])
        thaw()
        for mounted in mounts.values():
            self.assertTrue(self.assertRecovers(mounted.read, 'Seen/3.eml'))
            self.assertEqual(len(self.assertRecovers(mounted.listdir, 'Fresh2')), 3)
            self.assertEqual(mounted.status()['state'], 'online')

    def test_frozen_server(self):
        server = self.start_server()
        self.check(server, server.freeze, server.thaw)

    def test_frozen_line(self):
        """No FIN, no RST, nothing."""
        server = self.start_server()
        proxy = self.enter(netproxy.Proxy(server.imaps_port))
        self.check(server, proxy.freeze, proxy.thaw, port=proxy.port)

    def test_listing_again_on_a_frozen_server(self):
        """Before it is known that the server is dead, that may take its time, but then shows the old list."""
        server = self.start_server()
        mounted = self.known(server)
        server.freeze()
        name, entries, took = attempt(mounted.listdir, 'Seen')
        self.assertEqual((name, sorted(entries or ())), (None, ['1.eml', '2.eml', '3.eml']))
        self.assertLess(took, TIMEOUT + SLACK)
        self.assertListsAtOnce(mounted)

    def test_killed_and_started_again(self):
        server = self.start_server()
        mounted = self.known(server)
        for end in (server.kill, server.stop):
            end()
            self.assertFails(['EHOSTDOWN'], TIMEOUT, mounted.listdir, 'Fresh0')
            self.assertFails(['EHOSTDOWN'], AT_ONCE, mounted.read, 'Seen/2.eml')
            self.assertWorksAtOnce(mounted)
            self.assertListsAtOnce(mounted)
            server.start()
            self.assertTrue(self.assertRecovers(mounted.read, 'Seen/2.eml'))
            mounted.unmount()
            mounted = self.known(server)

    def test_restarted_between_two_accesses(self):
        """Nobody should notice."""
        server = self.start_server()
        mounted = self.known(server)
        for i, end in enumerate((server.stop, server.kill, server.stop)):
            end()
            server.start()
            self.assertEqual(len(self.assertRecovers(mounted.listdir, f'Fresh{i}')), 3)

    def test_no_busy_loop(self):
        """Idle, while a reader waits, and offline."""
        server = self.start_server()
        mounted = self.known(server, timeout=60)

        self.assertLess(cpu_use(mounted.pid, 1.5), 0.1, 'idle')
        server.freeze()
        reader, = self.stuck(mounted, 'cat Seen/2.eml')
        self.assertLess(cpu_use(mounted.pid, 1.5), 0.1, 'parked')
        server.kill()
        reader.finish()
        self.assertFails(['EHOSTDOWN'], TIMEOUT, mounted.read, 'Seen/3.eml')
        self.assertLess(cpu_use(mounted.pid, 1.5), 0.1, 'offline')


class TestInterrupted(HangsTestCase):
    COMMANDS = ('cat Seen/2.eml', 'ls Fresh0', 'stat Fresh1/1.eml', 'find Fresh2', 'cp Fresh3/1.eml /dev/null')

    def test_signals(self):
        """Ctrl-C and kill -9 end a program that waits at once, and nobody else; what it waited for goes on."""
        server = self.start_server()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number):
                mounted = self.known(server, timeout=60)
                server.freeze()
                bystander, = self.stuck(mounted, 'cat Seen/3.eml')
                for command in self.stuck(mounted, *self.COMMANDS):
                    begin = time.monotonic()
                    command.signal(number)
                    self.assertEqual(command.finish()[0], -number, command.process.args)
                    self.assertLess(time.monotonic() - begin, 1 * mount.SLOWNESS, command.process.args)
                self.assertWorksAtOnce(mounted)
                server.thaw()
                self.assertEqual(bystander.finish()[0], 0)
                for command in self.COMMANDS:
                    mounted.run(command)
                self.assertEqual(mounted.status()['parked'], '0')
                mounted.unmount()


class TestUnmounting(HangsTestCase):
    def assertGone(self, mounted, since, seconds):
        self.assertTrue(mount.wait_until(lambda: not mounted.alive(), seconds), 'the daemon is still there')
        self.assertLess((time.monotonic() - since) / mount.SLOWNESS, seconds)
        self.assertFalse(mount.is_mounted(mounted.path))

    def test_idle_mount_of_a_frozen_server(self):
        server = self.start_server()
        for what in ('unknown', 'offline'):
            mounted = self.known(server)
            server.freeze()
            if what == 'offline':
                self.assertFails(DEAD, TIMEOUT + SLACK, mounted.read, 'Seen/2.eml')
            begin = time.monotonic()
            mounted.unmount()
            self.assertGone(mounted, begin, 2)
            server.thaw()

    def test_signals_with_stuck_readers(self):
        """The readers hear of it, nothing stays mounted, and the daemon ends well."""
        server = self.start_server()
        mounts = [(number, self.known(server, timeout=60)) for number in (signal.SIGTERM, signal.SIGINT)]
        server.freeze()
        for number, mounted in mounts:
            with self.subTest(signal=number):
                readers = self.stuck(mounted, 'cat Seen/2.eml', 'ls Fresh0', 'stat Fresh1/1.eml')
                begin = time.monotonic()
                os.kill(mounted.pid, number)
                self.assertGone(mounted, begin, 2)
                for reader in readers:
                    status, _, said = reader.finish(2)
                    self.assertGreater(status, 0)
                    self.assertRegex(said, 'Interrupted|connected|down|abort|closed', reader.process.args)
                self.assertEqual(mounted.process.returncode, 0)

    def test_lazily_with_a_stuck_reader(self):
        """The name is free at once; the reader gets its error in its time, and with it the daemon ends."""
        server = self.start_server()
        mounted = self.known(server)
        server.freeze()
        reader, = self.stuck(mounted, 'cat Seen/2.eml')
        self.assertNotEqual(subprocess.run(['fusermount3', '-u', mounted.path], capture_output=True).returncode, 0)
        begin = time.monotonic()
        subprocess.run(['fusermount3', '-uz', mounted.path], check=True)
        self.assertFalse(mount.is_mounted(mounted.path))
        self.assertEqual(reader.finish(TIMEOUT + SLACK)[0], 1)
        self.assertGone(mounted, begin, TIMEOUT + SLACK + 1)

    def test_in_the_background(self):
        """As users run it: detached, and a reader waits."""
        server = self.start_server()
        mounted = self.known(server, timeout=60, foreground=False)
        server.freeze()
        reader, = self.stuck(mounted, 'cat Seen/2.eml')
        mounted.terminate(2)
        self.assertGreater(reader.finish(2)[0], 0)


class TestCutLine(HangsTestCase):
    """Connections that end after a number of bytes that each of them draws."""

    def check_piece(self, mounted, path, expected, offset=0, length=None):
        """Reads until it succeeds, at most half a minute. Whatever comes must be right."""
        deadline = time.monotonic() + 30 * mount.SLOWNESS
        while True:
            name, data, _ = attempt(mounted.read_at, path, offset, length)
            if name is None:
                self.assertEqual(data, expected)
                return
            self.assertIn(name, badserver.manual_errnos())
            self.assertLess(time.monotonic(), deadline, f'{path} never comes ({name})')
            time.sleep(0.02)

    def test_small_messages(self):
        server = self.start_server(tls=False)
        server.deliver('Cut', samplemail.many(60))
        expected = server.messages('Cut')
        for seed in range(4):
            proxy = self.enter(netproxy.Proxy(server.imap_port, cut_after=(8_000, 60_000), seed=seed))
            mounted = self.mount(server, 'names=uid', f'timeout={TIMEOUT}', port=proxy.port)
            names = self.assertRecovers(mounted.listdir, 'Cut', seconds=30)
            self.assertEqual(len(names), 60)
            for uid, content in expected.items():
                self.check_piece(mounted, f'Cut/{uid}.eml', content)
            self.assertGreater(proxy.stats()['cuts'], 2)
            mounted.unmount()

    def test_a_large_message(self):
        """Complete blocks are kept, so it gets on although no connection lives long enough for all of it."""
        server = self.start_server()
        content = samplemail.many(1).__next__()[0] + b'0123456789abcdef\n' * 150_000
        server.deliver('Large', [(content, samplemail.many(1).__next__()[1], '')])
        expected = server.messages('Large')[1]
        for seed in range(2):
            proxy = self.enter(netproxy.Proxy(server.imaps_port, cut_after=(200_000, 700_000), seed=seed))
            mounted = self.mount(server, 'names=uid', f'timeout={TIMEOUT}', port=proxy.port)
            self.assertRecovers(mounted.listdir, 'Large')
            for offset in range(0, len(expected), 131072):
                self.check_piece(mounted, 'Large/1.eml', expected[offset:offset + 131072], offset, 131072)
            self.assertEqual(mounted.stat('Large/1.eml').st_size, len(expected))
            self.assertGreater(proxy.stats()['cuts'], 2)
            mounted.unmount()


class TestBadServer(HangsTestCase):
    """See badserver.py for what they do. Each has a mount of its own, and all of them are read at the same time."""

    def serve(self, server, *options):
        server = self.enter(server)
        mounted = self.mount(server, 'names=uid', 'timeout=1', *options)
        mounted.listdir('INBOX')
        return server, mounted

    def check(self, servers, seconds, errnos):
        """The body of UID 1 fails in time, the other messages never or not for long, and it comes when it can."""
        pairs = {name: self.serve(server) for name, server in servers.items()}
        begin = time.monotonic()
        readers = {name: mounted.background(['cat', 'INBOX/1.eml']) for name, (_, mounted) in pairs.items()}
        for name, reader in readers.items():
            with self.subTest(name):
                status, _, said = reader.finish()
                self.assertLess((time.monotonic() - begin) / mount.SLOWNESS, seconds)
                self.assertEqual(status, 1)
                self.assertIn(badserver.said_errno(said), errnos)
        for name, (server, mounted) in pairs.items():
            with self.subTest(name):
                self.assertEqual(self.assertRecovers(mounted.read, 'INBOX/2.eml'), badserver.GOOD[1])
                server.bad = False
                self.assertEqual(self.assertRecovers(mounted.read, 'INBOX/1.eml', seconds=12), badserver.GOOD[0])

    def test_trickle_that_is_no_progress(self):
        self.check({name: badserver.Trickling(*pieces) for name, pieces in badserver.NO_PROGRESS.items()},
                   1 + SLACK, DEAD)

    def test_trickle_that_is_a_little_progress(self):
        """A READ ends after four times the time limit, and the kernel tries each a second time. Then that connection
        is given up, for others wait behind it."""
        self.check({name: badserver.Trickling(*pieces) for name, pieces in badserver.LITTLE_PROGRESS.items()},
                   8 + 2 * SLACK, DEAD)

    def test_trickle_leaves_other_mailboxes_alone(self):
        _, mounted = self.serve(badserver.Trickling(*badserver.LITTLE_PROGRESS['bytes of a literal']))
        reader, = self.stuck(mounted, 'cat INBOX/1.eml')
        self.assertEqual(mounted.read('A/1.eml', seconds=1), badserver.GOOD[0])
        reader.signal(signal.SIGKILL)
        reader.finish()

    def test_broken_answers(self):
        self.check({name: badserver.Broken(*answer) for name, answer in badserver.BROKEN.items()},
                   1 + 2 * SLACK, badserver.manual_errnos())

    def test_endless_literal(self):
        """Memory stays within what was allowed, the reader gets an error, and then nobody fetches it any more."""
        _, mounted = self.serve(badserver.Endless(), 'memory=8M')
        self.assertFails(badserver.manual_errnos(), 8 + 2 * SLACK, mounted.read, 'INBOX/1.eml')
        if mount.SLOWNESS == 1:  # what a sanitizer needs says nothing
            self.assertLess(mounted.resident_bytes(), 100_000_000)
        self.assertTrue(mount.wait_until(lambda: cpu_use(mounted.pid, 0.5) < 0.2, 5), 'it goes on for ever')

    def test_bye_and_back(self):
        server = self.enter(badserver.OneConnection(badserver.REFUSALS[0]))
        mounted = self.mount(server, 'names=uid', 'timeout=1')
        server.greeting = '* BYE [UNAVAILABLE] down for maintenance'
        server.drop_all()
        for limit in (1, AT_ONCE):
            self.assertFails(['EHOSTDOWN'], limit, mounted.listdir, 'A')
        self.assertIn('down for maintenance', mounted.status()['reason'])
        server.greeting = type(server).greeting
        self.assertEqual(len(self.assertRecovers(mounted.listdir, 'A')), 3)

    def test_one_connection_only(self):
        """A server that refuses the second one breaks nothing, and is not asked again and again."""
        for refusal in badserver.REFUSALS:
            with self.subTest(refusal):
                server = self.enter(badserver.OneConnection(refusal))
                mounted = self.mount(server, 'names=uid', 'poll=0')
                readers = [mounted.background(f'cat {name}/*.eml') for name in badserver.MAILBOXES]
                for reader in readers:
                    self.assertEqual(reader.finish(5), (0, b''.join(badserver.GOOD).decode().replace('\r\n', '\n'), ''))
                self.assertEqual(mounted.status()['state'], 'online')
                self.assertLessEqual(server.n_refused, 3)
                mounted.unmount()


if __name__ == '__main__':
    mount.main()
