#!/usr/bin/python3
"""Moving, removing and copying mail, and mailboxes made, renamed and removed: what the server has afterwards."""

import errno
import os

import mount
import writing
from writing import DAY, RENAME_EXCHANGE, RENAME_NOREPLACE, crlf, letter

REFUSED = errno.EPERM, errno.EBUSY, errno.EACCES


class TestRemoving(writing.WritingCase):
    def test_rm(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        self.unlink(mounted, path)
        self.assertFalse(self.exists(mounted, path))
        self.assertEqual(self.shown(mounted, 'INBOX'), [1, 3, 4, 5, 6])
        self.sync(mounted, 'INBOX')
        self.assertEqual(self.held('INBOX'), [1, 3, 4, 5, 6])
        self.assert_errno(errno.ENOENT, self.unlink, mounted, path)

    def test_rm_of_all(self):
        mounted = self.start()
        mounted.run('rm INBOX/*.eml')
        self.assertEqual(mounted.listdir('INBOX'), [])
        mounted.unmount()
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([], [101, 102, 103]))

    def test_an_open_file(self):
        """What was read of it can be read to its end."""
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 2)
        fd = mount.call(os.path.exists, mounted.path / path) and os.open(mounted.path / path, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        begun = mount.call(os.pread, fd, 10, 0)
        self.unlink(mounted, path)
        self.sync(mounted, 'INBOX')
        self.assertEqual(begun + mount.call(os.pread, fd, 100_000, 10), crlf(letter(2)))
        self.assertEqual(self.held('INBOX'), [1, 3, 4, 5, 6])

    def test_one_that_is_no_message(self):
        mounted = self.start()
        self.assert_errno(errno.ENOENT, self.unlink, mounted, 'INBOX/no.eml')
        self.assert_errno(errno.ENOENT, self.unlink, mounted, 'Nowhere/no.eml')
        self.assert_errno(errno.EISDIR, self.unlink, mounted, 'Box')


class TestMoving(writing.WritingCase):
    def test_to_another_mailbox(self):
        self.server.store('INBOX', '3', '+FLAGS (\\Answered word)')
        date = self.held_item('INBOX', 3, 'INTERNALDATE').split('INTERNALDATE')[1]
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 3)
        content = mounted.read(path)
        time = mounted.stat(path).st_mtime
        target = path.replace('INBOX', 'Box')
        self.rename(mounted, path, target)
        for _ in range(2):
            self.assertFalse(self.exists(mounted, path))
            self.assertEqual(mounted.read(target), content)
            self.assertEqual(mounted.stat(target).st_mtime, time)
            self.sync(mounted, 'Box')
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 4, 5, 6], [3, 101, 102, 103]))
        self.assertEqual(self.held_content('Box', 3), content)
        self.assertEqual(self.held_flags('Box', 3), {'\\Flagged', '\\Answered', 'word'})
        self.assertEqual(self.held_item('Box', 3, 'INTERNALDATE').split('INTERNALDATE')[1], date)
        mounted.unmount()
        self.assertEqual(self.start().read(target), content)

    def test_within_a_mailbox(self):
        """The name is this machine's, and lasts."""
        mounted = self.start()
        old = self.path(mounted, 'INBOX', 4)
        self.rename(mounted, old, 'INBOX/Käse & more.eml')
        self.sync(mounted, 'INBOX')
        for _ in range(2):
            self.assertIn('Käse & more.eml', mounted.listdir('INBOX'))
            self.assertFalse(self.exists(mounted, old))
            self.assertEqual(mounted.read('INBOX/Käse & more.eml'), crlf(letter(4)))
            mounted.unmount()
            mounted = self.start()
        self.assertEqual(self.held('INBOX'), [1, 2, 3, 4, 5, 6])

    def test_to_another_mailbox_and_name(self):
        mounted = self.start()
        self.rename(mounted, self.path(mounted, 'INBOX', 4), 'Box/new.eml')
        self.rename(mounted, 'Box/new.eml', 'Box/newer.eml')  # before the server knows, or right after
        self.sync(mounted)
        self.assertEqual(self.held('Box'), [4, 101, 102, 103])
        mounted.kill()
        mounted = self.start()
        self.assertEqual(mounted.read('Box/newer.eml'), crlf(letter(4)))
        self.assertFalse(self.exists(mounted, 'Box/new.eml'))

    def test_and_back_and_on(self):
        mounted = self.start()
        name = self.path(mounted, 'INBOX', 4).split('/')[1]
        for _ in range(5):
            self.rename(mounted, f'INBOX/{name}', f'Box/{name}')
            self.rename(mounted, f'Box/{name}', f'INBOX/{name}')
        self.assertEqual(mounted.read(f'INBOX/{name}'), crlf(letter(4)))
        self.rename(mounted, f'INBOX/{name}', f'Box/{name}')
        self.unlink(mounted, f'Box/{name}')
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 5, 6], [101, 102, 103]))

    def test_over_a_message(self):
        mounted = self.start()
        old, target = self.path(mounted, 'INBOX', 1), self.path(mounted, 'Box', 101)
        self.rename(mounted, old, target)
        self.assertEqual(mounted.read(target), crlf(letter(1)))
        self.assertEqual(self.shown(mounted, 'Box'), [1, 102, 103])
        second, third = self.path(mounted, 'INBOX', 2), self.path(mounted, 'INBOX', 3)
        self.rename(mounted, second, third)
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([2, 4, 5, 6], [1, 102, 103]))
        self.assertEqual(mounted.read(third), crlf(letter(2)))
        mounted.unmount()
        self.assertEqual(self.start().read(third), crlf(letter(2)))

    def test_flags_of_renameat2(self):
        mounted = self.start()
        old, target = self.path(mounted, 'INBOX', 1), self.path(mounted, 'Box', 101)
        self.assert_errno(errno.EEXIST, self.rename, mounted, old, target, RENAME_NOREPLACE)
        self.assert_errno(errno.EINVAL, self.rename, mounted, old, target, RENAME_EXCHANGE)
        self.assert_errno(errno.EINVAL, self.rename, mounted, 'Box', 'INBOX', RENAME_EXCHANGE)
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [101, 102, 103]))
        self.rename(mounted, old, 'Box/free.eml', RENAME_NOREPLACE)
        self.sync(mounted)
        self.assertEqual(self.held('Box'), [1, 101, 102, 103])

    def test_an_open_file(self):
        """It can be read where it is now, not only what was read before."""
        self.server.append('INBOX', [(letter(7, size=600_000), DAY, '')])
        mounted = self.start('names=uid')
        fd = mount.call(os.path.exists, mounted.path / 'INBOX/7.eml') and os.open(mounted.path / 'INBOX/7.eml', os.O_RDONLY)
        self.addCleanup(os.close, fd)
        self.rename(mounted, 'INBOX/7.eml', 'Box/7.eml')
        self.sync(mounted, 'Box')
        content = b''.join(mount.call(os.pread, fd, 100_000, offset) for offset in range(0, 800_000, 100_000))
        self.assertEqual(content, crlf(letter(7, size=600_000)))

    def test_to_another_account(self):
        self.server.append('INBOX', [(letter(201), DAY, '')], 'bob')
        mounted, other = self.start(), self.mount(self.server, user='bob', tls='none')
        path = self.path(mounted, 'INBOX', 1)
        self.assert_errno(errno.EXDEV, mount.call, os.rename, mounted.path / path, other.path / path)
        mounted.run(f"mv '{path}' '{other.path}/INBOX/'")
        self.sync(mounted)
        self.sync(other)
        self.assertEqual(self.held('INBOX'), [2, 3, 4, 5, 6])
        self.assertEqual(sorted(self.server.messages('INBOX', user='bob').values()), [crlf(letter(1)), crlf(letter(201))])

    def test_a_read_only_mount(self):
        mounted = self.start('ro')
        path = self.path(mounted, 'INBOX', 1)
        for function, *arguments in ((self.unlink, path), (self.rename, path, 'Box/x.eml'), (self.mkdir, 'New'),
                                     (self.rmdir, 'Box'), (self.write, 'INBOX/x.eml', letter(9))):
            self.assert_errno(errno.EROFS, function, mounted, *arguments)
        self.assert_errno(errno.EROFS, self.write, mounted, path, b'x', mode='ab')


