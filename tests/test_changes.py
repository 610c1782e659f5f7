#!/usr/bin/python3
"""What another client changes, and what becomes of names and open files that it takes away."""

import datetime
import errno
import os

import mailserver
import mount
import samplemail
from mount import wait_until

DAY = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)


def mails(n, first=1, body=b'text'):
    return [(b'Subject: %d\nFrom: a@example.org\nMessage-ID: <%d@example.org>\n\n%s %d\n' % (i, i, body, i), DAY, '')
            for i in range(first, first + n)]


def big_mail(n_bytes):
    line = b'0123456789abcdef' * 4 + b'\n'
    body = b''.join(b'%08d ' % i + line for i in range(n_bytes // 74))
    return b'Subject: big\nMessage-ID: <big@example.org>\n\n' + body, DAY, ''


def pread(fd, length=1 << 20, offset=0, forget=True):
    """What the daemon has, unless forget is False: then the kernel may answer by itself."""
    if forget:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return os.pread(fd, length, offset)


class ChangesCase(mount.MountTestCase):
    """What listings find. That nobody looks meanwhile is also for Dovecot's sake, which says ALREADYEXISTS of a mailbox that
    it is just making, where another session opens it at that moment. For what shows by itself see test_live.py."""

    quiet = True

    def setUp(self):
        super().setUp()
        self.server = mailserver.Dovecot()
        self.server.deliver('INBOX', mails(10))
        self.server.deliver('Box', mails(5, 101))
        self.enter(self.server)
        self.old = {mailbox: self.server.messages(mailbox) for mailbox in ('INBOX', 'Box')}  # they have their UIDs now

    def open(self, mounted, path):
        """A descriptor. Calls on it are made in a child process, which inherits it."""
        fd = mount.call(os.path.exists, mounted.path / path) and os.open(mounted.path / path, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        return fd

    def pread(self, fd, *arguments, **keywords):
        return mount.call(pread, fd, *arguments, **keywords)

    def assert_errno(self, number, function, *arguments, **keywords):
        with self.assertRaises(OSError) as caught:
            function(*arguments, **keywords)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])

    def assert_right_or_stale(self, content, fd, length, offset=0):
        """Dovecot may still have the bytes of what it has not yet told to be gone."""
        try:
            self.assertEqual(self.pread(fd, length, offset), content[offset:offset + length])
        except OSError as error:
            self.assertEqual(error.errno, errno.ESTALE)

    def recreate(self, mailbox, contents):
        """Deletes a mailbox and makes another one of that name; UIDs begin at 1 again, UIDVALIDITY does not."""
        client = self.server.connect()
        name = mailserver.quote(mailserver.encode_mailbox(mailbox))
        mailserver.check(client.delete(name))
        mailserver.check(client.create(name))
        client.logout()
        self.server.append(mailbox, contents)

    def uids(self, *uids):
        return sorted(f'{uid}.eml' for uid in uids)


class TestMessages(ChangesCase):
    def test_new_mail_is_in_the_next_listing(self):
        for options in ([], ['ro']):
            mounted = self.mount(self.server, 'names=uid', *options)
            uid = max(self.server.messages('INBOX')) + 1
            before = mounted.files('INBOX')
            self.assert_errno(errno.ENOENT, mounted.stat, f'INBOX/{uid}.eml')
            for i in range(3):
                self.server.append('INBOX', mails(1, 1000 + uid + i))
                self.assertEqual(mounted.listdir('INBOX')[-1], f'{uid + i}.eml')
                content = mounted.read(f'INBOX/{uid + i}.eml')
                self.assertEqual(content, self.server.messages('INBOX', str(uid + i))[uid + i])
            after = mounted.files('INBOX')
            self.assertEqual({name: after[name].st_ino for name in before},
                             {name: found.st_ino for name, found in before.items()})

    def test_expunged_mail_is_not(self):
        mounted = self.mount(self.server, 'names=uid')
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(*range(1, 11)))
        mounted.contents('INBOX')
        self.server.expunge('INBOX', '1,4:6,10')
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(2, 3, 7, 8, 9))
        for uid in (1, 4, 5, 6, 10):
            self.assert_errno(errno.ENOENT, mounted.read, f'INBOX/{uid}.eml')
            self.assert_errno(errno.ENOENT, mounted.stat, f'INBOX/{uid}.eml')
        self.assertEqual(set(mounted.contents('INBOX').values()), set(self.server.messages('INBOX').values()))

    def test_as_many_come_as_go(self):
        mounted = self.mount(self.server, 'names=uid')
        mounted.listdir('INBOX')
        self.server.expunge('INBOX', '3')
        self.server.append('INBOX', mails(1, 50))
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(1, 2, *range(4, 12)))
        self.server.append('INBOX', mails(2, 60))
        self.server.expunge('INBOX', '12:13')  # come and gone before anybody looked
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(1, 2, *range(4, 12)))

    def test_all_go_and_others_come(self):
        mounted = self.mount(self.server, 'names=uid')
        mounted.listdir('INBOX')
        self.server.expunge('INBOX', '1:*')
        self.assertEqual(mounted.listdir('INBOX'), [])
        self.server.append('INBOX', mails(2, 70))
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(11, 12))

    def test_a_thousand_expunges_at_once(self):
        self.server.deliver('Many', samplemail.many(2000))
        mounted = self.mount(self.server, 'names=uid')
        mounted.contents('Many')
        self.server.expunge('Many', ','.join(map(str, range(1, 2001, 2))))
        self.assertEqual(sorted(mounted.listdir('Many')), self.uids(*range(2, 2001, 2)))
        for uid in range(1, 2001, 100):
            self.assert_errno(errno.ENOENT, mounted.stat, f'Many/{uid}.eml')
        self.assertEqual(set(mounted.contents('Many').values()), set(self.server.messages('Many').values()))

    def test_the_next_of_the_same_name(self):
        """The later of two of one name keeps the name it was given, and the next one gets another."""
        self.server.append('INBOX', mails(1, 5))
        mounted = self.mount(self.server)
        before = {found.st_ino & 0xffff: name for name, found in mounted.files('INBOX').items()}
        self.assertEqual(before[11], before[5].replace('.eml', '~11.eml'))
        self.server.expunge('INBOX', '5')
        self.server.append('INBOX', mails(1, 5))
        after = {found.st_ino & 0xffff: name for name, found in mounted.files('INBOX').items()}
        self.assertEqual(after[11], before[11])
        self.assertEqual(len(set(after.values())), 10 + 1)
        for uid, name in after.items():
            self.assertEqual(mounted.read(f'INBOX/{name}'), self.server.messages('INBOX', str(uid))[uid])


