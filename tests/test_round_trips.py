#!/usr/bin/python3
"""What DESIGN section 9 promises in round trips, counted by the proxy, which delays so that it can tell them apart."""

import os
import sys
import threading
import time

import fakeserver
import mailserver
import mount
import netproxy
import samplemail

BLOCK = 128 * 1024
DELAY_MS = 25  # one way; more than the server or the daemon think, so that a chain of round trips is counted exactly
OVERHEAD = 4096  # bytes of replies, TLS records and session tickets around what was asked for


class RoundTripTestCase(mount.MountTestCase):
    quiet = True

    def assertRoundTrips(self, counts, expected, what):
        """counts, of netproxy's counting(), is of exactly that many round trips, one after another."""
        self.assertEqual(counts['round_trips'], expected,
                         f'{what}: {counts["connections"]} new connections, {counts["longest"]} on one of them')


class TestConnecting(RoundTripTestCase):
    """TCP's own round trip, and that of a greeting that comes unasked, the proxy does not count."""

    def connect(self, server, tls):
        proxy = self.enter(netproxy.Proxy(server.imaps_port if tls == 'implicit' else server.imap_port,
                                          delay_ms=DELAY_MS))
        mounted = self.mount(server, port=proxy.port, tls=tls)
        return proxy.stats(), mounted

    def test_over_tls(self):
        """TCP 1, TLS 1, greeting 1, login 1, LIST and the rest 1."""
        stats, mounted = self.connect(self.enter(mailserver.Dovecot()), 'implicit')
        self.assertEqual(stats['connections'], 1)
        self.assertLessEqual(1 + stats['round_trips'], 5)
        self.assertEqual(mounted.status()['tls'], 'TLSv1.3')

    def test_plain(self):
        """TCP 1, greeting half a one, login 1, LIST and the rest 1."""
        stats, _ = self.connect(self.enter(mailserver.Dovecot(tls=False)), 'none')
        self.assertEqual(stats['connections'], 1)
        self.assertLessEqual(2 + stats['round_trips'], 4)

    def test_starttls(self):
        """TCP 1, greeting half a one, STARTTLS 1, TLS 1, CAPABILITY (RFC 3501 6.2.1 wants it asked again) at most 1,
        login 1, LIST and the rest 1."""
        stats, _ = self.connect(self.enter(mailserver.Dovecot()), 'starttls')
        self.assertLessEqual(2 + stats['round_trips'], 7)

    def test_a_server_that_tells_no_capabilities_in_passing(self):
        """Then they have to be asked for after the login, which nothing else has to wait for."""
        server = self.enter(fakeserver.Imap({'INBOX': []}, capability_in_ok=False))
        proxy = self.enter(netproxy.Proxy(server.port, delay_ms=DELAY_MS))
        self.mount(server, port=proxy.port)
        self.assertLessEqual(2 + proxy.stats()['round_trips'], 6)