class TestCopying(writing.WritingCase):
    server_options = {'rawlog': True}

    def test_into_a_mailbox(self):
        (self.scratch / 'note.eml').write_bytes(letter(7))
        mounted = self.start()
        mounted.run(f'cp {self.scratch}/note.eml INBOX/')
        self.assertEqual(self.held_content('INBOX', 7), crlf(letter(7)))
        self.assertEqual(mounted.read('INBOX/note.eml'), crlf(letter(7)))
        self.assertEqual(mounted.stat('INBOX/note.eml').st_size, len(crlf(letter(7))))
        mounted.unmount()
        self.assertEqual(self.start().read('INBOX/note.eml'), crlf(letter(7)))

    def test_with_its_time(self):
        (self.scratch / 'note.eml').write_bytes(letter(7))
        os.utime(self.scratch / 'note.eml', (1_000_000_000, 1_000_000_000))
        mounted = self.start()
        mounted.run(f'cp -p {self.scratch}/note.eml INBOX/')
        self.assertIn('09-Sep-2001 01:46:40 +0000', self.held_item('INBOX', 7, 'INTERNALDATE'))
        self.assertEqual(mounted.stat('INBOX/note.eml').st_mtime, 1_000_000_000)

    def test_names_that_are_too_long(self):
        mounted = self.start()
        for make in (lambda name: self.write(mounted, name, letter(7)), lambda name: self.mkdir(mounted, name),
                     lambda name: self.rename(mounted, self.path(mounted, 'INBOX', 1), name), mounted.stat):
            self.assert_errno(errno.ENAMETOOLONG, make, 'Box/' + 'n' * 256)
        self.write(mounted, 'Box/' + 'n' * 251 + '.eml', letter(7))

    def test_nearly_the_same(self):
        """What is sent each night, and has no Message-ID: none takes the place of another."""
        report = b'Date: Fri, 20 Nov 2026 09:30:00 +0100\nFrom: root@example.org\nSubject: Report\n\n'
        for mailbox, body in (('One', b'all is well\n'), ('Two', b'it burns\n')):
            self.server.deliver(mailbox, [(report + body, DAY, '')])
        mounted = self.start()
        mounted.run('mv One/* Two/')
        self.sync(mounted)
        self.assertEqual(sorted(self.server.messages('Two').values()),
                         sorted(crlf(report + body) for body in (b'all is well\n', b'it burns\n')))

    def test_between_mailboxes(self):
        """UID COPY: flags and date are kept, and nothing is carried to and fro."""
        self.server.append('INBOX', [(letter(7, size=600_000), DAY, 'FR')])
        self.draw_line()
        mounted = self.start('names=uid', 'poll=0')
        mounted.listdir('INBOX')
        n_appends = self.n_said(' APPEND ')
        with self.line.counting() as counts:
            mounted.run('cp INBOX/7.eml Box/copy.eml')
            self.sync(mounted, 'Box')
        self.assertLess(counts['bytes_up'] + counts['bytes_down'], 50_000)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6, 7], [7, 101, 102, 103]))
        self.assertEqual(self.held_content('Box', 7), crlf(letter(7, size=600_000)))
        self.assertEqual(self.held_flags('Box', 7), {'\\Flagged', '\\Answered'})
        self.assertEqual(mounted.read('Box/copy.eml'), mounted.read('INBOX/7.eml'))
        mounted.unmount()
        self.assertEqual((self.n_said(' APPEND '), self.n_said(' UID COPY ')), (n_appends, 1))

    def test_over_a_message(self):
        mounted = self.start()
        old, target = self.path(mounted, 'INBOX', 1), self.path(mounted, 'Box', 101)
        mounted.run(f"cp '{old}' '{target}'")
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([1, 2, 3, 4, 5, 6], [1, 102, 103]))

    def test_a_tree(self):
        self.server.append('Box/Deep', [(letter(201), DAY, '')])
        mounted = self.start()
        mounted.run('cp -r Box Copy')
        self.sync(mounted)
        self.assertEqual((self.held('Copy'), self.held('Copy/Deep')), ([101, 102, 103], [201]))
        mounted.run(f'cp -a Copy {self.scratch}/away && cp -a {self.scratch}/away Back && rm -r Copy')
        self.sync(mounted)
        self.assertEqual((self.held('Back'), self.held('Back/Deep')), ([101, 102, 103], [201]))
        self.assertNotIn('Copy', self.server.mailboxes())