class TestOpenFiles(ChangesCase):
    def test_what_was_read_of_an_expunged_message_stays_readable(self):
        for listed in (False, True):
            with self.subTest(listed=listed):
                mounted = self.mount(self.server, 'names=uid')
                gone = min(self.server.messages('INBOX'))
                content, other = [self.server.messages('INBOX')[uid] for uid in (gone, gone + 1)]
                read, unread = [self.open(mounted, f'INBOX/{uid}.eml') for uid in (gone, gone + 1)]
                self.assertEqual(self.pread(read), content)
                self.server.expunge('INBOX', f'{gone}:{gone + 1}')
                if listed:
                    self.assertNotIn(f'{gone}.eml', mounted.listdir('INBOX'))
                self.assertEqual(self.pread(read), content)
                self.assertEqual(self.pread(read, 10, 5), content[5:15])
                if listed:
                    self.assert_errno(errno.ESTALE, self.pread, unread)
                else:
                    self.assert_right_or_stale(other, unread, 1000)
                self.assertEqual(self.pread(self.open(mounted, 'INBOX/10.eml')), self.server.messages('INBOX')[10])

    def test_the_unread_rest_of_a_large_one_is_stale(self):
        self.server.append('Box', [big_mail(3_000_000)])
        mounted = self.mount(self.server, 'names=uid')
        content = self.server.messages('Box', '6')[6]
        fd = self.open(mounted, 'Box/6.eml')
        self.assertEqual(self.pread(fd, 4096), content[:4096])
        self.server.expunge('Box', '6')
        self.assertEqual(self.pread(fd, 4096), content[:4096])
        self.assert_right_or_stale(content, fd, 4096, 1_000_000)
        self.assertNotIn('6.eml', mounted.listdir('Box'))
        self.assertEqual(self.pread(fd, 4096), content[:4096])
        self.assert_errno(errno.ESTALE, self.pread, fd, 4096, 2_000_000)
        self.assert_errno(errno.ENOENT, mounted.read, 'Box/6.eml')

    def test_a_mailbox_replaced_under_an_open_file(self):
        mounted = self.mount(self.server, 'names=uid')
        old = self.old['Box']
        read, unread = self.open(mounted, 'Box/1.eml'), self.open(mounted, 'Box/2.eml')
        self.assertEqual(self.pread(read), old[1])
        self.recreate('Box', mails(4, 201, b'another'))
        for _ in range(2):
            self.assert_errno(errno.ESTALE, self.pread, unread)
            self.assertEqual(self.pread(read), old[1])
            self.assertEqual(sorted(mounted.listdir('Box')), self.uids(1, 2, 3, 4))
        self.assertEqual(mounted.read('Box/1.eml'), self.server.messages('Box')[1])

    def test_a_mailbox_deleted_under_an_open_file(self):
        mounted = self.mount(self.server, 'names=uid')
        old = self.old['Box']
        read, unread = self.open(mounted, 'Box/1.eml'), self.open(mounted, 'Box/2.eml')
        self.assertEqual(self.pread(read), old[1])
        client = self.server.connect()
        mailserver.check(client.delete('Box'))
        self.assertNotIn('Box', mounted.listdir())
        self.assertEqual(self.pread(read), old[1])
        self.assert_errno(errno.ESTALE, self.pread, unread)
        self.assert_errno(errno.ENOENT, mounted.listdir, 'Box')
        self.assert_errno(errno.ENOENT, mounted.read, 'Box/1.eml')