class TestMailbox(RoundTripTestCase):
    """One server for all: a mailbox of 10,000 messages, a message of 30 MB, some of a few kilobytes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = mailserver.Dovecot(plaintext=True)
        cls.addClassCleanup(cls.server.remove)
        cls.server.deliver('Many', samplemail.many(10_000))
        small = list(samplemail.many(20))
        line = b'0123456789abcdef' * 4 + b'\n'
        cls.big = small[0][0] + line * (30_000_000 // len(line))
        cls.server.deliver('Big', [(cls.big, small[0][1], 'S')])
        cls.server.deliver('Small', small)
        cls.server.deliver('Other', small[:5])
        cls.server.start()

    def start(self, tls='none', options=(), delay_ms=DELAY_MS):
        port = self.server.imap_port if tls == 'none' else self.server.imaps_port
        self.proxy = self.enter(netproxy.Proxy(port, delay_ms=delay_ms))
        return self.mount(self.server, 'names=uid', *options, tls=tls, port=self.proxy.port)

    def test_listing_ten_thousand(self):
        for names in ('uid', 'subject'):
            for tls in ('none', 'implicit'):
                with self.subTest(names=names, tls=tls):
                    mounted = self.start(tls, [f'names={names}'])
                    with self.proxy.counting() as counts:
                        lines = mounted.run('ls -l Many | wc -l')
                    self.assertEqual(int(lines), 10_001)
                    self.assertRoundTrips(counts, 1, 'ls -l')
                    mounted.unmount()

    def test_listing_again_while_nothing_changed(self):
        mounted = self.start()
        mounted.listdir('Many')
        with self.proxy.counting() as counts:
            mounted.run('ls -l Many | tail -1')
        self.assertLessEqual(counts['longest'], 1)
        self.assertRoundTrips(counts, 1, 'second ls -l')
        self.assertLess(counts['bytes_down'], OVERHEAD)

    def test_stat_of_what_was_listed(self):
        mounted = self.start()
        names = mounted.listdir('Many')
        with self.proxy.counting() as counts:
            for name in names[::1000]:
                mounted.stat('Many/' + name)
        self.assertRoundTrips(counts, 0, 'stat')

    def test_listing_the_top(self):
        mounted = self.start()
        with self.proxy.counting() as counts:
            self.assertIn('Big', mounted.listdir())
        self.assertRoundTrips(counts, 1, 'ls of the top')

    def test_first_block_selected_or_not(self):
        for tls in ('none', 'implicit'):
            for selected in (True, False):
                with self.subTest(tls=tls, selected=selected):
                    mounted = self.start(tls)
                    mounted.listdir('Small')
                    if not selected:
                        mounted.listdir('Other')
                    expected = self.server.messages('Small', '7')[7]
                    with self.proxy.counting() as counts:
                        self.assertEqual(mounted.read('Small/7.eml'), expected)
                    self.assertRoundTrips(counts, 1, 'first read')
                    self.assertLess(counts['bytes_down'], len(expected) + OVERHEAD)
                    with self.proxy.counting() as counts:
                        self.assertEqual(mounted.read('Small/7.eml'), expected)
                    self.assertRoundTrips(counts, 0, 'second read')
                    mounted.unmount()

    def test_first_block_read_only(self):
        mounted = self.start(options=['ro'])
        mounted.listdir('Small')
        expected = self.server.messages('Small', '7')[7]
        for n in (1, 0):
            with self.proxy.counting() as counts:
                self.assertEqual(mounted.read('Small/7.eml'), expected)
            self.assertRoundTrips(counts, n, 'read')

    def test_lookup_without_a_listing(self):
        """The mailbox has to be listed for that, which is one round trip; the message another."""
        mounted = self.start()
        with self.proxy.counting() as counts:
            mounted.stat('Small/7.eml')
        self.assertRoundTrips(counts, 1, 'stat')
        with self.proxy.counting() as counts:
            mounted.read('Small/7.eml')
        self.assertRoundTrips(counts, 1, 'read')

    def test_everything_cached(self):
        mounted = self.start()
        contents = mounted.contents('Small')
        self.assertEqual(len(contents), 20)
        with self.proxy.counting() as counts:
            for name, content in contents.items():
                self.assertEqual(mounted.read('Small/' + name), content)
                mounted.stat('Small/' + name)
            mounted.status()
            mounted.run('stat -f .')
            mounted.run('! stat .imapfs/nothing Small/nothing.eml 2> /dev/null')
        self.assertRoundTrips(counts, 0, 'everything cached')
        self.assertEqual(counts['bytes_up'], 0)

    def test_no_round_trips_for_names_that_do_not_exist(self):
        """Editors and desktops look for hundreds of such names."""
        mounted = self.start()
        mounted.listdir('Small')
        with self.proxy.counting() as counts:
            mounted.run('! stat nothing Small/.git Small/nothing.eml Small/8.eml/x 2> /dev/null')
        self.assertRoundTrips(counts, 0, 'stat of nothing')

    def test_head_of_thirty_megabytes(self):
        for tls in ('none', 'implicit'):
            with self.subTest(tls=tls):
                mounted = self.start(tls)
                mounted.listdir('Big')
                with self.proxy.counting() as counts:
                    head = mounted.run('head -c 4096 Big/1.eml')
                self.assertEqual(head.encode(), self.big.replace(b'\n', b'\r\n')[:4096].replace(b'\r\n', b'\n'))
                self.assertRoundTrips(counts, 1, 'head')
                self.assertLess(counts['bytes_down'], BLOCK + 2 * OVERHEAD)
                with self.proxy.counting() as counts:
                    mounted.run('head -c 100000 Big/1.eml')
                self.assertRoundTrips(counts, 0, 'head again')
                mounted.unmount()

    def test_all_of_thirty_megabytes_takes_the_line_not_its_round_trips(self):
        """Windows that double: 30 MB are 229 blocks, but no more than a few dozen round trips."""
        mounted = self.start()
        mounted.listdir('Big')
        content = self.big.replace(b'\n', b'\r\n')
        with self.proxy.counting() as counts:
            self.assertEqual(mounted.read('Big/1.eml'), content)
        self.assertLess(counts['longest'], 40)
        self.assertLess(counts['bytes_down'], len(content) * 1.01 + 2 * BLOCK)

    def test_many_readers_of_one_message_fetch_it_once(self):
        mounted = self.start()
        mounted.listdir('Small')
        expected = self.server.messages('Small', '9')[9]
        with self.proxy.counting() as counts:
            mounted.run('for i in 1 2 3 4 5 6 7 8; do cat Small/9.eml > /dev/null & done; wait')
        self.assertRoundTrips(counts, 1, 'eight readers')
        self.assertLess(counts['bytes_down'], len(expected) + OVERHEAD)

    def test_a_time_that_a_round_trip_takes(self):
        """What is counted above is also what it takes."""
        mounted = self.start(delay_ms=150)
        for command in ('ls -l Small', 'cat Small/3.eml', 'head -c 4096 Big/1.eml'):
            if 'Big' in command:
                mounted.listdir('Big')
            begin = time.monotonic()
            mounted.run(f'{command} > /dev/null')
            seconds = time.monotonic() - begin
            with self.subTest(command=command):
                self.assertGreaterEqual(seconds, 0.3)
                self.assertLess(seconds, 0.3 + 0.25 * mount.SLOWNESS)


class StallingImap(fakeserver.Imap):
    """Sends the first half of a listing and the rest when it is told to."""

    def __init__(self, *arguments, **keywords):
        self.go_on, self.waits = threading.Event(), threading.Event()
        self.half = 500
        super().__init__(*arguments, **keywords)

    def send_fetch(self, connection, number, mail, items):
        if number == self.half + 1 and not self.go_on.is_set():
            self.waits.set()
            while not self.go_on.wait(0.1) and not self.stopping.is_set():
                pass
        super().send_fetch(connection, number, mail, items)


class TestStreaming(RoundTripTestCase):
    """The first entries of a listing come out while the server still sends the rest."""

    def serve(self, n_messages=1000):
        mails = [b'Subject: number %d\r\nMessage-ID: <%d@x>\r\n\r\nhello\r\n' % (i, i) for i in range(n_messages)]
        return self.enter(StallingImap({'INBOX': mails}))

    def scan(self, mounted, n_entries):
        """[(name, size)] of the first entries of INBOX, and then no more."""
        found = []
        with os.scandir(mounted.path / 'INBOX') as entries:
            for entry in entries:
                found.append((entry.name, entry.stat(follow_symlinks=False).st_size))
                if len(found) == n_entries:
                    break
        return found

    def see_the_first(self, server, mounted):
        """The server must wait in the middle by now, and still after the first entries were read."""
        self.addCleanup(server.go_on.set)
        found = mount.call(self.scan, mounted, 400, seconds=15)
        self.assertEqual(len(set(found)), 400)
        self.assertFalse(server.go_on.is_set())
        self.assertTrue(mount.wait_until(server.waits.is_set))

    def finish(self, server, mounted):
        server.go_on.set()
        self.assertEqual(len(mounted.listdir('INBOX')), 1000)
        self.assertEqual(sum(name == 'UID FETCH' and arguments.startswith(b'1:*') for _, name, arguments in server.commands), 1)

    def test_first_entries_of_scandir(self):
        for names in ('uid', 'subject'):
            with self.subTest(names=names):
                server = self.serve()
                mounted = self.mount(server, f'names={names}')
                self.see_the_first(server, mounted)
                self.finish(server, mounted)
                mounted.unmount()

    def test_a_reader_goes_on_where_it_waited(self):
        """One scandir from before the stall to the end: nothing twice, nothing left out."""
        server = self.serve()
        mounted = self.mount(server, 'names=uid')
        self.addCleanup(server.go_on.set)
        program = 'import os\nfor entry in os.scandir("INBOX"): print(entry.name, entry.stat().st_size, flush=True)'
        reader = mounted.background([sys.executable, '-c', program])
        lines = [reader.process.stdout.readline() for _ in range(400)]
        self.assertRegex(lines[0], r'^1\.eml \d+$')
        self.assertFalse(server.go_on.is_set())
        server.go_on.set()
        lines += reader.process.stdout.readlines()
        self.assertEqual(reader.finish(), (0, '', ''))
        self.assertEqual([int(line.split('.')[0]) for line in lines], list(range(1, 1001)))

    def test_lookup_does_not_wait_for_the_rest(self):
        """A name that has come already is found while the server still sends, and read over another connection."""
        server = self.serve()
        mounted = self.mount(server, 'names=uid')
        self.see_the_first(server, mounted)
        self.assertEqual(mounted.read('INBOX/17.eml', seconds=5), server.mailboxes['INBOX'].mails[17].content)
        self.assertFalse(server.go_on.is_set())
        self.finish(server, mounted)


if __name__ == '__main__':
    mount.main()