class TestMailboxes(writing.WritingCase):
    def test_make_and_remove(self):
        mounted = self.start()
        for name in ('New', 'New/Семья & "co"', 'Box/Child'):
            self.mkdir(mounted, name)
            self.assertEqual(mounted.listdir(name), [])
        self.assert_errno(errno.EEXIST, self.mkdir, mounted, 'New')
        self.assert_errno(errno.EEXIST, self.mkdir, mounted, 'INBOX')
        self.assert_errno(errno.ENOENT, self.mkdir, mounted, 'Nowhere/x')
        self.rename(mounted, self.path(mounted, 'INBOX', 1), 'New/Семья & "co"/x.eml')
        self.sync(mounted)
        self.assertLessEqual({'New', 'New/Семья & "co"', 'Box/Child'}, set(self.server.mailboxes()))
        self.assertEqual(self.held('New/Семья & "co"'), [1])
        self.assert_errno(errno.ENOTEMPTY, self.rmdir, mounted, 'New/Семья & "co"')
        self.assert_errno(errno.ENOTEMPTY, self.rmdir, mounted, 'New')
        self.unlink(mounted, 'New/Семья & "co"/x.eml')
        self.rmdir(mounted, 'New/Семья & "co"')
        self.rmdir(mounted, 'New')
        self.rmdir(mounted, 'Box/Child')
        self.sync(mounted)
        self.assertFalse({'New', 'New/Семья & "co"', 'Box/Child'} & set(self.server.mailboxes()))
        self.assertEqual(self.held('Box'), [101, 102, 103])

    def test_not_empty(self):
        """Whatever another client has put there, also a moment ago."""
        self.server.create('Empty', 'Parent', 'Parent/Child')
        mounted = self.start()
        self.assertEqual(mounted.listdir('Empty'), [])
        self.assert_errno(errno.ENOTEMPTY, self.rmdir, mounted, 'Parent')
        self.assert_errno(errno.ENOTEMPTY, self.rmdir, mounted, 'Box')
        self.server.append('Empty', [(letter(201), DAY, '')])
        self.assert_errno(errno.ENOTEMPTY, self.rmdir, mounted, 'Empty')
        self.sync(mounted)
        self.assertEqual((self.held('Box'), self.held('Empty')), ([101, 102, 103], [201]))
        self.assertIn('Parent/Child', self.server.mailboxes())

    def test_rename(self):
        self.server.append('Box/Child', [(letter(201), DAY, '')])
        self.server.create('Other')
        mounted = self.start()
        path = self.path(mounted, 'Box', 101)
        content = mounted.read(path)
        self.rename(mounted, 'Box', 'Other/Moved')
        self.assertEqual(mounted.read(path.replace('Box', 'Other/Moved')), content)
        self.assertEqual(self.shown(mounted, 'Other/Moved'), [101, 102, 103])
        self.assertEqual(self.shown(mounted, 'Other/Moved/Child'), [201])
        self.assertFalse(self.exists(mounted, 'Box'))
        self.rename(mounted, self.path(mounted, 'INBOX', 1), 'Other/Moved/Child/x.eml')
        self.sync(mounted)
        self.assertEqual(self.held('Other/Moved'), [101, 102, 103])
        self.assertEqual(self.held('Other/Moved/Child'), [1, 201])
        self.assertNotIn('Box', self.server.mailboxes())
        mounted.unmount()
        self.assertEqual(self.shown(self.start(), 'Other/Moved/Child'), [1, 201])

    def test_rename_of_what_is_not_made_yet(self):
        mounted = self.start()
        mounted.run('mkdir -p A/B && mv INBOX/*Letter-1.* A/B/ && mv A/B C && mv C/*.eml A/ && rmdir C && mv A Z')
        self.sync(mounted)
        self.assertEqual(self.held('Z'), [1])
        self.assertFalse({'A', 'A/B', 'C'} & set(self.server.mailboxes()))

    def test_rename_over_a_mailbox(self):
        self.server.create('Empty')
        mounted = self.start()
        self.assert_errno((errno.ENOTEMPTY, errno.EEXIST), self.rename, mounted, 'Empty', 'Box')
        self.assert_errno(errno.EEXIST, self.rename, mounted, 'Box', 'Empty', RENAME_NOREPLACE)
        self.rename(mounted, 'Box', 'Empty')
        self.sync(mounted)
        self.assertEqual(self.held('Empty'), [101, 102, 103])
        self.assertNotIn('Box', self.server.mailboxes())
        self.assert_errno(errno.ENOTDIR, self.rename, mounted, 'Empty', self.path(mounted, 'INBOX', 1))
        self.assert_errno(errno.EISDIR, self.rename, mounted, self.path(mounted, 'INBOX', 1), 'Empty')
        self.assert_errno(errno.EINVAL, self.rename, mounted, 'Empty', 'Empty/Inside')

    def test_the_inbox(self):
        mounted = self.start()
        self.assert_errno(REFUSED + (errno.ENOTEMPTY,), self.rmdir, mounted, 'INBOX')
        self.assert_errno(REFUSED, self.rename, mounted, 'INBOX', 'Outbox')
        mounted.run('rm INBOX/*.eml')
        self.assert_errno(REFUSED, self.rmdir, mounted, 'INBOX')
        self.sync(mounted)
        self.assertIn('INBOX', self.server.mailboxes())
        self.assertNotIn('Outbox', self.server.mailboxes())

    def test_rm_of_a_tree(self):
        self.server.append('Box/Child/Deep', [(letter(201), DAY, '')])
        mounted = self.start()
        mounted.run('rm -r Box')
        self.assertFalse(self.exists(mounted, 'Box'))
        mounted.unmount()
        self.assertFalse([name for name in self.server.mailboxes() if name.startswith('Box')])

    def test_dot_as_delimiter(self):
        self.server.stop()
        self.server.delimiter = '.'
        self.server.write('dovecot.conf', self.server.configuration())
        self.server.start()
        mounted = self.start()
        mounted.run('mkdir -p A/B/C && mv INBOX/*Letter-1.* A/B/C/ && mv A/B B')
        self.sync(mounted)
        self.assertEqual(self.held('B.C'), [1])


