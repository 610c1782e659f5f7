#!/usr/bin/python3
"""COMPRESS=DEFLATE against Dovecot: the same bytes in every file, and fewer of them on the line."""

import mailserver
import mount
import netproxy
import samplemail
import test_reading
from timed import wait_until


class CompressCase(test_reading.ReadingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(mailserver.Dovecot(plaintext=True, compress=True))
        samplemail.deliver(cls.server, big_bytes=3_000_000)
        cls.server.deliver('Many', samplemail.many(2_000))
        cls.mailboxes = sorted({'/'.join(mailbox) for mailbox, *_ in samplemail.messages(big_bytes=3_000_000)} | {'Many'})
        cls.truth = {name: cls.server.messages(name) for name in cls.mailboxes}

    def through_proxy(self, *options, tls=None, **line):
        implicit = (tls or 'implicit') == 'implicit'
        proxy = self.enter(netproxy.Proxy(self.server.imaps_port if implicit else self.server.imap_port, **line))
        return proxy, self.new_mount(self.server, *options, tls=tls, port=proxy.port)


class TestBytes(CompressCase):
    def test_everything(self):
        """In clear, by STARTTLS and over TLS, and the proxy sees what it saves."""
        n_bytes = {}
        for tls in ('none', 'starttls', 'implicit'):
            for compress, found in (('off', 'none'), ('on', 'deflate')):
                with self.subTest(tls=tls, compress=compress):
                    proxy, mounted = self.through_proxy(f'compress={compress}', tls=tls)
                    mounted.start()
                    self.assertEqual(mounted.status()['compression'], found)
                    self.assertGreater(self.check_all(mounted), 2_300)
                    n_bytes[tls, compress] = proxy.stats()['bytes_down']
            self.assertLess(n_bytes[tls, 'on'], n_bytes[tls, 'off'] * 0.75)

    def test_text(self):
        """Plain text shrinks to a fraction."""
        n_bytes = {}
        for compress in ('off', 'on'):
            proxy, mounted = self.through_proxy(f'compress={compress}')
            self.check_all(mounted.start(), ['Many'])
            n_bytes[compress] = proxy.stats()['bytes_down']
        self.assertLess(n_bytes['on'], n_bytes['off'] * 0.4)

    def test_read_only_and_names_from_uids(self):
        mounted = self.mount(self.server, 'ro', 'names=uid', 'compress=on')
        self.assertEqual(mounted.contents('INBOX'),
                         {f'{uid}.eml': content for uid, content in self.truth['INBOX'].items()})
        self.assertEqual(mounted.status()['compression'], 'deflate')

    def test_lines_that_cut_connections(self):
        """In the middle of a deflated block; each new connection begins with a history of its own."""
        proxy, mounted = self.through_proxy('compress=on', cut_after=(150_000, 400_000))
        mounted.start().expect('lost')
        self.check_all(mounted, ['Many', 'Archive/2024'])
        self.assertGreater(proxy.stats()['cuts'], 0)


class TestWhen(CompressCase):
    def test_auto_begins_without(self):
        self.assertEqual(self.mount(self.server).status()['compression'], 'none')

    def test_auto_compresses_a_slow_line(self):
        """Nothing at first; then the connection is replaced, when it is idle. A fast line stays as it is."""
        content, date = samplemail.Writer().big(9_000_000)
        self.server.deliver('Large', [(content, date, '')])
        proxy, slow = self.through_proxy(rate=5_000_000)
        slow.start()
        fast = self.mount(self.server)
        for mounted in slow, fast:
            self.assertEqual(mounted.status()['compression'], 'none')
            self.assertEqual(len(mounted.contents('Large')), 1)
        wait_until(lambda: slow.status()['compression'] == 'deflate', 40)
        self.assertEqual(slow.status()['state'], 'online')
        self.assertEqual(fast.status()['compression'], 'none')

    def test_not_offered(self):
        server = self.enter(mailserver.Dovecot())
        server.deliver('INBOX', samplemail.many(3))
        mounted = self.mount(server, 'compress=on')
        self.assertEqual(mounted.status()['compression'], 'none')
        self.assertEqual(len(mounted.contents('INBOX')), 3)

    def test_one_round_trip_more(self):
        round_trips = {}
        for compress in ('off', 'on'):
            proxy, mounted = self.through_proxy(f'compress={compress}', 'poll=0', delay_ms=25)
            mounted.start()
            round_trips[compress] = proxy.stats()['round_trips']
        self.assertEqual(round_trips['on'], round_trips['off'] + 1)

    def test_the_server_restarts(self):
        """It says BYE, deflated; the next connection is deflated again."""
        server = self.enter(mailserver.Dovecot(compress=True))
        server.deliver('INBOX', samplemail.many(20))
        truth = server.messages('INBOX')
        mounted = self.mount(server, 'compress=on', 'names=uid')
        mounted.listdir('INBOX')
        server.restart()
        self.assertEqual(mounted.contents('INBOX'), {f'{uid}.eml': content for uid, content in truth.items()})
        self.assertEqual(mounted.status()['compression'], 'deflate')


if __name__ == '__main__':
    mount.main()
