#!/usr/bin/python3
"""Reading ahead across files: a walk costs a few round trips, not one per message; who does not walk pays for nothing;
and whoever is in a hurry overtakes."""

import datetime
import os
import random
import sys
import tarfile
import time

import mailserver
import mount
import netproxy
import samplemail

DELAY_MS = 25  # one way
BLOCK = 128 * 1024
AROUND = 300  # bytes of IMAP and TLS around a message
N = 300

# Round trips for all N messages, after the listing: two before it is seen that somebody walks, then windows of 32 KiB
# and more, each asked for while the last one comes. Without reading ahead it would be 300.
FEW = 20


def shuffled(messages, seed=1):
    """The same messages in another order: then names do not sort as UIDs do."""
    messages = list(messages)
    random.Random(seed).shuffle(messages)
    return messages


def sized(sizes, seed=1):
    """Messages of about so many bytes."""
    lots = random.Random(seed)
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for number, size in enumerate(sizes):
        line = b'%016x' % lots.getrandbits(64) * 4 + b'\n'
        yield b'Subject: number %d\nMessage-ID: <%d@sized>\n\n' % (number, number) + line * (size // 65 + 1), \
            start + datetime.timedelta(minutes=number), 'S'


def read_in_order(top, names, length):
    found = []
    for name in names:
        fd = os.open(os.path.join(top, name), os.O_RDONLY)
        try:
            pieces = [os.read(fd, length)]
            while length > 100 and pieces[-1]:
                pieces.append(os.read(fd, length))
            found.append(b''.join(pieces))
        finally:
            os.close(fd)
    return found


class AheadTestCase(mount.MountTestCase):
    quiet = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lots = random.Random(5)
        cls.server = mailserver.Dovecot(plaintext=True)
        cls.addClassCleanup(cls.server.remove)
        cls.server.deliver('Walk', shuffled(samplemail.many(N)))
        cls.server.deliver('Many', sized([lots.randrange(2000, 9000) for _ in range(2000)]))
        cls.server.deliver('Sniff', sized([lots.choice([3000, 9000, 60_000, 200_000, 400_000]) for _ in range(120)]))
        cls.server.deliver('Long', sized([lots.randrange(300_000, 1_500_000) for _ in range(30)]))
        cls.server.deliver('Slow', sized([40_000] * 400))
        cls.server.deliver('Other', samplemail.many(20))
        cls.server.start()
        cls.truth = {name: cls.server.messages(name) for name in ('Walk', 'Many', 'Sniff', 'Long', 'Slow', 'Other')}

    def start(self, *options, names='uid', rate=0, delay_ms=DELAY_MS, tls='none', listed='Walk'):
        port = self.server.imap_port if tls == 'none' else self.server.imaps_port
        self.proxy = self.enter(netproxy.Proxy(port, delay_ms=delay_ms, rate=rate))
        mounted = self.mount(self.server, f'names={names}', *options, tls=tls, port=self.proxy.port)
        self.uids = {name: found.st_ino & 0xffffffff for name, found in mounted.files(listed).items()}
        return mounted

    def expected(self, mailbox, names):
        return [self.truth[mailbox][self.uids[name]] for name in names]

    def assertFew(self, counts, what, most=FEW):
        print(f'{what}: {counts["round_trips"]} round trips, {counts["connections"]} new connections, '
              f'{counts["bytes_down"]} bytes', file=sys.stderr)
        self.assertLessEqual(counts['round_trips'], most, what)


class TestTools(AheadTestCase):
    """Over 300 messages, listed already, in which nothing was read yet."""

    def check(self, command, names='uid', **keywords):
        mounted = self.start(names=names, **keywords)
        with self.proxy.counting() as counts:
            output = mounted.run(command)
        self.assertFew(counts, f'{command} (names={names})')
        total = sum(map(len, self.truth['Walk'].values()))
        self.assertLess(counts['bytes_down'], total + N * AROUND)
        return mounted, output

    def in_glob_order(self):
        return self.expected('Walk', sorted(self.uids))

    def test_grep(self):
        for names in ('uid', 'subject'):
            mounted, output = self.check('LC_ALL=C grep -rlaF "number 14." Walk | sort', names)
            self.assertEqual(output.split('\n')[:-1], sorted(
                f'Walk/{name}' for name, uid in self.uids.items() if b'number 14.' in self.truth['Walk'][uid]))
            mounted.unmount()

    def test_grep_over_tls(self):
        self.check('grep -rc hay Walk | wc -l', tls='implicit')

    def test_grep_read_only(self):
        mounted = self.start('ro')
        with self.proxy.counting() as counts:
            mounted.run('grep -rc hay Walk > /dev/null')
        self.assertFew(counts, 'grep -r, ro')

    def test_grep_with_one_connection(self):
        mounted = self.start('connections=1')
        with self.proxy.counting() as counts:
            mounted.run('grep -rc hay Walk > /dev/null')
        self.assertFew(counts, 'grep -r, connections=1')

    def test_find(self):
        mounted, _ = self.check('find Walk -type f -exec cat {} \\; > ../all')
        self.assertEqual((mounted.directory / 'all').read_bytes(), b''.join(
            content for _, content in sorted(self.truth['Walk'].items())))

    def test_tar(self):
        for names in ('uid', 'subject'):
            mounted, _ = self.check('tar -cf - Walk | cat > ../all.tar', names)
            with tarfile.open(mounted.directory / 'all.tar') as archive:
                members = {os.path.basename(member.name): archive.extractfile(member).read()
                           for member in archive if member.isfile()}
            self.assertEqual(members, {name: self.truth['Walk'][uid] for name, uid in self.uids.items()})
            mounted.unmount()

    def test_cp(self):
        for names in ('uid', 'subject'):
            mounted, _ = self.check('cp -r Walk ../copy', names)
            self.assertEqual({file.name: file.read_bytes() for file in (mounted.directory / 'copy').iterdir()},
                             {name: self.truth['Walk'][uid] for name, uid in self.uids.items()})
            mounted.unmount()

    def test_wc(self):
        _, output = self.check('wc -c Walk/* | tail -1')
        self.assertEqual(int(output.split()[0]), sum(map(len, self.truth['Walk'].values())))

    def test_wc_lines(self):
        _, output = self.check('cat Walk/* | wc -l')
        self.assertEqual(int(output), sum(content.count(b'\n') for content in self.truth['Walk'].values()))

    def test_cat_in_glob_order(self):
        for names in ('uid', 'subject'):
            mounted, _ = self.check('LC_ALL=C; cat Walk/* > ../all', names)
            self.assertEqual((mounted.directory / 'all').read_bytes(), b''.join(self.in_glob_order()))
            mounted.unmount()

    def test_every_third(self):
        mounted = self.start()
        names = [f'{uid}.eml' for uid in range(1, N + 1, 3)]
        with self.proxy.counting() as counts:
            found = mount.call(read_in_order, mounted.path / 'Walk', names, BLOCK)
        self.assertFew(counts, 'every third')
        self.assertEqual(found, self.expected('Walk', names))

    def test_again(self):
        mounted, _ = self.check('grep -rc hay Walk > /dev/null')
        with self.proxy.counting() as counts:
            mounted.run('grep -rc hay Walk > /dev/null; cat Walk/* > /dev/null')
        self.assertLessEqual(counts['round_trips'], 4)  # the listing is looked after at each opendir
        self.assertLess(counts['bytes_down'], 4096)

    def test_two_at_once(self):
        mounted = self.start(listed='Walk')
        mounted.listdir('Many')
        with self.proxy.counting() as counts:
            readers = [mounted.background(f'cat {name}/* | wc -c') for name in ('Walk', 'Many')]
            sizes = [int(reader.finish(40)[1]) for reader in readers]
        self.assertEqual(sizes, [sum(map(len, self.truth[name].values())) for name in ('Walk', 'Many')])
        self.assertFew(counts, 'two at once, 2,300 messages', 4 * FEW)

    def test_ten_megabytes(self):
        """Windows go on growing: ten megabytes do not cost ten times as much as one."""
        mounted = self.start(listed='Many')
        with self.proxy.counting() as counts:
            mounted.run('grep -rc number Many > /dev/null', seconds=40)
        self.assertFew(counts, 'grep -r of 2,000 messages', 3 * FEW)

    def test_long_messages(self):
        mounted = self.start(listed='Long')
        total = sum(map(len, self.truth['Long'].values()))
        with self.proxy.counting() as counts:
            mounted.run('for i in $(seq 30); do cat Long/$i.eml; done > ../all', seconds=40)
        self.assertEqual((mounted.directory / 'all').read_bytes(),
                         b''.join(content for _, content in sorted(self.truth['Long'].items())))
        self.assertFew(counts, f'30 long messages, {total} bytes', 2 * FEW)
        self.assertLess(counts['bytes_down'], 1.02 * total + 4 * BLOCK)


class TestOthers(AheadTestCase):
    """Those who do not walk."""

    def read_at_random(self, mailbox, n_reads, factor):
        mounted = self.start(listed=mailbox)
        names = random.Random(3).sample(sorted(self.uids), n_reads)
        with self.proxy.counting() as counts:
            found = mount.call(read_in_order, mounted.path / mailbox, names, BLOCK, seconds=40)
        self.assertEqual(found, self.expected(mailbox, names))
        asked = sum(map(len, found)) + n_reads * AROUND
        print(f'{n_reads} of {mailbox} at random: {counts["bytes_down"] / asked:.2f} times', file=sys.stderr)
        self.assertLess(counts['bytes_down'], factor * asked)
        return mounted

    def test_random_order(self):
        for mailbox, n_reads in (('Walk', 60), ('Many', 100)):
            self.read_at_random(mailbox, n_reads, 4).unmount()

    def test_head(self):
        """Of each the server is asked for all of up to 256 KiB, or for a block: no more, and long ones not ahead."""
        mounted = self.start(listed='Sniff')
        names = sorted(self.uids)
        with self.proxy.counting() as counts:
            output = mounted.run(f'cd Sniff && LC_ALL=C && for i in *; do head -c 100 "$i"; done | sha256sum')
        sizes = [len(content) for content in self.expected('Sniff', names)]
        asked = sum(size if size <= 2 * BLOCK else BLOCK for size in sizes)
        print(f'head -c 100: {counts["bytes_down"] / asked:.2f} times, {counts["round_trips"]} round trips of '
              f'{len(names)}', file=sys.stderr)
        self.assertLess(counts['bytes_down'], 1.05 * asked + 4 * BLOCK)
        self.assertEqual(len(output.split()[0]), 64)

    def test_head_of_short_ones(self):
        """Short messages come ahead whole, in a few round trips."""
        mounted = self.start()
        with self.proxy.counting() as counts:
            output = mounted.run('LC_ALL=C head -qc 100 Walk/*')
        self.assertEqual(output.encode(), b''.join(content[:100] for content in self.expected(
            'Walk', sorted(self.uids))).replace(b'\r\n', b'\n'))
        self.assertFew(counts, 'head -c 100 of short ones')

    def hurry(self, *options, rate):
        """Seconds that the longest of some reads of another mailbox takes while a grep fills the line."""
        mounted = self.start(*options, rate=rate, listed='Other', delay_ms=10)
        mounted.listdir('Slow')
        mounted.read('Other/1.eml')
        grep = mounted.background('grep -rc nothing Slow')
        time.sleep(2)
        longest = 0
        for uid in (2, 9, 17):
            begin = time.monotonic()
            self.assertEqual(mounted.read(f'Other/{uid}.eml', seconds=15), self.truth['Other'][uid])
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.7)
        self.assertIsNone(grep.process.poll(), 'the grep was over too early')
        print(f'in a hurry, {rate} bytes/s, {options}: {longest:.2f} s', file=sys.stderr)
        grep.signal(15)
        grep.finish()
        return longest

    def test_in_a_hurry(self):
        for rate in (1_000_000, 2_500_000):
            with self.subTest(rate=rate):
                self.assertLess(self.hurry(rate=rate), 1.0 * mount.SLOWNESS)

    def test_in_a_hurry_with_one_connection(self):
        """Behind what is under way, and not more than that."""
        self.assertLess(self.hurry('connections=1', rate=1_000_000), 1.5 * mount.SLOWNESS)


if __name__ == '__main__':
    mount.main()