class TestFlags(writing.WritingCase):
    def change(self, mounted, path, change):
        mount.call(os.setxattr, mounted.path / path, 'user.imap.flags', change.encode())

    def test_set(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 1)
        self.change(mounted, path, '+\\Answered +word -\\Flagged')
        self.change(mounted, self.path(mounted, 'INBOX', 2), '\\Seen')
        self.assertEqual(set(mount.call(os.getxattr, mounted.path / path, 'user.imap.flags').decode().split()),
                         {'\\Answered', 'word'})
        self.sync(mounted, path)
        self.assertEqual(self.held_flags('INBOX', 1), {'\\Answered', 'word'})
        self.assertEqual(self.held_flags('INBOX', 2), {'\\Seen'})
        self.assertEqual(self.held_flags('INBOX', 3), {'\\Flagged'})

    def test_and_move(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 1)
        self.change(mounted, path, '+\\Answered')
        self.rename(mounted, path, 'Box/x.eml')
        self.change(mounted, 'Box/x.eml', '+\\Seen')
        self.sync(mounted)
        self.assertEqual(self.held_flags('Box', 1), {'\\Flagged', '\\Answered', '\\Seen'})

    def test_wrong(self):
        mounted = self.start()
        path = self.path(mounted, 'INBOX', 1)
        for wrong in ('+\\Recent', '+b(c', '+a b', '+\\No\\Flag'):
            with self.subTest(wrong=wrong):
                self.assert_errno(errno.EINVAL, self.change, mounted, path, wrong)
        self.sync(mounted)
        self.assertEqual(self.held_flags('INBOX', 1), {'\\Flagged'})