class TestMailboxes(ChangesCase):
    def test_created_renamed_deleted(self):
        mounted = self.mount(self.server, 'names=uid')
        client = self.server.connect()
        self.assertEqual(sorted(mounted.listdir()), ['Box', 'INBOX'])
        mailserver.check(client.create('Neu'))
        mailserver.check(client.create('Above/Below'))
        self.assertEqual(sorted(mounted.listdir()), ['Above', 'Box', 'INBOX', 'Neu'])
        self.assertEqual(mounted.listdir('Above'), ['Below'])
        self.assertEqual(mounted.listdir('Neu'), [])
        contents = mounted.contents('Box')
        mailserver.check(client.rename('Box', 'Above/Moved'))
        self.assertEqual(sorted(mounted.listdir()), ['Above', 'INBOX', 'Neu'])
        self.assert_errno(errno.ENOENT, mounted.listdir, 'Box')
        self.assert_errno(errno.ENOENT, mounted.read, 'Box/1.eml')
        self.assertEqual(sorted(mounted.listdir('Above')), ['Below', 'Moved'])
        self.assertEqual(mounted.contents('Above/Moved'), contents)
        mailserver.check(client.delete('Neu'))
        mailserver.check(client.delete('Above/Below'))
        self.assertEqual(sorted(mounted.listdir()), ['Above', 'INBOX'])
        self.assertEqual(mounted.listdir('Above'), ['Moved'])
        mailserver.check(client.delete('Above/Moved'))
        self.assertEqual(mounted.listdir(), ['INBOX'])
        self.assert_errno(errno.ENOENT, mounted.stat, 'Above')
        self.assertEqual(mounted.stat().st_nlink, 3)

    def test_below_another(self):
        """Found by the listing of the parent alone, within the second for which a list is kept."""
        self.server.create('Above/One')
        mounted = self.mount(self.server)
        self.assertEqual(mounted.listdir('Above'), ['One'])
        self.server.create('Above/Two')
        self.assertTrue(wait_until(lambda: sorted(mounted.listdir('Above')) == ['One', 'Two'], 3, 0.1))
        self.assertEqual(mounted.stat('Above').st_nlink, 4)

    def test_one_whose_children_stay(self):
        """Without its list index, because with it Dovecot 2.3 does not tell that Box is gone."""
        server = mailserver.Dovecot(extra='mailbox_list_index = no')
        server.deliver('Box', mails(5))
        server.deliver('Box/Child', mails(2, 50))
        self.server = self.enter(server)
        mounted = self.mount(server, 'names=uid')
        self.assertEqual(sorted(mounted.listdir('Box')), self.uids(*range(1, 6)) + ['Child'])
        number = mounted.stat('Box/Child').st_ino
        client = server.connect()
        mailserver.check(client.delete('Box'))
        mounted.listdir()
        self.assertEqual(mounted.listdir('Box'), ['Child'])
        self.assert_errno(errno.ENOENT, mounted.read, 'Box/1.eml')
        self.assertEqual(sorted(mounted.listdir('Box/Child')), self.uids(1, 2))
        self.assertEqual(mounted.stat('Box/Child').st_ino, number)
        mailserver.check(client.create('Box'))
        server.append('Box', mails(1, 300))
        mounted.listdir()
        self.assertEqual(sorted(mounted.listdir('Box')), ['1.eml', 'Child'])
        self.assertEqual(mounted.contents('Box'), {'1.eml': server.messages('Box')[1]})

    def test_replaced_by_another_of_the_same_name(self):
        for options in ([], ['ro']):
            mounted = self.mount(self.server, 'names=uid', *options)
            contents, before = mounted.contents('Box'), mounted.files('Box')
            directory = mounted.stat('Box').st_ino
            self.recreate('Box', mails(5, 301 + 100 * len(options), b'something else'))
            after = mounted.files('Box')
            self.assertEqual(set(before), set(after))
            self.assertFalse({found.st_ino for found in before.values()} & {found.st_ino for found in after.values()})
            self.assertNotEqual(mounted.stat('Box').st_ino, directory)
            truth = {f'{uid}.eml': content for uid, content in self.server.messages('Box').items()}
            self.assertFalse(set(contents.values()) & set(truth.values()))
            self.assertEqual(mounted.contents('Box'), truth)
            self.assertEqual({name: found.st_size for name, found in after.items()},
                             {name: len(content) for name, content in truth.items()})

    def test_replaced_while_nobody_lists_it(self):
        """By its path a message is found again, without ls; the old one's bytes do not come back."""
        mounted = self.mount(self.server, 'names=uid')
        old = mounted.contents('Box')
        self.recreate('Box', mails(5, 401, b'something else'))
        mounted.listdir()
        mounted.listdir('Box')
        for name in old:
            self.assertNotEqual(mounted.read(f'Box/{name}'), old[name])

    def test_removed_while_somebody_is_in_it(self):
        mounted = self.mount(self.server)
        directory = os.open(mounted.path / 'Box', os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, directory)
        mailserver.check(self.server.connect().delete('Box'))
        mounted.listdir()
        with self.assertRaises(OSError) as caught:
            mount.call(os.listdir, f'/proc/{os.getpid()}/fd/{directory}')
        self.assertIn(caught.exception.errno, (errno.ENOENT, errno.ESTALE))