class TestTwoMounts(writing.WritingCase):
    def test_of_one_account(self):
        """The second keeps nothing, so each of its calls waits."""
        first, second = self.start(), self.start()
        self.rename(first, self.path(first, 'INBOX', 1), 'Box/from-first.eml')
        self.rename(second, self.path(second, 'INBOX', 2), 'Box/from-second.eml')
        self.assertEqual(self.held('INBOX').count(2), 0)
        self.sync(first)
        for mounted in (first, second):
            self.assertTrue(mount.wait_until(lambda: self.shown(mounted, 'Box') == [1, 2, 101, 102, 103]))
        self.unlink(second, self.path(second, 'Box', 1))
        self.write(second, 'INBOX/new.eml', letter(7))
        second.unmount()
        self.assertTrue(mount.wait_until(lambda: self.shown(first, 'INBOX') == [3, 4, 5, 6, 7]))
        self.assertEqual((self.held('INBOX'), self.held('Box')), ([3, 4, 5, 6, 7], [2, 101, 102, 103]))


class TestWithoutUidplus(writing.WritingCase):
    """A bare EXPUNGE would take what others have marked, so what goes is only marked, and not shown."""

    server_options = {'without': ['UIDPLUS', 'MOVE']}

    def test_others_mail_stays(self):
        self.server.store('INBOX', '5', '+FLAGS (\\Deleted)')
        mounted = self.start()
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        self.rename(mounted, self.path(mounted, 'INBOX', 2), 'Box/moved.eml')
        self.sync(mounted)
        for _ in range(2):
            self.assertFalse({1, 2} & set(self.shown(mounted, 'INBOX')))
            self.assertEqual(self.shown(mounted, 'Box'), [2, 101, 102, 103])
            mounted.unmount()
            mounted = self.start()
        flags = self.server.flags('INBOX')
        self.assertIn(5, self.held('INBOX'))
        self.assertEqual({uid for uid in (1, 2) if '\\Deleted' not in flags.get(uid, {'\\Deleted'})}, set())
        self.assertEqual({uid for uid in (3, 4, 6) if '\\Deleted' in flags[uid]}, set())
        self.assertEqual(self.held('Box'), [2, 101, 102, 103])


class TestTrash(writing.WritingCase):
    def test_trash(self):
        self.server.create('Trash')
        mounted = self.start('trash=yes')
        path = self.path(mounted, 'INBOX', 1)
        content = mounted.read(path)
        self.unlink(mounted, path)
        self.assertEqual(self.shown(mounted, 'INBOX'), [2, 3, 4, 5, 6])
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Trash')), ([2, 3, 4, 5, 6], [1]))
        self.assertEqual(self.held_content('Trash', 1), content)
        self.unlink(mounted, self.path(mounted, 'Trash', 1))
        self.sync(mounted)
        self.assertEqual(self.held('Trash'), [])

    def test_no_trash(self):
        self.server.create('Trash')
        mounted = self.start('trash=no')
        self.unlink(mounted, self.path(mounted, 'INBOX', 1))
        self.sync(mounted)
        self.assertEqual((self.held('INBOX'), self.held('Trash')), ([2, 3, 4, 5, 6], []))


if __name__ == '__main__':
    mount.main()