class TestRestart(ChangesCase):
    def test_idle_over_a_restart(self):
        for end in (self.server.stop, self.server.kill):
            with self.subTest(end=end.__name__):
                mounted = self.mount(self.server, 'names=uid')
                mounted.expect('lost|BYE|offline')
                first = mounted.contents('INBOX')
                end()
                self.server.start()
                self.server.append('INBOX', mails(1, 500))
                self.assertEqual(set(mounted.files('INBOX')) - set(first), {f'{len(first) + 1}.eml'})
                self.assertEqual(set(mounted.contents('INBOX').values()), set(self.server.messages('INBOX').values()))
                self.assertEqual(len(mounted.listdir('Box')), 5)
                self.assertEqual(mounted.status()['state'], 'online')

    def test_changes_while_the_server_was_away_and_somebody_asked(self):
        mounted = self.mount(self.server, 'names=uid')
        mounted.expect('lost|BYE|offline|connect')
        contents = mounted.contents('INBOX')
        fd = self.open(mounted, 'Box/3.eml')
        self.server.stop()
        self.assertEqual(mounted.contents('INBOX'), contents)
        self.assert_errno(errno.EHOSTDOWN, self.pread, fd)
        self.server.deliver('INBOX', mails(2, 600))
        self.server.start()
        self.server.expunge('INBOX', '1:3')
        self.assertTrue(wait_until(lambda: mounted.status()['state'] == 'online'))
        self.assertEqual(sorted(mounted.listdir('INBOX')), self.uids(*range(4, 13)))
        self.assertEqual(set(mounted.contents('INBOX').values()), set(self.server.messages('INBOX').values()))
        self.assertEqual(self.pread(fd), self.server.messages('Box')[3])


if __name__ == '__main__':
    mount.main()
